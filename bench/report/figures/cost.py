"""Quality against cost on one task: passes through the network first, seconds of one machine second.

A line of two panels for each metric, and the names of the rows between them.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from bench.records.record import Record
from bench.report.columns import Column
from bench.report.figures.axes import labels
from bench.report.figures.axes.limits import Limits, robust
from bench.report.figures.axes.swarm import swarm
from bench.report.figures.caption import LINE_HEIGHT, caption, fold, write
from bench.report.figures.colours import BASELINE, Look
from bench.report.figures.page import STYLE, blank_page
from bench.report.ranking import Judged, Yardstick, shared
from bench.report.rows import conditions
from bench.report.scores import Score
from bench.report.tables import Row, Table
from bench.report.text import count, distinct
from bench.stats.intervals import FEWEST, Interval, mean_interval

DIRECTIONS = {1: "higher is better", -1: "lower is better", 0: ""}
DASHES = ((5, 3), (1, 2), (7, 2, 1, 2), (3, 1, 1, 1, 1, 1))
"""Dash patterns of the baselines of a table."""
LEFT, PASSES, SECONDS, RIGHT = 0.75, 3.2, 2.5, 0.15
"""Inches of the margins and panels."""
LEAST_HIGH, BETWEEN = 1.9, 0.45
"""Inches of a panel's height, and between two lines of panels."""
WIDEST = 2.6
"""Most inches of the names."""
TICKS = 0.3
"""Least inches between two numbers at an axis."""

Machine = tuple[object, ...]


@dataclass(frozen=True)
class Point:
    """A row of a panel, in printed units.

    Attributes:
        row: its records.
        score: placed where it is compared with the others.
        shown: as the table has it.
        passes: network evaluations and backward passes of an image.
        seconds: of an image; None on another machine than the others.
        partial: images failed or are missing.
    """

    row: Row
    score: Interval
    shown: float
    passes: float
    seconds: Interval | None
    partial: bool


@dataclass(frozen=True)
class Panel:
    """What is drawn of a metric: the points of the methods, and the levels of the baselines."""

    metric: Column
    points: list[Point]
    levels: dict[str, Interval]
    limits: Limits


def draw(judged: Judged, metrics: Sequence[Column], looks: dict[str, Look]) -> Figure | None:
    """The figure, or None where no method has one of the metrics."""
    machine = usual_machine(judged.table)
    panels = []
    for metric in metrics:
        panel = _panel(judged, metric, machine)
        if panel.points:
            panels.append(panel)
    if not panels:
        return None
    with rc_context(STYLE):
        return _page(judged.table, panels, looks, machine)


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


def machine_of(record: Record) -> Machine:
    """What seconds of two records must share to be on one axis: batch, device, threads, switches and build."""
    return *conditions(record), record.dtype, record.versions.get("os"), record.versions.get("torch")


def usual_machine(table: Table) -> Machine | None:
    """The one on which most rows of the methods have seconds; None where none has."""
    found: Counter[Machine] = Counter()
    for row in table.rows:
        if not row.head.baseline:
            found.update({machine_of(record) for record in row.ok if record.seconds is not None})
    return max(found, key=lambda machine: (found[machine], str(machine))) if found else None


def seconds_on(row: Row, machine: Machine | None) -> Interval | None:
    """Seconds of an image on a machine; None without any. A batch gives all its images one value."""
    found: dict[float, None] = {}
    for record in row.ok:
        if record.seconds is not None and machine_of(record) == machine:
            found[record.seconds] = None
    return mean_interval(list(found)) if found else None


def _panel(judged: Judged, metric: Column, machine: Machine | None) -> Panel:
    table = judged.table
    shown = judged.scores[metric.name]
    scores = place(table, shown, judged.yardstick, metric)
    points, levels = [], {}
    for row in table.rows:
        interval = scores[row.name].interval
        own = shown[row.name].interval
        if interval is None or own is None:
            continue
        scaled = _scaled(interval, metric)
        if row.head.baseline:
            levels[row.name] = scaled
            continue
        passes = (row.mean("nfe") or 0) + (row.mean("vjps") or 0)
        seconds = seconds_on(row, machine)
        partial = scores[row.name].partial
        points.append(Point(row, scaled, metric.scale * own.mean, passes, seconds, partial))
    return Panel(metric, points, levels, robust([point.score for point in points], metric.better))


def _scaled(interval: Interval, metric: Column) -> Interval:
    mean, low, high, n = interval
    return Interval(metric.scale * mean, metric.scale * low, metric.scale * high, n)


def _page(table: Table, panels: Sequence[Panel], looks: dict[str, Look], machine: Machine | None) -> Figure:
    """The page, in fixed inches: title, caption, a line of panels for each metric, remarks."""
    texts = [_texts(table, panel) for panel in panels]
    names = min(max(labels.width(list(found.values())) for found in texts), WIDEST)
    with_seconds = any(point.seconds for panel in panels for point in panel.points)
    wide = LEFT + PASSES + labels.GUTTER + names + (SECONDS if with_seconds else 0) + RIGHT
    high = max(LEAST_HIGH, 0.1 + labels.APART * max(map(len, texts)))
    head = fold(caption(table), wide - 0.2)
    foot = fold(" ".join(_remarks(table, panels, machine)), wide - 0.2)
    top = 0.5 + LINE_HEIGHT * len(head)
    below = 0.6 + LINE_HEIGHT * len(foot)
    tall = top + len(panels) * (high + BETWEEN) - BETWEEN + below
    page = blank_page(wide, tall)
    page.text(0.1 / wide, 1 - 0.1 / tall, f"Quality against cost: {table.title}", size=11, va="top")
    write(page, head, 0.1, 0.33)
    write(page, foot, 0.1, tall - below + 0.5)
    for k, panel in enumerate(panels):
        bottom = tall - top - (k + 1) * high - k * BETWEEN
        first = page.add_axes((LEFT / wide, bottom / tall, PASSES / wide, high / tall))
        second = None
        if with_seconds:
            left = LEFT + PASSES + labels.GUTTER + names
            second = page.add_axes((left / wide, bottom / tall, SECONDS / wide, high / tall))
        is_last = k == len(panels) - 1
        _draw_line(page, first, second, panel, texts[k], looks, is_last)
    return page


def _draw_line(
    page: Figure,
    first: Axes,
    second: Axes | None,
    panel: Panel,
    texts: dict[str, str],
    looks: dict[str, Look],
    is_last: bool,
) -> None:
    """Draws the panels of one metric, and the names between them."""
    metric, limits = panel.metric, panel.limits
    unit = " [dB]" if metric.name.startswith("psnr") else ""
    direction = f"\n({DIRECTIONS[metric.better]})" if metric.better else ""
    first.set_ylabel(metric.label + unit + direction, fontsize=9)
    passes = [point.passes for point in panel.points]
    _log_axis(first, passes, PASSES)
    _mark_costs(first, passes)
    shares = [_share(first, point.passes) for point in panel.points]
    places = []
    for point, share in zip(panel.points, shares, strict=True):
        places.append((share * PASSES, limits.share(point.score.mean) * first.bbox.height / page.dpi))
    moved = [share + shift / PASSES for share, shift in zip(shares, swarm(places), strict=True)]
    _draw_points(first, panel, moved, looks)
    timed = [point.seconds.mean if point.seconds else None for point in panel.points]
    reaches: list[float | None] = [None] * len(timed)
    if second is not None:
        known = [value for value in timed if value is not None]
        _log_axis(second, known or [1.0], SECONDS)
        reaches = [None if value is None else _share(second, value) for value in timed]
        _draw_points(second, panel, reaches, looks, with_bars=True)
        second.tick_params(labelleft=False)
    if is_last:
        first.set_xlabel("passes per image: evaluations + backward passes", fontsize=9)
        if second is not None:
            second.set_xlabel("seconds per image, one machine", fontsize=9)
    found = []
    for i, point in enumerate(panel.points):
        name = point.row.name
        height = limits.share(point.score.mean)
        found.append(labels.Label(texts[name], looks[name], height, (moved[i], reaches[i])))
    dashes = _dashes(panel)
    for name, level in panel.levels.items():
        height = limits.share(level.mean)
        found.append(labels.Label(texts[name], None, height, (1.0, 0.0 if second else None), dashes[name]))
    labels.write(page, [first] if second is None else [first, second], found)


def _texts(table: Table, panel: Panel) -> dict[str, str]:
    """Row name -> what is written beside its point."""
    texts = {}
    for point in panel.points:
        name = point.row.name
        text = f"({name})" if point.partial else name
        if name in table.unusual:
            text += f", n {table.unusual[name]}"
        texts[name] = text + _beyond(panel, point.score.mean, point.shown)
    for name, level in panel.levels.items():
        texts[name] = name + _beyond(panel, level.mean, level.mean)
    return texts


def _beyond(panel: Panel, drawn: float, shown: float) -> str:
    """An arrow and the number of what is not drawn in its place."""
    sign = panel.limits.sign(drawn)
    return f" {sign} {panel.metric.show(shown / panel.metric.scale)}" if sign else ""


def _log_axis(axis: Axes, values: Sequence[float], inches: float) -> None:
    """A logarithmic axis around some costs; zeros stand at its beginning."""
    positive = [value for value in values if value > 0] or [1.0]
    low, high = min(positive), max(positive)
    room = max((high / low) ** 0.08, 1.4)
    axis.set_xscale("log")
    axis.set_xlim(low / room, high * room)
    span = math.log10(high / low) + 2 * math.log10(room)
    multiples = (1,) if span / inches > 1 else (1, 2, 5)
    axis.xaxis.set_major_locator(LogLocator(10, subs=multiples, numticks=8))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.tick_params(labelsize=8)


def _mark_costs(axis: Axes, passes: Sequence[float]) -> None:
    """Puts the numbers at the passes that occur, where there is room."""
    ticks: list[float] = []
    for value in sorted({value for value in passes if value > 0}, reverse=True):
        if not ticks or (_share(axis, ticks[-1]) - _share(axis, value)) * PASSES >= TICKS:
            ticks.append(value)
    axis.xaxis.set_major_locator(FixedLocator(ticks))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))


def _share(axis: Axes, value: float) -> float:
    """Where a cost is, as a share of the width of its axis."""
    low, high = axis.get_xlim()
    return math.log(max(value, low) / low) / math.log(high / low)


def _draw_points(
    axis: Axes, panel: Panel, reaches: Sequence[float | None], looks: dict[str, Look], with_bars: bool = False
) -> None:
    """Draws the points at their shares of the width, joined by method, and the baselines."""
    limits = panel.limits
    axis.set_ylim(limits.low, limits.high)
    axis.tick_params(labelsize=8)
    dashes = _dashes(panel)
    for name, level in panel.levels.items():
        if not limits.sign(level.mean):
            axis.axhline(level.mean, color=BASELINE, linestyle=dashes[name], linewidth=1.2, zorder=1)
    lines: dict[str, list[tuple[float, float]]] = {}
    for point, reach in zip(panel.points, reaches, strict=True):
        if reach is None:
            continue
        look, height = looks[point.row.name], limits.share(point.score.mean)
        _draw_bars(axis, panel, point, reach, look.colour, with_bars)
        labels.mark(axis, reach, height, look, transform=axis.transAxes, zorder=4)
        lines.setdefault(point.row.head.solver, []).append((reach, height))
    for solver, places in lines.items():
        look = next(looks[point.row.name] for point in panel.points if point.row.head.solver == solver)
        x, y = zip(*sorted(places), strict=True)
        about = {"color": look.colour, "linestyle": ":", "linewidth": 1.1, "transform": axis.transAxes}
        axis.plot(x, y, zorder=2, **about)


def _draw_bars(axis: Axes, panel: Panel, point: Point, reach: float, colour: str, with_seconds: bool) -> None:
    """Draws the intervals of a point, as far as the panel reaches."""
    limits, (mean, low, high, _) = panel.limits, point.score
    about = {"color": colour, "linewidth": 1.0, "alpha": 0.6, "transform": axis.transAxes, "zorder": 3}
    if math.isfinite(low) and math.isfinite(high):
        axis.plot([reach, reach], [limits.share(low), limits.share(high)], **about)
    if with_seconds and point.seconds and math.isfinite(point.seconds.low):
        ends = _share(axis, point.seconds.low), min(_share(axis, point.seconds.high), 1.0)
        axis.plot(ends, [limits.share(mean)] * 2, **about)


def _dashes(panel: Panel) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Another dash pattern for each baseline."""
    return {name: (0, DASHES[k % len(DASHES)]) for k, name in enumerate(panel.levels)}


def _remarks(table: Table, panels: Sequence[Panel], machine: Machine | None) -> list[str]:
    """What a reader of the figure must know."""
    points = [point for panel in panels for point in panel.points]
    remarks = ["Bars: 95 % interval of the mean. Dotted lines: rows of one method."]
    if any(panel.metric.better for panel in panels) and any(
        "↓" in t or "↑" in t for t in _all(table, panels)
    ):
        remarks.append("Arrows: beyond the axis, at the number that is written.")
    if any(point.row.name in table.unusual for point in points):
        remarks.append("Fewer images (n): placed at the paired distance from the best row over all images.")
    if any(point.partial for point in points):
        remarks.append("(Brackets): failed or missing images.")
    return [*remarks, _about_seconds(panels, machine)]


def _all(table: Table, panels: Sequence[Panel]) -> list[str]:
    found: list[str] = []
    for panel in panels:
        found += _texts(table, panel).values()
    return found


def _about_seconds(panels: Sequence[Panel], machine: Machine | None) -> str:
    """On which machine the seconds were measured, and which rows are not drawn since theirs were elsewhere."""
    if machine is None:
        return "No seconds: none were recorded."
    batch, device, threads, switches, dtype, *_ = machine
    about = f"Seconds: {device}, {threads} thread{'s' if threads != 1 else ''}, batch {batch}, {dtype}"
    about += "" if switches == "plain" else f", {switches}"
    others = distinct(p.row.name for panel in panels for p in panel.points if p.seconds is None)
    if others:
        about += (
            f"; not drawn there, since timed in another machine, build or batch size: {', '.join(others)}"
        )
    return about + "."
