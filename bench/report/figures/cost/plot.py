"""The picture of quality against cost: passes through the network first, seconds of one machine second.

A line of two panels for each metric, and the names of the rows between them.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from bench.report.columns import Column
from bench.report.figures.axes import labels
from bench.report.figures.axes.limits import Limits
from bench.report.figures.axes.swarm import swarm
from bench.report.figures.caption import LINE_HEIGHT, caption, fold, head, write
from bench.report.figures.colours import BASELINE, Look
from bench.report.figures.cost.points import (
    Panel,
    Point,
    budgets,
    has_ends,
    panel_of,
    remarks_of,
    texts_of,
    usual_machine,
)
from bench.report.figures.page import STYLE, blank_page
from bench.report.ranking import Judged
from bench.report.tables import Table
from bench.report.text import count

DIRECTIONS = {1: "higher is better", -1: "lower is better", 0: ""}
DASHES = ((5, 3), (1, 2), (7, 2, 1, 2), (3, 1, 1, 1, 1, 1))
"""Dash patterns of the baselines of a table."""
LEFT, PASSES, SECONDS, RIGHT = 0.85, 3.2, 2.5, 0.15
"""Inches of the margins and panels."""
LEAST_HIGH, BETWEEN = 1.9, 0.45
"""Inches of a panel's height, and between two lines of panels."""
WIDEST = 2.6
"""Most inches of the names."""
TICKS = 0.3
"""Least inches between two numbers at an axis."""


@dataclass(frozen=True)
class AxesPair:
    """The axes of the panels of a metric.

    Attributes:
        passes: the first.
        seconds: the second; None where no row was timed.
        texts: row -> what is written between them.
        looks: row -> how it looks.
        room: inches for the texts.
    """

    passes: Axes
    seconds: Axes | None
    texts: dict[str, str]
    looks: dict[str, Look]
    room: float


def draw(judged: Judged, metrics: Sequence[Column], looks: dict[str, Look]) -> Figure | None:
    """The figure, or None where no method has one of the metrics."""
    machine = usual_machine(judged.table)
    panels = []
    for metric in metrics:
        panel = panel_of(judged, metric, machine)
        if panel.points:
            panels.append(panel)
    if not panels:
        return None
    with rc_context(STYLE):
        return _page(judged.table, panels, looks, " ".join(remarks_of(judged.table, panels, machine)))


def _page(table: Table, panels: Sequence[Panel], looks: dict[str, Look], remarks: str) -> Figure:
    """The page, in fixed inches: title, caption, a line of panels for each metric, remarks."""
    texts = [texts_of(table, panel) for panel in panels]
    names = min(max(labels.width(list(found.values())) for found in texts), WIDEST)
    with_seconds = any(point.seconds for panel in panels for point in panel.points)
    beside = LEFT + PASSES + labels.GUTTER + names
    wide = beside + (SECONDS if with_seconds else 0) + RIGHT
    high = max(LEAST_HIGH, 0.1 + labels.APART * max(map(len, texts)))
    about, foot = fold(caption(table), wide - 0.2), fold(remarks, wide - 0.2)
    top, below = 0.5 + LINE_HEIGHT * len(about), 0.6 + LINE_HEIGHT * len(foot)
    tall = top + len(panels) * (high + BETWEEN) - BETWEEN + below
    page = blank_page(wide, tall)
    head(page, f"Quality against cost: {table.title}")
    write(page, about, 0.1, 0.33)
    write(page, foot, 0.1, tall - below + 0.5)
    for k, panel in enumerate(panels):
        bottom = (tall - top - (k + 1) * high - k * BETWEEN) / tall
        first, second = page.add_axes((LEFT / wide, bottom, PASSES / wide, high / tall)), None
        if with_seconds:
            second = page.add_axes((beside / wide, bottom, SECONDS / wide, high / tall))
        pair = AxesPair(first, second, texts[k], looks, names)
        _draw_line(page, pair, panel)
    _label_costs(pair)
    return page


def _label_costs(pair: AxesPair) -> None:
    """Writes below the last panels what their costs are."""
    pair.passes.set_xlabel("passes per image: evaluations + backward passes", fontsize=9)
    if pair.seconds is not None:
        pair.seconds.set_xlabel("seconds per image, one machine", fontsize=9)


def _draw_line(page: Figure, pair: AxesPair, panel: Panel) -> None:
    """Draws the panels of one metric, and the names between them."""
    pair.passes.set_ylabel(_axis_label(panel.metric), fontsize=9)
    reaches: list[tuple[float | None, ...]] = list(zip(_draw_passes(page, pair, panel), strict=True))
    if pair.seconds is not None:
        reaches = [
            (*first, second) for first, second in zip(reaches, _draw_seconds(pair, panel), strict=True)
        ]
    found = []
    for point, reach in zip(panel.points, reaches, strict=True):
        name, height = point.row.name, panel.limits.share(point.score.mean)
        found.append(labels.Label(pair.texts[name], pair.looks[name], height, reach))
    dashes = _dashes(panel)
    for name, level in panel.levels.items():
        height = panel.limits.share(level.mean)
        found.append(labels.Label(pair.texts[name], None, height, (1.0, 0.0), dashes[name]))
    panels = [pair.passes] if pair.seconds is None else [pair.passes, pair.seconds]
    labels.write(page, panels, found, pair.room)


def _axis_label(metric: Column) -> str:
    unit = " [dB]" if metric.name.startswith("psnr") else ""
    return metric.label + unit + (f"\n({DIRECTIONS[metric.better]})" if metric.better else "")


def _draw_passes(page: Figure, pair: AxesPair, panel: Panel) -> list[float]:
    """Draws the first panel; where its points are then, since those that would overlap stand side by side."""
    passes = [point.passes for point in panel.points]
    limits = _log_axis(pair.passes, passes, PASSES)
    _mark_costs(pair.passes, limits, passes)
    high = pair.passes.bbox.height / page.dpi
    places = []
    for point in panel.points:
        places.append((limits.share(point.passes) * PASSES, panel.limits.share(point.score.mean) * high))
    moved = [(x + shift) / PASSES for (x, _), shift in zip(places, swarm(places), strict=True)]
    _draw_points(pair.passes, panel, moved, pair.looks)
    return moved


def _draw_seconds(pair: AxesPair, panel: Panel) -> list[float | None]:
    """Draws the second panel; where its points are, None for rows that were timed elsewhere."""
    axis = pair.seconds
    assert axis is not None
    limits = _log_axis(axis, [point.seconds.mean for point in panel.points if point.seconds], SECONDS)
    reaches = [limits.share(point.seconds.mean) if point.seconds else None for point in panel.points]
    _draw_points(axis, panel, reaches, pair.looks)
    for point in panel.points:
        if point.seconds and has_ends(point.seconds):
            height = panel.limits.share(point.score.mean)
            ends = limits.share(point.seconds.low), limits.share(point.seconds.high)
            axis.plot(ends, [height, height], **_bar(axis, pair.looks[point.row.name].colour))
    axis.tick_params(labelleft=False)
    return reaches


def _log_axis(axis: Axes, values: Sequence[float], inches: float) -> Limits:
    """A logarithmic axis around some costs; zeros stand at its beginning."""
    positive = [value for value in values if value > 0] or [1.0]
    low, high = min(positive), max(positive)
    room = max((high / low) ** 0.08, 1.4)
    limits = Limits(low / room, high * room, is_log=True)
    limits.on(axis, "x")
    multiples = (1,) if math.log10(limits.high / limits.low) / inches > 1 else (1, 2, 5)
    axis.xaxis.set_major_locator(LogLocator(10, subs=multiples, numticks=8))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.tick_params(labelsize=8)
    return limits


def _mark_costs(axis: Axes, limits: Limits, passes: Sequence[float]) -> None:
    """Puts the numbers at the passes that occur, where there is room: first at those of most rows."""
    ticks: list[float] = []
    counts = Counter(value for value in passes if value > 0)
    for value in sorted(counts, key=lambda value: (-counts[value], -value)):
        if all(abs(limits.share(other) - limits.share(value)) * PASSES >= TICKS for other in ticks):
            ticks.append(value)
    axis.xaxis.set_major_locator(FixedLocator(sorted(ticks)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))


def _draw_points(axis: Axes, panel: Panel, reaches: Sequence[float | None], looks: dict[str, Look]) -> None:
    """Draws the points at their shares of the width, joined by budget, and the baselines."""
    limits = panel.limits
    limits.on(axis, "y")
    for name, level in panel.levels.items():
        if not limits.sign(level.mean):
            dash = _dashes(panel)[name]
            axis.axhline(level.mean, color=BASELINE, linestyle=dash, linewidth=1.2, zorder=1)
    places: dict[str, tuple[float, float]] = {}
    for point, reach in zip(panel.points, reaches, strict=True):
        if reach is not None:
            look, height = looks[point.row.name], limits.share(point.score.mean)
            _draw_interval(axis, panel, point, reach, look.colour)
            labels.mark(axis, reach, height, look, transform=axis.transAxes, zorder=4)
            places[point.row.name] = reach, height
    for group in budgets(panel):
        joined = sorted(places[point.row.name] for point in group if point.row.name in places)
        if len(joined) > 1:
            x, y = zip(*joined, strict=True)
            about: dict[str, Any] = {"linestyle": ":", "linewidth": 1.1, "transform": axis.transAxes}
            axis.plot(x, y, color=looks[group[0].row.name].colour, zorder=2, **about)


def _draw_interval(axis: Axes, panel: Panel, point: Point, reach: float, colour: str) -> None:
    """Draws the interval of a score, as far as the panel reaches."""
    if has_ends(point.score):
        ends = [panel.limits.share(point.score.low), panel.limits.share(point.score.high)]
        axis.plot([reach, reach], ends, **_bar(axis, colour))


def _bar(axis: Axes, colour: str) -> dict[str, Any]:
    """How intervals look, in shares of a panel."""
    return {"color": colour, "linewidth": 1.0, "alpha": 0.6, "transform": axis.transAxes, "zorder": 3}


def _dashes(panel: Panel) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Another dash pattern for each baseline."""
    return {name: (0, DASHES[k % len(DASHES)]) for k, name in enumerate(panel.levels)}
