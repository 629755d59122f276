"""Colour and marker together name a row, and a solver keeps its colour."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from bench.report.figures.colours import BASELINE, FIXED, MARKERS, PALETTE, colours, markers

SOLVERS = st.sampled_from([*FIXED, "mine", "other", "a", "z", "another"])


def tables_of(rows, baselines=()):
    """A table of rows (name, solver)."""
    found = []
    for name, solver in rows:
        found.append(
            SimpleNamespace(name=name, head=SimpleNamespace(solver=solver, baseline=solver in baselines))
        )
    return [SimpleNamespace(rows=found)]


def named(solvers):
    return [(f"{solver}-{i}", solver) for i, solver in enumerate(solvers)]


@given(st.lists(SOLVERS, min_size=1, max_size=30))
def test_known_solvers_keep_their_colours_and_no_two_solvers_share_one(solvers):
    chosen = colours(tables_of(named(solvers)))
    assert chosen.keys() == set(solvers) and set(chosen.values()) <= set(PALETTE)
    assert all(chosen[solver] == FIXED[solver] for solver in chosen.keys() & FIXED.keys())
    if len(chosen) <= len(PALETTE):
        assert len(set(chosen.values())) == len(chosen)
    assert colours(tables_of(named(reversed(solvers)))) == chosen, "whatever the order of rows"


@given(st.lists(SOLVERS, min_size=1, max_size=len(MARKERS), unique=False))
def test_colour_and_marker_together_name_a_row(solvers):
    tables = tables_of(named(solvers[: len(PALETTE)]))
    palette, shapes = colours(tables), markers(tables)
    looks = {(palette[row.head.solver], shapes[row.name]) for row in tables[0].rows}
    assert len(looks) == len(tables[0].rows)


def test_a_row_has_the_same_marker_in_every_table():
    first, second = (
        tables_of([("a-1", "a"), ("a-2", "a")]),
        tables_of([("a-2", "a"), ("b", "b"), ("a-3", "a")]),
    )
    assert markers(first + second) == {"a-1": "o", "a-2": "s", "b": "o", "a-3": "^"}
    assert len(set(markers(tables_of([(str(i), "a") for i in range(9)])).values())) == len(MARKERS) == 8


def test_baselines_are_grey_and_take_no_colour_away():
    tables = tables_of([("pinv", "pinv"), ("mine", "mine"), ("other", "other")], baselines={"pinv"})
    assert colours(tables) == {"pinv": BASELINE, "mine": PALETTE[0], "other": PALETTE[1]}
    assert BASELINE not in PALETTE and colours([]) == markers([]) == {}
