"""Names beside a panel: apart, in the order of their points, within its height, joined to the points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import LineCollection
from scipy.optimize import isotonic_regression

from bench.report.figures.axes import labels
from bench.report.figures.colours import HUES, INSIDE, Look
from bench.report.figures.page import blank_page

HEIGHTS = st.lists(st.floats(0, 1), min_size=1, max_size=40).map(sorted)


@given(HEIGHTS)
def test_names_are_apart_in_order_and_inside(heights):
    places = labels.spread(heights, 0.05)
    least = min(0.05, 1 / max(len(heights) - 1, 1))
    assert (np.diff(places) >= least - 1e-9).all()
    assert places[0] >= -1e-9 and places[-1] <= 1 + 1e-9


def test_names_with_room_stand_beside_their_points():
    assert labels.spread([0.1, 0.5, 0.9], 0.2) == pytest.approx([0.1, 0.5, 0.9])
    assert labels.spread([0.5, 0.5], 0.2) == pytest.approx([0.4, 0.6])


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=40))
def test_the_rising_sequence_is_the_nearest_one(values):
    found = labels.rising(np.array(values))
    assert found == pytest.approx(isotonic_regression(values).x, abs=1e-9)
    assert (np.diff(found) >= -1e-12).all()


def page_of(found, n=1):
    page = blank_page(6, 3)
    panels = [page.add_axes((0.1, 0.1, 0.3, 0.8)), page.add_axes((0.7, 0.1, 0.25, 0.8))][:n]
    labels.write(page, panels, found, 1.5)
    return page


@pytest.mark.parametrize("n", [1, 2])
def test_24_names_do_not_overlap_and_each_is_joined_to_its_points(n):
    found = [labels.Label(f"row {k}", Look(HUES[0], "o"), 0.5, (0.2, 0.4)) for k in range(24)]
    page = page_of(found, n)
    texts = [text for axis in page.axes for text in axis.texts]
    page.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in texts), key=lambda box: box.y0)
    assert len(boxes) == 24
    heights = np.array([box.y0 for box in boxes])
    assert (np.diff(heights) > 0.8 * 2.4 / 24 * page.dpi).all()
    lines = [one for one in page.findobj(LineCollection) if len(one.get_segments()) == 24]
    assert len(lines) == n
    starts = {tuple(np.round(segment[0], 3)) for segment in lines[0].get_segments()}
    assert starts == {(0.6 + 0.2 * 1.8, 0.3 + 0.5 * 2.4)}, "all at the point, in inches"


def test_a_row_without_a_point_in_a_panel_has_no_line_there():
    found = [
        labels.Label("a", Look(HUES[0], "o"), 0.5, (0.2, None)),
        labels.Label("b", None, 0.1, (1.0, 0.0)),
    ]
    counts = [len(one.get_segments()) for one in page_of(found, 2).findobj(LineCollection)]
    assert sorted(counts) == [1, 2] and page_of([], 1).axes


def test_names_measured_fit_what_is_drawn():
    texts = ["red_diff-published-100", "iiii", "WWWW"]
    page = blank_page(6, 3)
    drawn = [page.text(0, 0, text, size=labels.SIZE).get_window_extent().width / page.dpi for text in texts]
    assert max(drawn) < labels.width(texts) - labels.GLYPH < max(drawn) * 1.15 + 0.06


@pytest.mark.parametrize("text", ["dps-100", "a-long-name-of-a-row[zeta=0.25]", "m" * 200 + " ↓ 7.01"])
def test_long_names_become_smaller_and_then_lose_their_middle(text):
    shown, size = labels.shorten(text, 1.5)
    assert labels.width([shown]) * size / labels.SIZE <= 1.5 + 1e-9
    assert (size == labels.SIZE) == (text == "dps-100") and size >= labels.LEAST * 0.95
    assert shown == text or ("…" in shown and shown.endswith(text[-9:]))


def test_marks_with_something_inside_are_hollow():
    axis = blank_page(1, 1).add_axes((0, 0, 1, 1))
    for inside in (*INSIDE, "$8$"):
        labels.mark(axis, 0, 0, Look(HUES[0], "o", inside))
    faces = [line.get_markerfacecolor() for line in axis.lines]
    assert faces.count("white") == len(INSIDE) and len(axis.lines) == 2 + 2 * (len(INSIDE) - 1)
