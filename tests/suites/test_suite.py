"""Suites, presets and overrides: what is accepted, what it becomes, and what is said about the rest."""

import csv
import hashlib
import itertools
import sys
from collections import Counter
from dataclasses import asdict, fields
from functools import cache

import pytest

from bench.exact.problems import ExactImages, exact_prior, is_exact
from bench.operators import OPERATORS
from bench.operators.masks import InpaintBox
from bench.operators.nonlinear import PhaseRetrieval
from bench.plan.build import make_cells, operator_settings
from bench.plan.loading import DataAndPrior
from bench.suites import presets
from bench.suites.changes import override
from bench.suites.methods import build_solver, load_solver
from bench.suites.suite import SuiteError, list_suites, load_suite
from bench.system.syntax import code_text
from bench.system.user_code import import_user_module, module_sha256
from solvers import SOLVERS
from tests import ROOT

TOOLS = ROOT / "tools"
HEAD = "name: s\ndataset: d\nprior: p\nimages: 2\n"
TASKS = "tasks:\n  - {name: t, operator: hdr, sigma: .1}\n"
SOLVE = "solvers:\n  - {solver: pinv}\n"


class FakeData:
    """Shapes and names only."""

    name, shape = "d", (1, 16, 16)
    ids = tuple(f"im{k}" for k in range(64))

    def image_sha256(self, image):
        return image


class FakePrior:
    name, weights_sha256, config_sha256, shape, classes = "fashion32", "0" * 64, "1" * 64, (1, 16, 16), None


class Data256(FakeData):
    shape, ids = (3, 256, 256), tuple(f"im{k}" for k in range(1000))


class Prior256(FakePrior):
    shape = Data256.shape

    def __init__(self, name):
        self.name = name


def fake_world(_):
    return DataAndPrior(FakeData(), FakePrior())


@pytest.fixture
def supplied(monkeypatch):
    """Others in place of the two operators that are made of the user's files."""

    def freeform(shape, seeds, fraction: str = "20-30% freeform"):
        return InpaintBox(shape, seeds)

    def nonlinear(shape, seeds):
        return PhaseRetrieval(shape, seeds)

    monkeypatch.setitem(OPERATORS, "inpaint_freeform", freeform)
    monkeypatch.setitem(OPERATORS, "blur_nonlinear", nonlinear)


@cache
def exact_world(name):
    return DataAndPrior(ExactImages(name), exact_prior(name))


def write(tmp_path, text):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    return str(path)


def world_of(suite):
    if "256" in suite.prior:
        return lambda _: DataAndPrior(Data256(), Prior256(suite.prior))
    return (lambda row: exact_world(row.prior or suite.prior)) if is_exact(suite.prior) else fake_world


@pytest.mark.long
@pytest.mark.parametrize("name", list_suites())
def test_shipped_suites_resolve_into_distinct_cells(name, supplied):
    suite = load_suite(name)
    world = world_of(suite)
    cells = make_cells(suite, world, {"dtype": "float32"})
    assert len({cell.id for cell in cells}) == len(cells) > 0
    for cell in cells:
        number = cell.label.rpartition("-")[2]
        assert not number.isdigit() or cell.solver.steps == int(number), "labels state the number of steps"


AT_256 = [name for name in list_suites() if name.startswith(("ffhq-", "imagenet-"))]


@pytest.mark.long
@pytest.mark.parametrize("name", AT_256)
def test_rows_at_256_have_every_preset_and_tasks_their_unit(name, supplied):
    """A preset without a row of its own has the settings of one that has; DiffPIR's official steps are set by
    the rows."""
    suite = load_suite(name)
    assert {row.preset for row in suite.solvers} == {None, "bench", "official", "paper"}
    assert all("sigma_unit" in task.model_fields_set for task in suite.tasks if task.sigma), (
        "0.05 alone is two noise levels"
    )
    cells, settings = make_cells(suite, world_of(suite), {}), lambda solver: asdict(solver) | {"steps": 0}
    for cell in (cell for cell in cells if cell.preset):
        rows = [
            settings(other.solver) for other in cells if (other.task, other.name) == (cell.task, cell.name)
        ]
        for preset in ("bench", "official"):
            values = presets.resolve(cell.name, preset, cell.prior.name, cell.task.name, cell.task.operator)[
                1
            ]
            assert settings(build_solver(load_solver(cell.name), values, str)) in rows, (
                cell.name,
                preset,
                cell.task.name,
            )


def test_every_operator_that_images_have_is_a_task_at_256():
    """Of the specified ones; `sr_average2` is `sr_average4` with another factor."""
    asked = {task.operator for name in AT_256 for task in load_suite(name).tasks}
    assert asked == OPERATORS.keys() - {"matrix", "random_matrix", "sr_average2"}


@pytest.mark.parametrize("solver", SOLVERS)
def test_presets_fit_their_solvers(solver):
    for preset, priors in presets.load_presets(solver).items():
        for prior, tasks in priors.items():
            for values in tasks.values():
                built = build_solver(load_solver(solver), values, lambda param: f"{solver}.yaml: {param}")
                assert {f.name for f in fields(built)} >= values.keys(), (preset, prior)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HEAD + "taskss: 1\n" + TASKS + SOLVE,
            "my.yaml:5: taskss: unknown parameter (did you mean 'tasks'?)",
        ),
        (
            HEAD.replace("2", "0") + TASKS + SOLVE,
            "my.yaml:4: images: Input should be greater than or equal to 1 [got 0]",
        ),
        (
            HEAD + TASKS.replace(".1", "-1") + SOLVE,
            "my.yaml:6: tasks.0.sigma: Input should be greater than or equal to 0",
        ),
        (HEAD + TASKS.replace("name: t", "name: a/b") + SOLVE, "my.yaml:6: tasks.0.name: "),
        (
            HEAD + TASKS + "solvers:\n  - {solver: dps}\n  - {solver: dps}\n",
            "my.yaml:9: solvers.1: two rows are labelled 'dps'",
        ),
        (
            HEAD + TASKS + "solvers:\n  - solver: dps\n    tasks: [u]\n",
            "my.yaml:9: solvers.0.tasks: unknown task 'u'",
        ),
        (
            HEAD + TASKS + "solvers:\n  - {solver: dps, tasks: ['!t']}\n",
            "my.yaml:8: solvers.0.tasks: no task is left",
        ),
        (HEAD + TASKS, "my.yaml:1: solvers: is missing"),
        (HEAD + "name: t\n" + TASKS + SOLVE, "my.yaml:5: 'name' is given twice"),
        (HEAD + "tasks: [\n", "not valid YAML"),
        ("- 1\n", "my.yaml:1: expected a mapping"),
    ],
)
def test_messages_name_the_line(tmp_path, text, message):
    with pytest.raises(SuiteError) as error:
        load_suite(write(tmp_path, text))
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        (
            "{solver: dps, params: {zta: 1}}",
            "my.yaml:8: solvers.0.params.zta: unknown parameter (did you mean 'zeta'?)",
        ),
        (
            "{solver: dps, params: {steps: 0}}",
            "my.yaml:8: solvers.0.params.steps: Input should be greater than or equal to 1",
        ),
        (
            "{solver: dps, params: {spacing: x}}",
            "solvers.0.params.spacing: Input should be 'leading', 'trailing'",
        ),
        ("{solver: dsp}", "my.yaml:8: solvers.0: unknown solver 'dsp' (did you mean 'dps'?)"),
        (
            "{solver: dps, preset: bnch}",
            "my.yaml:8: solvers.0.preset: dps has no preset 'bnch' (did you mean 'bench'?)",
        ),
        ("{solver: red_diff, images: 99}", "asks for 99 images, dataset 'd' has 64"),
    ],
)
def test_row_messages(tmp_path, solver, message):
    suite = load_suite(write(tmp_path, HEAD + TASKS + f"solvers:\n  - {solver}\n"))
    with pytest.raises(SuiteError) as error:
        make_cells(suite, fake_world, {})
    assert message in str(error.value)


def test_task_and_twin_messages(tmp_path):
    bad_task = load_suite(write(tmp_path, HEAD + TASKS.replace("hdr", "hrd") + SOLVE))
    with pytest.raises(
        SuiteError, match=r"my.yaml:6: tasks.0: task 't': unknown operator 'hrd' .did you mean 'hdr'"
    ):
        make_cells(bad_task, fake_world, {})
    two = TASKS + TASKS.removeprefix("tasks:\n").replace("name: t", "name: u").replace("hdr", "hrd")
    with pytest.raises(SuiteError, match=r"'u': unknown operator 'hrd'.* \(--task '!u' runs the others\)"):
        make_cells(load_suite(write(tmp_path, HEAD + two + SOLVE)), fake_world, {})
    endless = TASKS.replace("hdr", "blur_gauss, params: {std: .inf}")
    with pytest.raises(
        SuiteError, match=r"my.yaml:6: tasks.0: task 't': operator 'blur_gauss': std = inf should be a finite"
    ):
        make_cells(load_suite(write(tmp_path, HEAD + endless + SOLVE)), fake_world, {})
    twins = "solvers:\n  - {solver: dps, label: a, params: {zeta: 1}}\n  - {solver: dps, label: b, params: {zeta: 1e0}}\n"
    with pytest.raises(SuiteError, match="row 'b' has the same settings as 'a'"):
        make_cells(load_suite(write(tmp_path, HEAD + TASKS + twins)), fake_world, {})


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
    files["base_of_mine"].write_text(SOLVER.format(module="solvers", base="DPS").replace("Mine", "Base"))
    files["mine"].write_text(SOLVER.format(module="base_of_mine", base="Base"))
    files["other"].write_text(SOLVER.format(module="solvers", base="DPS"))
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
from solvers import DPS


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


def test_equal_settings_give_equal_keys(tmp_path):
    """Written as 1e-1, 0.1 or a string, in either unit of sigma; and every real difference changes the
    key."""

    def key(task="sigma: .1", params="zeta: 0.1", numerics="float32"):
        tasks = f"tasks:\n  - {{name: t, operator: inpaint_random, {task}}}\n"
        text = HEAD + tasks + f"solvers:\n  - {{solver: dps, params: {{{params}}}}}\n"
        (cell,) = make_cells(load_suite(write(tmp_path, text)), fake_world, {"dtype": numerics})
        return cell.jobs(FakeData.image_sha256)[0].key

    assert (
        len(
            {
                key(),
                key(params="zeta: 1e-1"),
                key(params='zeta: "0.1"'),
                key(task="sigma: 0.05, sigma_unit: '[0,1]'"),
            }
        )
        == 1
    )
    assert key() == key(task="sigma: .1, params: {p: 7e-1}"), "a default that is written out"
    different = [
        key(),
        key(params="zeta: 0.2"),
        key(task="sigma: .2"),
        key(task="sigma: .1, params: {p: 0.5}"),
    ]
    assert len({*different, key(numerics="float64")}) == 5


def test_operator_settings_include_defaults():
    assert operator_settings("inpaint_random", {}) == {"p": 0.7}
    assert operator_settings("inpaint_random", {"p": "5e-1"}) == {"p": 0.5}


def test_presets_merge_and_refuse(tmp_path, monkeypatch):
    (tmp_path / "dps.yaml").write_text(
        "presets:\n  bench:\n    fashion*:\n      '*': {steps: 9, zeta: 1}\n      sr_*: {zeta: 2}\n"
    )
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    presets.load_presets.cache_clear()
    try:
        assert presets.resolve("dps", None, "fashion32", "mine", "sr_average4") == (
            "bench",
            {"steps": 9, "zeta": 2},
        )
        assert presets.resolve("dps", "bench", "fashion32", "mine", "hdr") == (
            "bench",
            {"steps": 9, "zeta": 1},
        )
        assert presets.resolve("dps", None, "ffhq", "mine", "hdr") == (None, {})
        with pytest.raises(
            SuiteError, match=r"no settings for prior 'ffhq'; .*; choose other rows by --solver"
        ):
            presets.resolve("dps", "bench", "ffhq", "mine", "hdr")
    finally:
        presets.load_presets.cache_clear()


def test_a_row_that_is_no_other_than_an_earlier_one_is_refused_or_left_out(tmp_path):
    def labels(zeta, more="", first=""):
        row = "  - {{solver: dps, label: {}, params: {{zeta: {}}}{}}}\n".format
        suite = load_suite(
            write(tmp_path, HEAD + TASKS + "solvers:\n" + row("a", 1, first) + row("b", zeta, more))
        )
        return [cell.label for cell in make_cells(suite, fake_world, {})]

    assert labels(2) == labels(2, ", skip_duplicates: true") == ["a", "b"]
    assert labels(1, ", skip_duplicates: true") == ["a"]
    with pytest.raises(SuiteError, match="row 'b' has the same settings as 'a'"):
        labels(1, ", skip_duplicates: true", first=", images: 1")
    with pytest.raises(
        SuiteError, match=r"my.yaml:9: solvers.1: row 'b' has the same settings as 'a' in task 't'"
    ):
        labels(1)


def test_presets_of_the_exact_suites_are_the_best_candidates():
    suite = load_suite(str(TOOLS / "tune_exact.yaml"))
    tasks, rows = {task.name: task for task in suite.tasks}, {row.label: row.solver for row in suite.solvers}
    with (TOOLS / "tune_exact.csv").open() as file:
        lines = list(csv.DictReader(file))
    trials = Counter((line["task"], line["row"], line["steps"]) for line in lines)
    assert set(trials.values()) == {6}
    assert {trial[:2] for trial in trials} == set(itertools.product(tasks, rows))
    best = [line for line in lines if line["best"]]
    assert len(best) == len(trials)
    for line in best:
        task = tasks[line["task"]]
        preset = (
            "exact"
            + line["row"].removeprefix(rows[line["row"]])
            + {"100": ""}.get(line["steps"], f"-{line['steps']}")
        )
        prior = (task.prior or suite.prior).removesuffix("-tune")
        _, found = presets.resolve(rows[line["row"]], preset, prior, task.name, task.operator)
        candidate = dict(pair.split("=") for pair in line["settings"].split()) | {"steps": line["steps"]}
        given = next(row.params for row in suite.solvers if row.label == line["row"])
        solver = load_solver(rows[line["row"]])
        assert build_solver(solver, found, str) == build_solver(solver, given | candidate, str), line


def test_command_line_selects_sets_and_sweeps():
    suite = load_suite("linear")
    labels = lambda *flags: [r.label for r in override(suite, flags, known=list(SOLVERS)).solvers]  # noqa: E731
    assert labels("dps") == ["dps-100", "dps-1000"]
    assert labels("dps-100", "pinv") == ["pinv", "dps-100"]
    assert labels("dps-100.zeta=1") == ["dps-100[zeta=1]"]
    assert labels("dps-100.zeta=1,2", "dps-100.clip=false") == [
        "dps-100[zeta=1,clip=False]",
        "dps-100[zeta=2,clip=False]",
    ]
    assert labels("dps-100", "dps.zeta=1") == ["dps-100[zeta=1]"]
    assert labels("pinv", "dps-100.zeta=1", "mine.py:Mine.k=2") == ["pinv", "dps-100[zeta=1]", "Mine[k=2]"]
    assert labels("a/mine.py:Mine.k=2") == ["Mine[k=2]"]
    assert labels("mine.py") == ["mine"]
    assert labels("v1.py:Mine", "v2.py:Mine", "pkg.v3:Mine", "v1.py:Mine") == [
        "Mine",
        "v2:Mine",
        "pkg.v3:Mine",
    ]
    assert labels("dps-100.zeta=1,2,1") == ["dps-100[zeta=1]", "dps-100[zeta=2]"]
    for flags, message in [
        (["dsp"], "did you mean 'dps'"),
        (["dps-100", "ddmr.eta=1"], "unknown solver 'ddmr' .did you mean 'ddrm'"),
        (["dps.=3"], "expected NAME or NAME.param=value"),
        (["a/mine.py", "b/mine.py"], "two rows are labelled 'mine'"),
    ]:
        with pytest.raises(SuiteError, match=message):
            labels(*flags)


def test_command_line_restricts():
    suite = override(load_suite("linear"), (), ["blur_gauss"], images=3, seed=0)
    assert [t.name for t in suite.tasks] == ["blur_gauss"]
    assert suite.images == 3
    assert all(row.images is None for row in suite.solvers)
    names = lambda *tasks: [t.name for t in override(load_suite("linear"), (), tasks).tasks]  # noqa: E731
    assert names("!blur_*", "!inpaint_box") == ["inpaint_random", "sr_average4", "sr_bicubic4"]
    assert names("blur_*", "inpaint_box", "!*motion") == ["inpaint_box", "blur_gauss"]
    for tasks, message in [
        (["sr_*", "!sr_*"], r"--task sr_\* --task !sr_\*: no task is left"),
        (["!sr"], "--task !sr: unknown"),
    ]:
        with pytest.raises(SuiteError, match=message):
            names(*tasks)
    with pytest.raises(SuiteError, match=r"--task blur_gaus: unknown task \(did you mean 'blur_gauss'"):
        override(suite, (), ["blur_gaus"])
