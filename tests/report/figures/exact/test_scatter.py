"""Scatter plots of exact suites: looks that name a row, and values beyond the edge that are told."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.report.figures.axes.limits import Limits
from bench.report.figures.exact.scatter import (
    ANCHORS,
    DROP,
    pooled,
    ratio_axis,
    rewards,
    scatter,
    styles,
    variances,
)
from bench.report.figures.page import encode
from tests.made_exact import exact_row, exact_tables

MIDDLE = 1.025
"""The median's growth over six problems."""
AXES = ("x", "y")


def test_no_two_rows_look_the_same_and_anchors_have_shapes_of_their_own():
    rows = [
        exact_row(solver, label=f"{solver}-{i}")
        for solver in ("oracle", "tds", "dps", "mine")
        for i in range(4)
    ]
    style = styles(exact_tables(*rows, exact_row("exact"), exact_row("prior")))
    assert len(set(style.values())) == len(style) == 18
    assert {(style[f"tds-{i}"].colour, style[f"tds-{i}"].marker) for i in range(4)} == {ANCHORS[2]}


def test_medians_pool_the_problems_of_all_tables():
    tables = exact_tables(
        exact_row("dps", 3, task="a", sw=1),
        exact_row("dps", 4, task="b", sw=5),
        exact_row("ddrm", 1, sw=None),
    )
    found = pooled(tables, "sw")
    assert found.keys() == {"dps"} and found["dps"].n == 7 and found["dps"].median == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("measured", "unmeasured", "text"),
    [
        (1.0, 0.5, "dps"),
        (1e-4, 1.0, "dps ← 0.0001"),
        (1e4, 1e-9, "dps → 10250.0 ↓ 1e-09"),
        (1.0, 1e3, "dps ↑ 1025.0"),
    ],
)
def test_ratios_beyond_the_edge_are_drawn_at_it_and_written(measured, unmeasured, text):
    plot = variances(
        exact_tables(exact_row("dps", var_ratio_measured=measured, var_ratio_unmeasured=unmeasured))
    )
    assert plot.texts() == {"dps": text}
    assert 0 <= plot.across.share(measured) <= 1 and plot.across.is_log and plot.up.is_log
    assert (plot.vertical, plot.horizontal) == (1, 1) and plot.across.sign(1) == plot.up.sign(1) == ""


def test_a_psnr_far_below_exact_samples_is_drawn_at_the_edge_and_written():
    plot = rewards(
        exact_tables(
            exact_row("exact"), exact_row("dps", psnr_sample=19.0), exact_row("prior", psnr_sample=8.0)
        )
    )
    assert plot.horizontal == pytest.approx(20 * MIDDLE) and plot.up.low > 20 * MIDDLE - DROP - 1
    assert plot.texts() == {"exact": "exact", "dps": "dps", "prior": "prior ↓ 8.2 dB"}


def test_without_exact_samples_there_is_no_level():
    plot = rewards(exact_tables(exact_row("dps", psnr_sample=-50.0), exact_row("ddrm", psnr_sample=None)))
    assert plot.horizontal is None and plot.texts() == {"dps": "dps"}


def test_an_infinite_psnr_is_beyond_the_axis():
    plot = rewards(exact_tables(exact_row("exact"), exact_row("dps", psnr_sample=np.inf)))
    assert plot.texts()["dps"] == "dps ↑ ∞ dB" and np.isfinite(plot.up.high)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("problems", [1, 6])
def test_one_problem_and_equal_values_are_drawn(problems):
    tables = exact_tables(exact_row("dps", problems), exact_row("exact", problems))
    for measure in (rewards, variances):
        page = scatter([("A", tables)], styles(tables), measure, "title", AXES)
        assert encode(page, "png")


@pytest.mark.parametrize(
    ("low", "high", "ticks"), [(0.1, 10, [0.1, 1, 10]), (1, 10, [1, 2, 5, 10]), (1, 3, [1, 2, 3])]
)
def test_ticks_are_plain_numbers_and_more_where_there_are_few_decades(low, high, ticks):
    axis, limits = Figure().subplots(), Limits(low, high, is_log=True)
    limits.on(axis, "x")
    ratio_axis(axis.xaxis, limits)
    shown = [tick for tick in axis.get_xticks() if low <= tick <= high]
    assert shown == pytest.approx(ticks) and axis.xaxis.get_major_formatter()(0.1) == "0.1"


def test_every_panel_names_its_rows_and_says_what_differs():
    first = exact_tables(exact_row("dps"), exact_row("exact", var_ratio_measured=None))
    second = exact_tables(exact_row("ddrm", task="zoom"))
    second = [replace(table, rows=tuple(table.rows)) for table in second]
    style = styles(first + second)
    assert scatter([], style, variances, "title", AXES) is None
    page = scatter([("A", first), ("B", second), ("C", first + second)], style, variances, "title", AXES)
    panels = [axis for axis in page.axes if axis.get_xlabel()]
    assert [axis.get_title(loc="left") for axis in panels] == ["A", "B", "C"]
    assert [text.get_text() for text in panels[2].texts] == ["2 tasks pooled"]
    names = sorted(text.get_text() for axis in page.axes if axis not in panels for text in axis.texts)
    assert names == ["ddrm", "ddrm", "dps", "dps"]
    assert "prior gaussian" in " ".join(text.get_text() for text in page.texts)


def test_grey_rows_never_run_out_of_looks():
    """Anchors have looks of their own, which the baselines below them must not take."""
    rows = [exact_row(solver, 1, label=f"{solver}-{i}") for solver in ("oracle", "tds") for i in range(9)]
    rows += [[replace(record, baseline=True) for record in exact_row(f"grey{i}", 1)] for i in range(7)]
    style = styles(exact_tables(*rows, exact_row("prior", 1)))
    assert len(set(style.values())) == len(style) == 26
