"""Quality against cost: one panel per task, a point per row, baselines as horizontal lines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.names import counted
from bench.report.columns import Column
from bench.report.figures.colours import BASELINE
from bench.report.figures.page import STYLE, arrangement, finish_grid, new_page, to_png
from bench.report.ranking import Yardstick, shared
from bench.report.scores import Score, Scores
from bench.report.tables import Row, Table
from bench.stats.intervals import FEWEST, Interval, mean_interval

DIRECTIONS = {1: "  (higher is better)", -1: "  (lower is better)", 0: ""}
DASHES = ((5, 3), (1, 2), (7, 2, 1, 2), (3, 1, 1, 1, 1, 1))
"""Dash patterns of the baselines of a table."""
FEWER = "Fewer images: placed at the paired distance from the best row over all images."
HOLLOW = "Hollow: other batch size, or images failed or missing."


@dataclass(frozen=True)
class Point:
    """A solver's row in a panel. ``hollow``: other conditions of timing, or images failed or are missing."""

    row: Row
    seconds: Interval
    score: Interval
    hollow: bool


@dataclass(frozen=True)
class Panel:
    """One task: the scores of its rows, and a point for each row that has one."""

    table: Table
    scores: dict[str, Score]
    points: list[Point]

    def level(self, value: float) -> float:
        """Where a score is drawn: an infinite one beyond all others."""
        if math.isfinite(value):
            return value
        means = [score.interval.mean for score in self.scores.values() if score.interval]
        finite = [mean for mean in means if math.isfinite(mean)]
        low, high = min(finite, default=0.0), max(finite, default=0.0)
        room = 0.2 * (high - low) or 1.0
        return high + room if value > 0 else low - room


def draw(
    tables: Sequence[Table],
    scores: Sequence[Scores],
    leaders: Sequence[Yardstick | None],
    metric: Column,
    colours: dict[str, str],
    markers: dict[str, str],
) -> bytes | None:
    """The figure as PNG bytes, or None where no table has the metric and a time."""
    panels = []
    for table, judged, leader in zip(tables, scores, leaders, strict=True):
        panel = _panel(table, place(table, judged[metric.name], leader, metric))
        if panel.points:
            panels.append(panel)
    if not panels:
        return None
    down, across = arrangement(len(panels))
    with rc_context(STYLE):
        page = new_page(0.5 + 3.1 * max(across, 2), 0.95 + 2.75 * down)
        axes = list(page.subplots(down, across, squeeze=False, sharex=True).ravel())
        _set_scale(axes, panels)
        for axis, panel in zip(axes, panels, strict=False):
            _draw_panel(axis, panel, metric, colours, markers)
        _set_ticks(axes[: len(panels)])
        finish_grid(axes, len(panels), across, "seconds per image")
        unit = " [dB]" if metric.name == "psnr" else ""
        page.supylabel(metric.label + unit + DIRECTIONS[metric.better], fontsize=11)
        handles = _legend(panels, colours, markers)
        page.legend(
            handles=handles,
            title=_remarks(panels) or None,
            title_fontsize=9,
            loc="outside lower center",
            ncols=_columns(len(handles), across),
            frameon=False,
        )
        return to_png(page)


def place(
    table: Table, scores: dict[str, Score], leader: Yardstick | None, metric: Column
) -> dict[str, Score]:
    """Row name -> score, where rows about fewer images are moved to their paired distance from the leader.

    Their own means are over other images than the means of the rest.
    """
    placed = dict(scores)
    level = scores[leader.row.name].interval if leader else None
    if leader is None or level is None:
        return placed
    for row in table.rows:
        ours = scores[row.name].interval
        if row.name not in table.unusual or ours is None:
            continue
        values, others = shared(row.scores(metric.name), leader.row.scores(metric.name))
        if len(values) < FEWEST:
            continue
        shift = level.mean + float(values.mean()) - float(others.mean()) - ours.mean
        if math.isfinite(shift):
            moved = Interval(ours.mean + shift, ours.low + shift, ours.high + shift, ours.n)
            placed[row.name] = replace(scores[row.name], interval=moved)
    return placed


def _panel(table: Table, scores: dict[str, Score]) -> Panel:
    points = []
    for row in table.rows:
        score = scores[row.name]
        if row.seconds and score.interval and not row.head.baseline:
            hollow = row.timing != table.timing or score.partial
            points.append(Point(row, mean_interval(row.seconds), score.interval, hollow))
    return Panel(table, scores, points)


def _set_scale(axes: Sequence[Axes], panels: Sequence[Panel]) -> None:
    """Makes the seconds logarithmic.

    Nearly equal ones get limits first, since matplotlib warns about the limits that it would choose itself.
    """
    times = [point.seconds.mean for panel in panels for point in panel.points]
    for axis in axes:
        axis.set_xscale("log")
        if max(times) < 2 * min(times):
            axis.set_autoscalex_on(False)
            axis.set_xlim(min(times) / 2, max(times) * 2)


def _set_ticks(axes: Sequence[Axes]) -> None:
    """Labels decades, or also 2 and 5 times a decade where there is room."""
    low, high = axes[0].get_xlim()
    multiples = (1,) if high > 30 * low else (1, 2, 5)
    for axis in axes:
        axis.xaxis.set_major_locator(LogLocator(10, subs=multiples, numticks=8))


def _draw_panel(
    axis: Axes, panel: Panel, metric: Column, colours: dict[str, str], markers: dict[str, str]
) -> None:
    axis.set_title(panel.table.title)
    axis.margins(x=0.08, y=0.08)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    _draw_baselines(axis, panel, metric)
    lines: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for point in panel.points:
        solver = point.row.head.solver
        height = metric.scale * panel.level(point.score.mean)
        _draw_point(axis, point, height, metric, colours[point.row.name], markers[point.row.name])
        line = lines.setdefault((solver, colours[point.row.name]), [])
        line.append((point.seconds.mean, height))
    for (_, colour), places in lines.items():
        x, y = zip(*sorted(places), strict=True)
        axis.plot(x, y, color=colour, linewidth=1, alpha=0.45, zorder=2)


def _draw_baselines(axis: Axes, panel: Panel, metric: Column) -> None:
    for row in panel.table.rows:
        interval = panel.scores[row.name].interval
        if row.head.baseline and interval:
            dash, height = _dash(row.name, panel.table), metric.scale * panel.level(interval.mean)
            axis.axhline(height, color=BASELINE, linestyle=dash, linewidth=1.3, zorder=1)
            if math.isinf(interval.mean):
                _say_infinite(axis, axis.get_xlim()[0], height, BASELINE)


def _say_infinite(axis: Axes, x: float, y: float, colour: str) -> None:
    axis.annotate("∞", (x, y), xytext=(5, 5), textcoords="offset points", color=colour)


def _draw_point(axis: Axes, point: Point, height: float, metric: Column, colour: str, marker: str) -> None:
    if math.isinf(point.score.mean):
        _say_infinite(axis, point.seconds.mean, height, colour)
    axis.errorbar(
        point.seconds.mean,
        height,
        xerr=_bars(point.seconds, 1.0),
        yerr=_bars(point.score, metric.scale),
        linestyle="none",
        marker=marker,
        color=colour,
        markersize=7,
        markerfacecolor="white" if point.hollow else colour,
        markeredgewidth=1.4,
        elinewidth=1.4,
        capsize=2.5,
        zorder=3,
    )


def _bars(interval: Interval, scale: float) -> list[list[float]] | None:
    """Lengths of the error bars below and above the mean; None where the interval has no finite bounds."""
    mean, low, high, _ = interval
    if not all(map(math.isfinite, (mean, low, high))):
        return None
    return [[scale * max(mean - low, 0)], [scale * max(high - mean, 0)]]


def _dash(name: str, table: Table) -> tuple[int, tuple[int, ...]]:
    """Another dash pattern for each baseline of a table."""
    baselines = [row.name for row in table.rows if row.head.baseline]
    return 0, DASHES[baselines.index(name) % len(DASHES)]


def _legend(panels: Sequence[Panel], colours: dict[str, str], markers: dict[str, str]) -> list[Line2D]:
    """One entry per row name, in order of appearance, as it looks in the first panel that has it."""
    rows: dict[str, tuple[Row, Table]] = {}
    remarks: dict[str, str] = {}
    for panel in panels:
        for row in panel.table.rows:
            rows.setdefault(row.name, (row, panel.table))
        for name, n in panel.table.unusual.items():
            remarks[name] = f" ({counted(n, 'image')})"
    handles = []
    for name, (row, table) in rows.items():
        if row.head.baseline:
            entry = Line2D([], [], color=BASELINE, linestyle=_dash(name, table), label=f"{name} (baseline)")
        else:
            label = name + remarks.get(name, "")
            entry = Line2D([], [], label=label, color=colours[name], marker=markers[name], linewidth=1)
        handles.append(entry)
    return handles


def _remarks(panels: Sequence[Panel]) -> str:
    """What the legend says beside names."""
    points = [(point, panel.table) for panel in panels for point in panel.points]
    remarks = []
    if any(point.row.name in table.unusual for point, table in points):
        remarks.append(FEWER)
    if any(point.hollow for point, _ in points):
        remarks.append(HOLLOW)
    return "\n".join(remarks)


def _columns(n: int, across: int) -> int:
    """Columns of a legend with n entries, which fill their lines evenly."""
    most = max(2, round(across * 1.5))
    return math.ceil(n / math.ceil(n / most))
