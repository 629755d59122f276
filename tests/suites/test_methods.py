"""Solver classes by name or file: what is found, and which code is its identity."""

import hashlib
import math
import sys
from dataclasses import fields

import pytest

from bench.solver import Solver
from bench.suites.methods import build_solver, check_fields, check_presets, load_solver, parameters
from bench.suites.yamlfile import SuiteError
from bench.system.code.syntax import code_text
from bench.system.code.user_code import import_user_module, module_sha256
from solvers.daps import DAPS
from solvers.dps import DPS
from solvers.red_diff import RedDiff
from tests.ours import CLASSES

SOLVER = """
from bench.solver import Step
from dataclasses import dataclass
from {module} import {base}
@dataclass(frozen=True)
class Mine({base}):
    def solve(self, measurement, prior, noise):
        yield Step(measurement.y, measurement.y)
"""


def test_the_source_of_a_solver_includes_its_bases(tmp_path, monkeypatch):
    """Editing any file that a user's class is made of changes its identity; ours have a revision instead."""
    monkeypatch.syspath_prepend(tmp_path)
    files = {name: tmp_path / f"{name}.py" for name in ("base_of_mine", "mine", "other")}
    files["base_of_mine"].write_text(SOLVER.format(module="solvers.dps", base="DPS").replace("Mine", "Base"))
    files["mine"].write_text(SOLVER.format(module="base_of_mine", base="Base"))
    files["other"].write_text(SOLVER.format(module="solvers.dps", base="DPS"))
    identity = lambda name: load_solver(str(files[name])).source_sha256  # noqa: E731
    before, other = identity("mine"), identity("other")
    assert before == identity("mine")
    assert other == hashlib.sha256(code_text(files["other"].read_bytes())).hexdigest()
    files["base_of_mine"].write_text(files["base_of_mine"].read_text() + "# a comment")
    assert identity("mine") == before
    files["base_of_mine"].write_text(files["base_of_mine"].read_text() + "\nEDITED = 1\n")
    assert identity("mine") != before
    assert identity("other") == other


HELPED = """
import random
from dataclasses import dataclass

import blurs.near
from solvers.daps import DAPS
from solvers.dps import DPS
from solvers.red_diff import RedDiff


@dataclass(frozen=True)
class Helped(DPS):
    zeta: float = blurs.near.ZETA
"""


def helped(folder, zeta=0.5, name="random"):
    """A solver's file of a name that is also one of Python's, beside a package that imports another
    module."""
    (folder / "blurs").mkdir(parents=True)
    (folder / "blurs" / "near.py").write_text("import numpy\n\nfrom far_away import ZETA\n")
    (folder / "blurs" / "unused.py").write_text("1 / 0\n")
    (folder / "far_away.py").write_text(f"ZETA = {zeta}\n")
    (folder / f"{name}.py").write_text(HELPED)
    return folder / f"{name}.py"


@pytest.fixture
def forgetful(monkeypatch):
    """What the modules of `helped` are loaded as ends with the test, and so do their places."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in ("blurs", "blurs.near", "far_away"):
        sys.modules.pop(name, None)


def test_a_solvers_helpers_are_imported_and_part_of_its_source(tmp_path, forgetful):
    """Modules in the folder of the file, at once or in turn; afterwards that is where imports look last."""
    file, before = helped(tmp_path), list(sys.path)
    assert load_solver(str(file)).cls().zeta == 0.5 and sys.path == [*before, str(tmp_path)]
    identities = [load_solver(str(file)).source_sha256]
    for path in (tmp_path / "blurs" / "near.py", tmp_path / "far_away.py"):
        path.write_text(path.read_text() + "EDITED = 1\n")
        identities.append(load_solver(str(file)).source_sha256)
    assert len(set(identities)) == 3
    for path in (tmp_path / "blurs" / "unused.py", tmp_path / "beside.py"):
        path.write_text("ANOTHER = 1\n")
        assert load_solver(str(file)).source_sha256 == identities[-1]


def test_a_function_may_import_a_helper_when_it_is_called(tmp_path, forgetful):
    """It counts too; one that does not parse counts by its bytes, and what lies above the folder not at
    all."""
    (tmp_path / "user.py").write_text(
        "try:\n    from ..above import ZETA\nexcept ImportError:\n    ZETA = 1\n\n\n"
        "def later():\n    from far_away import ZETA\n\n    return ZETA\n\n\ndef never():\n    import odd\n"
    )
    (tmp_path / "far_away.py").write_text("ZETA = 0.25\n")
    (tmp_path / "odd.py").write_text("this is no python\n")
    module = import_user_module(str(tmp_path / "user.py"))
    assert module.later() == 0.25
    first = module_sha256(module)
    for name in ("far_away.py", "odd.py"):
        (tmp_path / name).write_text("ZETA = 0.5\n")
        assert module_sha256(module) != first
        first = module_sha256(module)


def test_a_helper_that_is_another_one_than_that_beside_the_file_is_refused(tmp_path, forgetful):
    """Python has one module of a name, so that the second solver would run the first one's."""
    assert load_solver(str(helped(tmp_path / "a"))).cls().zeta == 0.5
    with pytest.raises(
        SuiteError, match=r"its 'blurs.near' is .*/b/blurs/near.py, but .*/a/blurs/near.py is loaded"
    ):
        load_solver(str(helped(tmp_path / "b", 0.7)))


def test_our_solvers_have_a_name_and_no_source():
    for name, cls in CLASSES.items():
        found = load_solver(name)
        assert (found.name, found.cls, found.source_sha256) == (name, cls, None)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("class Mine(Solver):\n    pass\n", "'Mine' is not a frozen dataclass; decorate it with"),
        ("@dataclass(frozen=True)\nclass Mine(Solver):\n    pass\n", "'Mine' does not implement solve"),
        ("@dataclass\nclass Mine(Solver):\n    pass\n", "cannot inherit non-frozen dataclass"),
        ("class Mine:\n    pass\n", "defines 0 solvers (none); name one as"),
    ],
)
def test_a_class_that_is_no_solver_is_refused(tmp_path, body, message):
    (tmp_path / "mine.py").write_text(
        f"from dataclasses import dataclass\nfrom bench.solver import Solver\n\n\n{body}"
    )
    with pytest.raises(SuiteError) as error:
        load_solver(str(tmp_path / "mine.py"))
    assert message in str(error.value)


def test_every_wrong_parameter_is_a_line_with_its_place():
    assert issubclass(DPS, Solver) and {"steps", "zeta"} <= set(parameters(DPS))
    with pytest.raises(SuiteError) as error:
        build_solver(load_solver("dps"), {"zta": 1, "steps": 0}, lambda param: f"here.{param}")
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert any(line.startswith("here.zta: unknown parameter (did you mean 'zeta'?)") for line in lines)
    assert any(line.startswith("here.steps: Input should be greater than") for line in lines)
    with pytest.raises(SuiteError, match="a row: steps: Input should be"):
        build_solver(load_solver("dps"), {"steps": 0}, lambda _: "a row")


def numbers(cls):
    """The parameters of a solver that are numbers."""
    return [f.name for f in fields(cls) if type(f.default) in {int, float}]


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, True, "1", 10**30, None])
def test_no_number_of_a_solver_is_taken_that_it_cannot_mean(name, value):
    for param in numbers(CLASSES[name]):
        with pytest.raises(SuiteError, match="Input should be"):
            build_solver(load_solver(name), {param: value}, str)


@pytest.mark.parametrize(
    ("solver", "words"),
    [
        (RedDiff(beta1=1), r"RedDiff.beta1: Input should be less than 1"),
        (RedDiff(adam_eps=0), r"RedDiff.adam_eps: Input should be greater than 0"),
        (DPS(zeta=math.nan), r"DPS.zeta: Input should be a finite number"),
        (DPS(steps=True), r"DPS.steps: Input should be a valid integer"),
    ],
)
def test_instances_are_checked_where_a_run_starts(solver, words):
    with pytest.raises(SuiteError, match=words):
        check_fields(solver)
    check_fields(type(solver)())


def test_parameters_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match=r"sigma_max = 0.01 is below sigma_min = 0.1"):
        DAPS(sigma_max=0.01)


PRESETS = """\
presets:
  bench:
    fashion32:
      "*": {steps: 50, zetta: 1.0}
      "sr_*": {zeta: -1}
"""


def test_wrong_presets_of_a_card_are_a_line_each_with_its_place(tmp_path):
    mine, card = tmp_path / "mine.py", tmp_path / "mine.yaml"
    mine.write_text(SOLVER.format(module="solvers.dps", base="DPS"))
    card.write_text(PRESETS)
    with pytest.raises(SuiteError) as error:
        check_presets(str(mine), load_solver(str(mine)))
    unknown, negative = str(error.value).splitlines()
    place = f"{card}:4: presets.bench.fashion32.*.zetta: unknown parameter (did you mean 'zeta'?); known: "
    assert unknown.startswith(place) and negative.startswith(f"{card}:5: presets.bench.fashion32.sr_*.zeta: ")
    card.write_text(PRESETS.replace("zetta", "zeta").replace("-1", "2"))
    check_presets(str(mine), load_solver(str(mine)))


def test_presets_that_fit_only_together_are_no_error(tmp_path):
    """A row takes both entries; one alone has less than the class needs, and clashes with a default."""
    mine = tmp_path / "mine.py"
    fields = "class Mine(Solver):\n    least: int\n    low: int = 5\n    high: int = 9\n"
    fits = (
        "    def __post_init__(self):\n        if self.low > self.high:\n            raise ValueError('no')\n"
    )
    body = SOLVER.format(module="bench.solver", base="Solver").replace("class Mine(Solver):\n", fields + fits)
    mine.write_text(body)
    entries = "{'*': {high: 3, least: 1}, a: {low: 2}}"
    (tmp_path / "mine.yaml").write_text(f"presets: {{bench: {{fashion32: {entries}}}}}\n")
    check_presets(str(mine), load_solver(str(mine)))
