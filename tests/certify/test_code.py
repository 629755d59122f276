"""The hash behind a certificate covers the method's file and all helpers that it uses, wherever they lie."""

from textwrap import dedent

import pytest

from bench.certify.code import code_sha256, helper_texts, method_sha256, source_of
from solvers.daps import DAPS
from solvers.ddrm import DDRM
from solvers.dps import DPS
from tests.ours import SOLVERS

MODULES = {
    "solvers.mine": """
        from bench.solver import CLEAN, Measurement, Solver, Steps, guided
        from solvers.base import Base

        class Mine(Base, Solver):
            steps: Steps = 100

            def solve(self, measurement: Measurement):
                return guided(measurement, CLEAN)
        """,
    "solvers.base": """
        def twice(x):
            return 2 * x

        def unused(x):
            return 3 * x

        class Base:
            factor = twice(1)
        """,
    "bench.solver": """
        from typing import Annotated
        from bench.steps import guided_step as guided
        from bench.levels import CLEAN, Level

        Steps = Annotated[int, 1000]

        class Solver: rev = 1
        class Measurement: y = 0
        """,
    "bench.levels": """
        class Level: sigma = 0.0

        CLEAN = Level()
        """,
    "bench.steps": '''
        from math import sqrt
        from bench import names
        from bench.operators.base import Operator

        if True:
            FLOOR: float = 1e-9
        else:
            FLOOR = 0.0
        CEILING = 1.0

        def inner(x: Operator) -> float:
            return sqrt(x + FLOOR)

        def guided_step(x, level):
            """One step."""
            return inner(x) + names.MORE

        def other(x):
            return CEILING
        ''',
    "bench.names": "MORE = 1",
    "bench.operators.base": "class Operator: rcond = 1",
}


def sha(place="", old="", new=""):
    """The hash of solvers.mine after a change of one module."""
    sources = {name: dedent(text) for name, text in MODULES.items()}
    if place:
        assert sources[place].count(old) == 1
        sources[place] = sources[place].replace(old, new)
    return method_sha256("solvers.mine", lambda name: sources[name].encode() if name in sources else None)


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        ("solvers.mine", "steps: Steps = 100", "steps: Steps = 99"),
        ("solvers.base", "factor = twice(1)", "factor = twice(2)"),
        ("solvers.base", "2 * x", "4 * x"),
        ("bench.steps", "inner(x) + names", "inner(x) - names"),
        ("bench.steps", "x + FLOOR", "x * FLOOR"),
        ("bench.steps", "1e-9", "1e-8"),
        ("bench.steps", "FLOOR = 0.0", "FLOOR = 1.0"),
        ("bench.steps", "from math import", "from numpy import"),
        ("bench.levels", "CLEAN = Level()", "CLEAN = Level(1)"),
        ("bench.solver", "guided_step as guided", "other as guided"),
        ("bench.names", "MORE = 1", "MORE = 2"),
    ],
)
def test_it_changes_with_what_the_method_computes(place, old, new):
    assert sha(place, old, new) != sha()


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        ("solvers.mine", "return guided", "# a comment\n        return guided"),
        ("solvers.base", "3 * x", "5 * x"),
        ("bench.steps", '"""One step."""', '"""A step."""'),
        ("bench.steps", "CEILING = 1.0", "CEILING = 2.0"),
        ("bench.solver", "int, 1000", "int, 2000"),
        ("bench.solver", "rev = 1", "rev = 2"),
        ("bench.levels", "sigma = 0.0", "sigma = 1.0"),
        ("bench.operators.base", "rcond = 1", "rcond = 2"),
    ],
)
def test_it_stays_with_comments_annotations_interfaces_and_what_is_not_used(place, old, new):
    assert sha(place, old, new) == sha()


def test_a_helper_may_move_to_another_module(monkeypatch):
    before = sha()
    monkeypatch.setitem(MODULES, "bench.elsewhere", MODULES["bench.steps"])
    moved = MODULES["bench.solver"].replace("bench.steps", "bench.elsewhere")
    monkeypatch.setitem(MODULES, "bench.solver", moved)
    assert sha() == before


def test_the_helpers_of_our_methods():
    """DPS uses a step of DDPM, which is one of DDIM, and a norm, an inner product; DDRM uses classes only."""
    names = {cls: " ".join(helper_texts(cls.__module__, source_of)) for cls in (DPS, DAPS, DDRM)}
    for helper in ("ddpm", "ddim", "ddim_coefficients", "norm", "dot", "per_image"):
        assert f"FunctionDef(name='{helper}'" in names[DPS]
    assert "Name(id='CLEAN')" in names[DAPS] and "name='norm'" not in names[DAPS] and names[DDRM] == ""
    assert len({code_sha256(cls) for cls in SOLVERS.values()}) == len(SOLVERS)
