"""Scatter plots of exact suites: looks that name a row, and values beyond the edge that are told."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.report.figures.page import LINE
from bench.report.figures.scatter import (
    DROP,
    FILLS,
    LEAST,
    MOST,
    arrow,
    clamp,
    pooled,
    ratio_axis,
    rewards,
    scatter,
    styles,
    variances,
)
from tests.made_exact import exact_row, exact_tables

MIDDLE = 1.025
"""The median's growth over six problems."""


@pytest.fixture
def axis():
    return Figure().subplots()


def places(axis):
    return [(bars.lines[0].get_xdata()[0], bars.lines[0].get_ydata()[0]) for bars in axis.containers]


def test_no_two_rows_look_the_same():
    rows = [
        exact_row(solver, label=f"{solver}-{i}")
        for solver in ("oracle", "tds", "dps", "mine")
        for i in range(4)
    ]
    style = styles(exact_tables(*rows, exact_row("exact"), exact_row("prior")))
    looks = [(look["color"], look["marker"], look.get("fillstyle")) for look in style.values()]
    assert len(set(looks)) == len(style) == 18
    assert [style[f"tds-{i}"]["fillstyle"] for i in range(4)] == list(FILLS)


def test_grey_rows_never_run_out_of_looks():
    """Anchors have looks of their own, which the baselines below them must not take."""
    rows = [exact_row(solver, 1, label=f"{solver}-{i}") for solver in ("oracle", "tds") for i in range(7)]
    rows += [[replace(record, baseline=True) for record in exact_row(f"grey{i}", 1)] for i in range(7)]
    style = styles(exact_tables(*rows, exact_row("prior", 1)))
    looks = {(look["color"], look["marker"], look.get("fillstyle", "full")) for look in style.values()}
    assert len(looks) == len(style) == 22


def test_medians_pool_the_problems_of_all_tables():
    tables = exact_tables(
        exact_row("dps", 3, task="a", sw=1),
        exact_row("dps", 4, task="b", sw=5),
        exact_row("ddrm", 1, sw=None),
    )
    found = pooled(tables, "sw")
    assert found.keys() == {"dps"} and found["dps"].n == 7 and found["dps"].median == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("measured", "unmeasured", "signs"),
    [(1.0, 0.5, ""), (1e-4, 1.0, "←"), (1e4, 1e-9, "→↓"), (1.0, 1e3, "↑")],
)
def test_ratios_beyond_the_edge_are_drawn_at_it_with_an_arrow(axis, measured, unmeasured, signs):
    tables = exact_tables(exact_row("dps", var_ratio_measured=measured, var_ratio_unmeasured=unmeasured))
    assert variances(axis, tables, styles(tables)) == ["dps"]
    [(x, y)] = places(axis)
    assert (x, y) == pytest.approx((clamp(measured * MIDDLE), clamp(unmeasured * MIDDLE)))
    assert LEAST <= x <= MOST and LEAST <= y <= MOST
    assert "".join(text.get_text() for text in axis.texts) == signs
    assert axis.get_xscale() == axis.get_yscale() == "log"


def test_a_psnr_far_below_exact_samples_is_drawn_at_the_edge_and_written_down(axis):
    tables = exact_tables(
        exact_row("exact"), exact_row("dps", psnr_sample=19.0), exact_row("prior", psnr_sample=8.0)
    )
    names = rewards(axis, tables, styles(tables))
    level = 20 * MIDDLE
    heights = dict(zip(names, (y for _, y in places(axis)), strict=True))
    assert heights == pytest.approx({"exact": level, "dps": 19 * MIDDLE, "prior": level - DROP})
    assert [text.get_text() for text in axis.texts] == ["↓", "8.2 dB"]
    [line] = [line for line in axis.lines if line.get_linestyle() == "--"]
    assert line.get_ydata() == pytest.approx([level, level]) and line.get_color() == LINE


def test_without_exact_samples_there_is_no_level(axis):
    tables = exact_tables(exact_row("dps", psnr_sample=-50.0), exact_row("ddrm", psnr_sample=None))
    assert rewards(axis, tables, styles(tables)) == ["dps"] and not axis.texts
    assert places(axis)[0][1] == pytest.approx(-50 * MIDDLE)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("problems", [1, 6])
def test_one_problem_has_no_bars_and_equal_values_have_bars_of_no_length(axis, problems):
    tables = exact_tables(exact_row("dps", problems), exact_row("exact", problems))
    rewards(axis, tables, styles(tables))
    assert {len(bars.lines[2]) for bars in axis.containers} == {0 if problems == 1 else 2}
    for bars in axis.containers:
        assert np.isfinite([segment for part in bars.lines[2] for segment in part.get_segments()]).all()


def test_an_arrow_stands_on_the_side_of_the_real_value(axis):
    arrow(axis, (1.0, 1.0), (1.0, 1.0), "red")
    assert not axis.texts
    arrow(axis, (1.0, 2.0), (0.5, 9.0), "red")
    assert [(text.get_text(), text.xyann) for text in axis.texts] == [("←", (-9, 0)), ("↑", (0, 9))]


@pytest.mark.parametrize(
    ("low", "high", "ticks"), [(0.1, 10, [0.1, 1, 10]), (1, 10, [1, 2, 5, 10]), (1, 3, [1, 2, 3])]
)
def test_ticks_are_plain_numbers_and_more_where_there_are_few_decades(axis, low, high, ticks):
    axis.set_xlim(low, high)
    ratio_axis(axis.xaxis, axis.set_xscale)
    shown = [tick for tick in axis.get_xticks() if low <= tick <= high]
    assert shown == pytest.approx(ticks) and axis.xaxis.get_major_formatter()(0.1) == "0.1"


def test_the_legend_has_the_rows_that_any_panel_shows(monkeypatch):
    pages = []
    monkeypatch.setattr("bench.report.figures.scatter.to_png", lambda page: pages.append(page) or b"png")
    first = exact_tables(exact_row("dps"), exact_row("exact", var_ratio_measured=None))
    second = exact_tables(exact_row("ddrm", task="zoom"))
    style = styles(first + second)
    assert scatter([], style, variances, "y", "x") is None
    assert scatter([("A", first), ("B", second), ("C", first + second)], style, variances, "y", "x") == b"png"
    assert [axis.get_title() for axis in pages[0].axes] == ["A", "B", "C"]
    assert {text.get_text() for text in pages[0].legends[0].get_texts()} == {"dps", "ddrm"}
