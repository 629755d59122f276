"""Scatter plots of exact suites: a point per row with its intervals, one panel per prior or task."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.report.exact import FLOOR, ordered
from bench.report.figures.colours import BASELINE, colours, markers, shapes
from bench.report.figures.page import LINE, STYLE, arrangement, finish_grid, new_page, to_png
from bench.report.rows import Method
from bench.report.tables import Table
from bench.stats.intervals import Median, median_interval

LEAST, MOST = 0.003, 300.0
"""Ratios beyond are drawn at the edge."""
DROP = 5.0
"""dB below exact samples at which worse ones are drawn."""
Style = dict[str, Any]
"""How the points of a row look, in matplotlib's words."""
Styles = Mapping[str, Style]
"""Row name -> style."""
Paint = Callable[[Axes, Sequence[Table], Styles], list[str]]
"""Draws a panel for some tables, and returns the names of the rows that it shows."""
ANCHORS: tuple[Style, ...] = (
    {"color": LINE, "marker": "*", "markersize": 13},
    {"color": LINE, "marker": "X", "markersize": 8},
    {"color": BASELINE, "marker": "D"},
    {"color": BASELINE, "marker": "P"},
)
"""Our anchors in their order; further ones look like baselines."""
FILLS = ("full", "none", "left", "top")
"""What tells an anchor's rows apart, which differ in steps; marker and grey say which anchor it is."""


def styles(tables: Sequence[Table]) -> dict[str, Style]:
    """Row name -> how its points look."""
    palette, usual = colours(tables), markers(tables)
    rows = {row.name: row for table in tables for row in ordered(table)}
    chosen: dict[str, Style] = {}
    for name, row in rows.items():
        others = ({"color": palette[name], "marker": shape} for shape in chain([usual[name]], shapes()))
        taken = {_seen(look) for look in chosen.values()}
        looks = chain(_anchor_looks(row.method), others)
        chosen[name] = next(look for look in looks if _seen(look) not in taken)
    return chosen


def _seen(look: Style) -> tuple[str, str, str]:
    """What tells the points of two rows apart."""
    return look["color"], look["marker"], look.get("fillstyle", FILLS[0])


def _anchor_looks(method: Method) -> list[Style]:
    """How the rows of one of our anchors look, in turn; [] for any other method."""
    if method.kind != "anchor" or method.colour is None or method.colour >= len(ANCHORS):
        return []
    return [ANCHORS[method.colour] | {"fillstyle": fill} for fill in FILLS]


def pooled(tables: Sequence[Table], metric: str) -> dict[str, Median]:
    """Row name -> the median over all problems of the tables, for rows that have the metric."""
    values: dict[str, list[float]] = {}
    for table in tables:
        for row in ordered(table):
            values.setdefault(row.name, []).extend(row.scores(metric).values())
    return {name: median_interval(found) for name, found in values.items() if found}


def scatter(
    panels: Sequence[tuple[str, Sequence[Table]]], style: Styles, paint: Paint, ylabel: str, xlabel: str
) -> bytes | None:
    """The figure as PNG bytes: a panel per (title, tables), and a shared legend; None without panels."""
    if not panels:
        return None
    down, across = arrangement(len(panels))
    width = max(across, 2)
    with rc_context(STYLE):
        page = new_page(0.5 + 3.4 * width, 1.3 + 3.0 * down)
        axes = list(page.subplots(down, across, squeeze=False, sharex=True).ravel())
        shown: set[str] = set()
        for axis, (title, tables) in zip(axes, panels, strict=False):
            axis.set_title(title)
            shown.update(paint(axis, tables, style))
        finish_grid(axes, len(panels), across, xlabel)
        page.supylabel(ylabel, fontsize=11)
        handles = [
            Line2D([], [], linestyle="none", label=name, **look)
            for name, look in style.items()
            if name in shown
        ]
        page.legend(handles=handles, loc="outside lower center", ncols=min(5, 2 * width), frameon=False)
        return to_png(page)


def variances(axis: Axes, tables: Sequence[Table], style: Styles) -> list[str]:
    """Draws measured against unmeasured variance, both over the posterior's; (1, 1) is right.

    Returns:
        The names of the rows that it shows.
    """
    x, y = pooled(tables, "var_ratio_measured"), pooled(tables, "var_ratio_unmeasured")
    axis.axhline(1, color=LINE, linewidth=1, linestyle="--", zorder=1)
    axis.axvline(1, color=LINE, linewidth=1, linestyle="--", zorder=1)
    names = points(axis, x, y, style, clamp)
    for name in names:
        real = x[name].median, y[name].median
        drawn = clamp(real[0]), clamp(real[1])
        arrow(axis, drawn, real, style[name]["color"])
    ratio_axis(axis.xaxis, axis.set_xscale)
    ratio_axis(axis.yaxis, axis.set_yscale)
    return names


def rewards(axis: Axes, tables: Sequence[Table], style: Styles) -> list[str]:
    """Draws the distance to the posterior against the PSNR of one sample; the line is that of exact samples.

    Returns:
        The names of the rows that it shows.
    """
    x, y = pooled(tables, "sw"), pooled(tables, "psnr_sample")
    level = _exact_median(tables, y)
    highest = max((median.median for median in y.values() if math.isfinite(median.median)), default=0.0) + 1
    for name in x:
        if name in y and math.isinf(y[name].median):
            arrow(axis, (x[name].median, highest), (x[name].median, math.inf), style[name]["color"])
    y = {name: _at_most(median, highest) for name, median in y.items()}
    if level is not None and math.isfinite(level):
        axis.axhline(level, color=LINE, linewidth=1, linestyle="--", zorder=1)
        lowest = level - DROP
        for name in x:
            if name in y and y[name].median < lowest:
                _mark_low(axis, (x[name].median, lowest), y[name].median, style[name]["color"])
        y = {name: _at_least(median, lowest) for name, median in y.items()}
    names = points(axis, x, y, style, float)
    ratio_axis(axis.xaxis, axis.set_xscale)
    return names


def _exact_median(tables: Sequence[Table], medians: Mapping[str, Median]) -> float | None:
    """The median of the first row of exact samples, None where there is none."""
    for table in tables:
        for row in table.rows:
            if row.head.solver == FLOOR:
                return medians[row.name].median if row.name in medians else None
    return None


def _mark_low(axis: Axes, drawn: tuple[float, float], psnr: float, color: str) -> None:
    """Says at the lower edge what PSNR a row really has."""
    arrow(axis, drawn, (drawn[0], psnr), color)
    text = f"{psnr:.1f} dB"
    axis.annotate(text, drawn, xytext=(0, 6), textcoords="offset points", ha="center", color=color)


def _at_most(median: Median, highest: float) -> Median:
    """The median as it is where it is finite, else at the upper edge; so are its bounds."""
    if math.isfinite(median.high):
        return median
    value, low, high, n = median
    return Median(min(value, highest), min(low, highest), min(high, highest), n)


def _at_least(median: Median, lowest: float) -> Median:
    value, low, high, n = median
    return Median(max(value, lowest), max(low, lowest), max(high, lowest), n)


def points(
    axis: Axes, x: dict[str, Median], y: dict[str, Median], style: Styles, edge: Callable[[float], float]
) -> list[str]:
    """Draws medians with their intervals, each value as ``edge`` gives it.

    Returns:
        The names of the rows that have both.
    """
    names = [name for name in style if name in x and name in y]
    for name in names:
        several = x[name].n > 1
        axis.errorbar(
            edge(x[name].median),
            edge(y[name].median),
            xerr=_bars(x[name], edge) if several else None,
            yerr=_bars(y[name], edge) if several else None,
            linestyle="none",
            elinewidth=1.2,
            zorder=3,
            **style[name],
        )
    return names


def _bars(median: Median, edge: Callable[[float], float]) -> list[list[float]]:
    """Lengths of the error bars below and above a median."""
    middle = edge(median.median)
    return [[middle - edge(median.low)], [edge(median.high) - middle]]


def arrow(axis: Axes, drawn: tuple[float, float], real: tuple[float, float], color: str) -> None:
    """Points from where a median is drawn to where it really is, along each axis on which these differ."""
    for i, signs in enumerate(("←→", "↓↑")):
        if real[i] == drawn[i]:
            continue
        sign, step = (signs[1], 9) if real[i] > drawn[i] else (signs[0], -9)
        axis.annotate(
            sign,
            drawn,
            xytext=(step, 0) if i == 0 else (0, step),
            color=color,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9,
            annotation_clip=False,
        )


def ratio_axis(axis: Axis, set_scale: Callable[[str], None]) -> None:
    """Makes an axis logarithmic, with plain numbers, the more of them the fewer decades it spans."""
    set_scale("log")
    low, high = axis.get_view_interval()
    multiples: Sequence[float] = range(1, 10)
    if high > 30 * low:
        multiples = (1,)
    elif high > 5 * low:
        multiples = (1, 2, 5)
    axis.set_major_locator(LogLocator(10, subs=multiples, numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.set_minor_formatter(NullFormatter())


def clamp(value: float) -> float:
    """A ratio as it is drawn, between `LEAST` and `MOST`."""
    return min(max(value, LEAST), MOST)
