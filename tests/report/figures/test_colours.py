"""Colour and marker together name a row; ours keep their colours, which hold with any colour vision."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.words import METHODS_THEN
from bench.report.figures.colours import BASELINE, HUES, HUES_THEN, SHAPES, colours, hues_of, markers
from bench.report.rows import Method

SOLVERS = st.sampled_from([*METHODS_THEN, "mine", "other", "a", "z", "another"])
VISIONS = {
    "normal": [1, 0, 0, 0, 1, 0, 0, 0, 1],
    "protan": [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
    "deutan": [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881],
    "tritan": [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900],
}
"""Machado, Oliveira and Fernandes 2009, severity 1: what they make of linear sRGB, (3, 3) by rows."""
LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""OKLab (Ottosson 2020), from linear sRGB."""


def rows_of(rows, baselines=(), stated=True):
    """Tables, one, of rows (name, solver)."""
    found = []
    for name, solver in rows:
        kind = "baseline" if solver in baselines else "method"
        place = METHODS_THEN.index(solver) if solver in METHODS_THEN else None
        head = SimpleNamespace(solver=solver, baseline=solver in baselines)
        order = 1000 if place is None else place
        found.append(
            SimpleNamespace(name=name, head=head, method=Method(kind, order, place, is_stated=stated))
        )
    return [SimpleNamespace(rows=found)]


def named(solvers):
    return [(f"{solver}-{i}", solver) for i, solver in enumerate(solvers)]


def looks(tables):
    palette, shapes = colours(tables), markers(tables)
    return [(palette[row.name], shapes[row.name]) for row in tables[0].rows]


@given(st.lists(SOLVERS, min_size=1, max_size=60), st.booleans())
def test_no_two_rows_look_the_same_and_ours_keep_their_colours(solvers, stated):
    tables = rows_of(named(solvers), stated=stated)
    assert len(set(looks(tables))) == len(solvers)
    chosen, hues = hues_of(tables), HUES if stated else HUES_THEN
    for place, solver in enumerate(METHODS_THEN):
        assert chosen.get(solver) in {None, hues[place % len(hues)]}
    assert hues_of(rows_of(named(reversed(solvers)), stated=stated)) == chosen, "whatever the order of rows"


def test_24_methods_need_no_more_than_the_first_four_shapes():
    tables = rows_of(named(f"mine{i:02d}" for i in range(24)))
    assert set(looks(tables)) == {(hue, shape) for hue in HUES for shape in SHAPES[:4]}


@pytest.mark.parametrize("ours", [[], ["red_diff"], ["red_diff", "dps"], list(METHODS_THEN)])
def test_a_users_method_never_has_the_look_of_red_diff(ours):
    tables = rows_of(named([*ours, "Mine"]))
    assert hues_of(tables)["Mine"] != HUES[0], "though the method may be absent here"


def test_a_row_has_the_same_marker_in_every_table():
    first = rows_of([("a-1", "a"), ("a-2", "a")])
    second = rows_of([("a-2", "a"), ("b", "b"), ("a-3", "a")])
    assert markers(first + second) == {"a-1": "o", "a-2": "s", "b": "o", "a-3": "^"}


def test_a_label_that_two_methods_share_has_one_look():
    first, second = (
        rows_of([("both", "dps"), ("a", "red_diff")]),
        rows_of([("b", "dps"), ("both", "red_diff")]),
    )
    assert colours(first + second) == {"both": HUES[1], "a": HUES[0], "b": HUES[1]}
    assert markers(first + second) == {"both": "o", "a": "o", "b": "s"}


def test_baselines_are_grey_and_take_no_colour_away():
    tables = rows_of([("pinv", "pinv"), ("mine", "mine"), ("other", "other")], baselines={"pinv"})
    assert colours(tables) == {"pinv": BASELINE, "mine": HUES[5], "other": HUES[4]}
    assert BASELINE not in HUES and colours([]) == markers([]) == {}


def seen(colour, vision):
    """OKLab of a colour as someone with this vision sees it."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return LAB @ np.cbrt(LMS @ np.clip(np.reshape(VISIONS[vision], (3, 3)) @ linear, 0, 1))


def nearest(hues, vision):
    return min(np.linalg.norm(seen(a, vision) - seen(b, vision)) for a, b in combinations(hues, 2))


@pytest.mark.parametrize("vision", VISIONS)
def test_hues_are_told_apart_with_any_colour_vision(vision):
    """The bound is far above what the earlier palette has for protanopes."""
    assert nearest(HUES, vision) > 0.14
    assert nearest(HUES_THEN, "protan") < 0.07
