"""The arrangement of panels, and bytes that are equal for equal pages."""

import pytest
from matplotlib.figure import Figure

from bench.report.figures.page import ACROSS, arrangement, finish_grid, new_page, to_png


@pytest.mark.parametrize("n", range(1, 30))
def test_panels_fill_their_grid(n):
    down, across = arrangement(n)
    assert across <= ACROSS and (down - 1) * across < n <= down * across, "no empty line"
    assert down == -(-n // ACROSS), "as few lines as there can be"
    assert down * across - n < down, "as even as these allow"


@pytest.mark.parametrize(("n", "labelled"), [(1, [0]), (2, [0, 1]), (3, [1, 2]), (4, [2, 3])])
def test_surplus_axes_go_and_the_lowest_are_labelled(n, labelled):
    page = Figure()
    axes = page.subplots(2, 2).ravel()
    finish_grid(axes, n, 2, "seconds", fontsize=7)
    assert page.axes == list(axes[:n])
    assert [i for i in range(n) if axes[i].get_xlabel()] == labelled
    assert axes[labelled[0]].xaxis.label.get_fontsize() == 7


def test_equal_pages_give_equal_bytes():
    pages = []
    for title in ("a", "a", "b"):
        page = new_page(2, 1)
        page.subplots().set_title(title)
        pages.append(to_png(page))
    assert pages[0] == pages[1] != pages[2]
    assert pages[0].startswith(b"\x89PNG") and b"Software" not in pages[0] and b"tIME" not in pages[0]
