"""Rank histograms: one panel per row, in which exact samples are flat at 1."""

import numpy as np
import pytest

from bench.report.figures import ranks
from bench.report.figures.colours import Look
from bench.report.figures.page import encode
from bench.report.samples.diversity import Spread
from bench.report.tables import build
from tests.drawn import cut_off
from tests.made_run import records

LOOKS = dict.fromkeys(["pinv", "best", "same", "worse", "fails"], Look("#0072B2", "o"))


def spread(shares):
    return Spread(len(shares) - 1, 1, {}, np.array(shares))


@pytest.fixture
def table():
    [table] = build(records(), [])
    return table


@pytest.mark.parametrize("names", [["best"], ["best", "same"], ["pinv", "best", "same", "worse", "fails"]])
def test_each_row_has_a_panel_of_shares_against_the_uniform_law(table, names):
    spreads = dict.fromkeys(names, spread([0.25] * 4)) | {"best": spread([0.7, 0.2, 0.1])}
    page = ranks.draw(table, spreads, LOOKS)
    assert any("σ = 0.1" in text.get_text() for text in page.texts)
    assert [axis.get_title() for axis in page.axes] == [row.name for row in table.rows if row.name in names]
    for axis in page.axes:
        heights = [bar.get_height() for bar in axis.patches]
        expected = [2.1, 0.6, 0.3] if axis.get_title() == "best" else [1, 1, 1, 1]
        assert heights == pytest.approx(expected) and np.mean(heights) == pytest.approx(1)
        assert axis.lines[0].get_ydata() == [1, 1]
    assert cut_off(page) == []


def test_nothing_is_drawn_without_rows(table):
    assert ranks.draw(table, {}, LOOKS) is None and ranks.draw(table, {"other": spread([1.0])}, LOOKS) is None


def test_equal_shares_give_equal_bytes(table):
    first, again, other = (
        encode(ranks.draw(table, {"best": spread(s)}, LOOKS), "png")
        for s in ([0.5, 0.5], [0.5, 0.5], [0.6, 0.4])
    )
    assert first == again != other
