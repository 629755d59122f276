"""Hue, shape and what is inside name a row; ours keep theirs; hues hold with any colour vision."""

import re
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.words import METHODS_THEN
from bench.report.figures.colours import (
    BASELINE,
    FILLED,
    HUES,
    INSIDE,
    SHAPES,
    Look,
    colours,
    hue,
    looks,
    place_methods,
    shape,
)
from bench.report.rows import Method
from tests import ROOT

TEMPLATES = ROOT / "bench" / "report" / "html" / "templates"
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A800")
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


def rows_of(rows, baselines=()):
    """Tables, one, of rows (name, solver)."""
    found = []
    for name, solver in rows:
        kind = "baseline" if solver in baselines else "method"
        place = METHODS_THEN.index(solver) if solver in METHODS_THEN else None
        head = SimpleNamespace(solver=solver, baseline=solver in baselines)
        order = 1000 if place is None else place
        found.append(SimpleNamespace(name=name, head=head, method=Method(kind, order, place)))
    return [SimpleNamespace(rows=found)]


def named(solvers):
    return [(f"{solver}-{i}", solver) for i, solver in enumerate(solvers)]


def looks_of(rows, **about):
    tables = rows_of(rows, **about)
    return [looks(tables)[row.name] for row in tables[0].rows]


@given(st.lists(SOLVERS, min_size=1, max_size=60))
def test_no_two_rows_look_the_same_and_ours_keep_their_places(solvers):
    tables = rows_of(named(solvers))
    found = looks(tables)
    assert len(set(found.values())) == len(solvers)
    for row in tables[0].rows:
        if row.head.solver in METHODS_THEN:
            place = METHODS_THEN.index(row.head.solver)
            assert (found[row.name].colour, found[row.name].marker) == (hue(place), shape(place))
    methods = {row.head.solver: row.method for row in tables[0].rows}
    backwards = dict(reversed(methods.items()))
    assert place_methods(methods) == place_methods(backwards), "whatever the order of rows"


@pytest.mark.parametrize("ours", [[], list(METHODS_THEN)])
def test_24_methods_are_six_hues_by_four_shapes(ours):
    solvers = [*ours, *(f"mine{i:02d}" for i in range(24 - len(ours)))]
    found = {(look.colour, look.marker) for look in looks_of(named(solvers))}
    assert found == {(colour, marker) for colour in HUES for marker in SHAPES[:4]}


def test_the_next_24_methods_have_other_shapes():
    found = looks_of(named(f"mine{i:03d}" for i in range(100)))
    assert len({(look.colour, look.marker) for look in found}) == 100
    assert {look.marker for look in found[:48]} == set(SHAPES)


@pytest.mark.parametrize("ours", [[], ["red_diff"], ["red_diff", "dps"], list(METHODS_THEN)])
def test_a_users_method_never_has_the_look_of_red_diff(ours):
    look = looks_of(named([*ours, "Mine"]))[-1]
    assert look.colour != HUES[0], "though the method may be absent here"


def test_two_of_ours_that_claim_one_place_look_different():
    """Runs of two versions, whose lists of methods were not the same."""
    method = Method("method", 1, 3)
    places = place_methods({"one": method, "other": method})
    assert places["one"] == 3 != places["other"]


def test_rows_of_a_method_differ_in_what_is_inside_also_in_several_tables():
    first, second = rows_of([("a-1", "a"), ("a-2", "a")]), rows_of([("a-2", "a"), ("b", "b"), ("a-3", "a")])
    found = looks(first + second)
    assert [found[f"a-{i}"].inside for i in (1, 2, 3)] == list(INSIDE[:3])
    assert len({(found[name].colour, found[name].marker) for name in ("a-1", "a-2", "a-3")}) == 1
    assert found["b"].inside == FILLED


def test_a_label_that_two_methods_share_has_one_look():
    first, second = (
        rows_of([("both", "dps"), ("a", "red_diff")]),
        rows_of([("b", "dps"), ("both", "red_diff")]),
    )
    found = looks(first + second)
    assert found["both"] == Look(HUES[1], shape(1)) and found["b"].colour == HUES[1] and len(found) == 3


def test_baselines_are_grey_and_take_no_place_away():
    tables = rows_of([("pinv", "pinv"), ("mine", "mine"), ("other", "other")], baselines={"pinv"})
    assert colours(tables) == {"pinv": BASELINE, "mine": HUES[5], "other": HUES[4]}
    assert BASELINE not in HUES and colours([]) == looks([]) == {}


def test_the_page_has_the_same_hues_and_shapes():
    """Its script computes shapes from places by the formula that is tried here."""
    tokens = (TEMPLATES / "tokens.css").read_text()
    assert re.findall(r"--h(\d): (#\w+);", tokens)[:6] == [(str(k), HUES[k]) for k in range(6)]
    script = (TEMPLATES / "marks.js").read_text()
    assert "const turn = (hue + Math.floor((r.hue % 24) / 6)) % 4;" in script
    assert "SHAPES[(turn + 4 * Math.floor(r.hue / 24)) % 8]" in script
    for place in range(48):
        turn = (place % 6 + (place % 24) // 6) % 4
        assert shape(place) == SHAPES[(turn + 4 * (place // 24)) % 8]


def seen(colour, vision):
    """OKLab of a colour as someone with this vision sees it."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return LAB @ np.cbrt(LMS @ np.clip(np.reshape(VISIONS[vision], (3, 3)) @ linear, 0, 1))


def nearest(hues, vision):
    return min(np.linalg.norm(seen(a, vision) - seen(b, vision)) for a, b in combinations(hues, 2))


@pytest.mark.parametrize("vision", VISIONS)
def test_hues_are_told_apart_with_any_colour_vision(vision):
    """The bound is far above what a usual palette of eight has for protanopes."""
    assert nearest(HUES, vision) > 0.14
    assert nearest(OKABE_ITO, "protan") < 0.07


@pytest.mark.parametrize("hue", HUES)
def test_hues_stand_out_from_white(hue):
    srgb = np.array([int(hue[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) > 3, "contrast as WCAG asks of graphics"
