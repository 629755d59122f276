"""Scatter plots of exact suites: a point per row with its intervals, one panel per prior or task.

Names stand beside a panel, joined to their points.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from bench.report.exact import FLOOR, ordered
from bench.report.figures.axes import labels
from bench.report.figures.axes.limits import Limits, around
from bench.report.figures.caption import LINE_HEIGHT, SOFT, captions, fitting, fold, head, write
from bench.report.figures.colours import BASELINE, Look, inside, looks
from bench.report.figures.page import LINE, STYLE, blank_page
from bench.report.tables import Table
from bench.stats.intervals import Median, median_interval

LEAST, MOST = 0.003, 300.0
"""Ratios beyond are drawn at the edge."""
DROP = 5.0
"""dB below exact samples at which worse ones are drawn."""
ANCHORS = ((LINE, "*"), (LINE, "p"), (BASELINE, "H"), (BASELINE, "d"), (LINE, "X"))
"""Colour and marker of our anchors in their order, which no other row has; others look like baselines."""
ACROSS = 2
"""Panels side by side, each with its names."""
LEFT, PANEL, RIGHT = 0.62, 2.7, 0.1
"""Inches of the margins and of a panel's width."""
LEAST_HIGH = 2.3
"""Inches of a panel's height, unless its names need more."""
BELOW, ABOVE = 0.5, 0.5
"""Inches below and above a panel."""
WIDEST = 2.8
"""Most inches of the names."""


@dataclass(frozen=True)
class Plot:
    """What a panel shows.

    Attributes:
        x, y: row -> median over problems.
        across, up: the limits of the axes.
        vertical, horizontal: where exact samples are, None where nothing says.
        unit: what stands after a number of y.
    """

    x: Mapping[str, Median]
    y: Mapping[str, Median]
    across: Limits
    up: Limits
    vertical: float | None = None
    horizontal: float | None = None
    unit: str = ""
    names: list[str] = field(default_factory=list)

    def texts(self) -> dict[str, str]:
        """Row -> its name, with the numbers of what lies beyond the axes."""
        found = {}
        for name in self.names:
            x, y = self.x[name].median, self.y[name].median
            beyond = []
            if sign := self.across.sign(x, "←→"):
                beyond.append(f"{sign} {_short(x)}")
            if sign := self.up.sign(y):
                beyond.append(f"{sign} {_short(y)}{self.unit}")
            found[name] = " ".join([name, *beyond])
        return found


Measure = Callable[[Sequence[Table]], Plot]
"""What a panel about some tables shows."""


def styles(tables: Sequence[Table]) -> dict[str, Look]:
    """Row name -> how its points look: as in all figures, and our anchors as `ANCHORS`."""
    usual = looks(tables)
    rows = {row.name: row for table in tables for row in ordered(table)}
    used: dict[int, int] = {}
    chosen: dict[str, Look] = {}
    for name, row in rows.items():
        chosen[name] = usual[name]
        place = row.method.colour
        if row.method.kind == "anchor" and place is not None and place < len(ANCHORS):
            used[place] = used.get(place, -1) + 1
            chosen[name] = Look(*ANCHORS[place], inside(used[place]))
    return chosen


def pooled(tables: Sequence[Table], metric: str) -> dict[str, Median]:
    """Row name -> the median over all problems of the tables, for rows that have the metric."""
    values: dict[str, list[float]] = {}
    for table in tables:
        for row in ordered(table):
            values.setdefault(row.name, []).extend(row.scores(metric).values())
    return {name: median_interval(found) for name, found in values.items() if found}


def scatter(
    panels: Sequence[tuple[str, Sequence[Table]]],
    style: Mapping[str, Look],
    measure: Measure,
    title: str,
    labelled: tuple[str, str],
) -> Figure | None:
    """The figure: a panel per (title, tables), the names of its rows beside it; None without panels.

    Args:
        panels: in order.
        style: how rows look.
        measure: what a panel shows.
        title: of the figure.
        labelled: what is on the x and y axes.
    """
    if not panels:
        return None
    plots = [measure(tables) for _, tables in panels]
    texts = [plot.texts() for plot in plots]
    names = min(max(labels.width(list(found.values())) for found in texts), WIDEST)
    high = max(LEAST_HIGH, 0.1 + labels.APART * max(map(len, texts)))
    step = LEFT + PANEL + labels.GUTTER + names + RIGHT
    across = min(ACROSS, len(panels))
    down = math.ceil(len(panels) / across)
    shared, own = captions([tables for _, tables in panels])
    lines = fold(f"{shared}. {REMARKS}", across * step - 0.2)
    top = 0.45 + LINE_HEIGHT * len(lines)
    wide, tall = across * step, top + down * (ABOVE + high + BELOW)
    with rc_context(STYLE):
        page = blank_page(wide, tall)
        head(page, title)
        write(page, lines, 0.1, 0.33)
        for k, plot in enumerate(plots):
            left = k % across * step + LEFT
            bottom = tall - top - (k // across + 1) * (ABOVE + high) - k // across * BELOW
            axis = page.add_axes((left / wide, bottom / tall, PANEL / wide, high / tall))
            _write_title(axis, panels[k][0], own[k], step - LEFT)
            axis.set_xlabel(labelled[0], fontsize=9)
            axis.set_ylabel(labelled[1], fontsize=9)
            _draw(page, axis, plot, texts[k], style, names)
        return page


REMARKS = (
    "Medians over problems with their 95 % intervals; dashed: exact samples of the posterior. Arrows: beyond "
    "the axis, at the number that is written."
)


def variances(tables: Sequence[Table]) -> Plot:
    """Measured against unmeasured variance, both over the posterior's; (1, 1) is right."""
    x, y = pooled(tables, "var_ratio_measured"), pooled(tables, "var_ratio_unmeasured")
    names = [name for name in x if name in y]
    across = around([1.0, *_ends(x, names)], LEAST, MOST, is_log=True)
    up = around([1.0, *_ends(y, names)], LEAST, MOST, is_log=True)
    return Plot(x, y, across, up, vertical=1.0, horizontal=1.0, names=names)


def rewards(tables: Sequence[Table]) -> Plot:
    """The distance to the posterior against the PSNR of one sample; the line is that of exact samples."""
    x, y = pooled(tables, "sw"), pooled(tables, "psnr_sample")
    names = [name for name in x if name in y]
    level = _exact_median(tables, y)
    finite = [y[name].median for name in names if math.isfinite(y[name].median)]
    highest = max(finite, default=0.0)
    lowest = -math.inf if level is None else level - DROP
    shown = [median for median in finite if median >= lowest]
    ends = [*shown, *([] if level is None else [level])]
    for name in names:
        if y[name].median in shown:
            ends += [y[name].low, y[name].high]
    up = around(ends, lowest, highest + DROP, is_log=False)
    positive = [end for end in _ends(x, names) if 0 < end < math.inf]
    across = around(positive, min(positive, default=1.0), max(positive, default=1.0), is_log=True)
    return Plot(x, y, across, up, horizontal=level, unit=" dB", names=names)


def _ends(medians: Mapping[str, Median], names: Sequence[str]) -> list[float]:
    """The medians of some rows with the ends of their intervals."""
    found: list[float] = []
    for name in names:
        found += medians[name][:3]
    return found


def _exact_median(tables: Sequence[Table], medians: Mapping[str, Median]) -> float | None:
    """The finite median of the first row of exact samples, None where there is none."""
    for table in tables:
        for row in table.rows:
            if row.head.solver == FLOOR and row.name in medians:
                level = medians[row.name].median
                return level if math.isfinite(level) else None
    return None


def _write_title(axis: Axes, title: str, about: str, inches: float) -> None:
    """Writes what a panel is about above it."""
    axis.set_title(title, fontsize=9.5, loc="left", pad=20)
    axis.annotate(
        about,
        (0, 1),
        (0, 9),  # above the highest name, which may stand at the upper edge
        textcoords="offset points",
        xycoords="axes fraction",
        size=fitting(about, 7.5, inches),
        color=SOFT,
    )


def _draw(
    page: Figure,
    axis: Axes,
    plot: Plot,
    texts: Mapping[str, str],
    style: Mapping[str, Look],
    room: float,
) -> None:
    """Draws a panel and its names."""
    plot.across.on(axis, "x")
    plot.up.on(axis, "y")
    for scaled, limits in ((axis.xaxis, plot.across), (axis.yaxis, plot.up)):
        if limits.is_log:
            ratio_axis(scaled, limits)
    axis.tick_params(labelsize=8)
    about: dict[str, Any] = {"color": LINE, "linewidth": 1, "linestyle": "--", "zorder": 1}
    if plot.horizontal is not None:
        axis.axhline(plot.horizontal, **about)
    if plot.vertical is not None:
        axis.axvline(plot.vertical, **about)
    found = []
    for name in plot.names:
        x, y = plot.across.share(plot.x[name].median), plot.up.share(plot.y[name].median)
        _draw_bars(axis, plot, name, (x, y), style[name].colour)
        labels.mark(axis, x, y, style[name], transform=axis.transAxes, zorder=4)
        found.append(labels.Label(texts[name], style[name], y, (x,)))
    labels.write(page, [axis], found, room)


def _draw_bars(axis: Axes, plot: Plot, name: str, point: tuple[float, float], colour: str) -> None:
    """Draws the intervals of a row's medians, as far as the panel reaches."""
    about: dict[str, Any] = {
        "color": colour,
        "linewidth": 0.9,
        "alpha": 0.4,
        "transform": axis.transAxes,
        "zorder": 3,
    }
    x, y = plot.x[name], plot.y[name]
    if not math.isnan(x.low) and x.n > 1:
        axis.plot([plot.across.share(x.low), plot.across.share(x.high)], [point[1]] * 2, **about)
    if not math.isnan(y.low) and y.n > 1:
        axis.plot([point[0]] * 2, [plot.up.share(y.low), plot.up.share(y.high)], **about)


def ratio_axis(axis: Axis, limits: Limits) -> None:
    """Puts plain numbers at a logarithmic axis, the more of them the fewer decades it spans."""
    multiples: Sequence[float] = range(1, 10)
    if limits.high > 30 * limits.low:
        multiples = (1,)
    elif limits.high > 5 * limits.low:
        multiples = (1, 2, 5)
    axis.set_major_locator(LogLocator(10, subs=multiples, numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(NullLocator())


def _short(value: float) -> str:
    """A number with three digits."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.1f}" if abs(value) >= 1 else f"{value:.1g}"
    return text.replace("-", "−", 1) if value < 0 else text
