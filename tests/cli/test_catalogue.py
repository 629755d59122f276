"""`list`: what there is, and the reason for every gap."""

from bench.cli.catalogue import compatibility, row
from bench.operators import OPERATORS
from bench.solver import SVDOperator
from bench.suites.suite import list_suites
from tests.commands import bench
from tests.ours import SOLVERS


def test_list_gives_reasons():
    result = bench("list")
    assert result.exit_code == 0
    assert "blur_motion: DDRM needs SVDOperator; BlurMotion is LinearOperator" in result.stdout
    assert (
        "blur_motion: DDNM+ needs SVDOperator; BlurMotion is LinearOperator (plus = False takes y"
        in result.stdout
    )
    assert f"suites: {', '.join(list_suites())}" in result.stdout


def test_the_table_has_a_legend_and_a_mark_for_every_pair():
    legend, marks, head, *lines = compatibility().splitlines()[:21]
    assert "defaults" in legend and marks.startswith("x yes, - no, ? unknown")
    assert head == "" and lines[0].split() == list(SOLVERS)
    for line in lines[1:]:
        name, *found = line.split()
        assert name in OPERATORS and len(found) == len(SOLVERS) and set(found) <= set("x-?")


def test_a_mark_is_no_where_the_solver_refuses():
    marks, reasons = row("blur_motion")
    refused = [solver for solver, mark in zip(SOLVERS, marks, strict=True) if mark == "-"]
    needy = [name for name, cls in SOLVERS.items() if issubclass(cls.needs, SVDOperator) or name == "ddnm"]
    assert {"ddrm", "ddnm"} < set(needy) and refused == needy and len(reasons) == len(needy)
    assert row("denoise") == (["x"] * len(SOLVERS), [])


def test_an_operator_that_cannot_be_built_is_unknown_for_all(monkeypatch):
    def absent(shape, seeds):
        raise ValueError("absent: needs a file")

    monkeypatch.setitem(OPERATORS, "absent", absent)
    assert row("absent") == (["?"] * len(SOLVERS), ["needs a file"])
