"""What stands against what: scores of rows, their passes through the network, seconds of one machine."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from bench.names import counted
from bench.records.keys import canonical
from bench.report.columns import Column
from bench.report.figures.axes.limits import Limits, robust
from bench.report.ranking import Judged, Yardstick, shared
from bench.report.rows import PLAIN, Row, Timing, conditions
from bench.report.scores import Score
from bench.report.tables import Table
from bench.report.text import distinct
from bench.stats.intervals import FEWEST, Interval, mean_interval

STEPS = "steps"
"""The parameter that is a method's budget."""


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


def usual_machine(table: Table) -> Timing | None:
    """The one on which most rows of the methods have seconds; None where none has."""
    found: Counter[Timing] = Counter()
    for row in table.rows:
        if not row.head.baseline:
            found.update({conditions(record) for record in row.ok if record.seconds is not None})
    return max(found, key=lambda machine: (found[machine], str(machine))) if found else None


def seconds_on(row: Row, machine: Timing | None) -> Interval | None:
    """Seconds of an image on a machine; None without any. A batch gives all its images one value."""
    found: dict[float, None] = {}
    for record in row.ok:
        if record.seconds is not None and conditions(record) == machine:
            found[record.seconds] = None
    return mean_interval(list(found)) if found else None


def panel_of(judged: Judged, metric: Column, machine: Timing | None) -> Panel:
    """What is drawn of a metric, with seconds of this machine."""
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


def texts_of(table: Table, panel: Panel) -> dict[str, str]:
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


def remarks_of(table: Table, panels: Sequence[Panel], machine: Timing | None) -> list[str]:
    """What a reader of the figure must know."""
    points = [point for panel in panels for point in panel.points]
    remarks = ["Bars: 95 % interval of the mean."] if any(map(_has_bars, points)) else []
    if any(map(budgets, panels)):
        remarks.append("Dotted lines: rows that differ in their number of steps alone.")
    remarks.append("Points that would overlap stand side by side.")
    if any(map(_has_arrows, panels)):
        remarks.append("Arrows: beyond the axis, at the number that is written.")
    if any(point.row.name in table.unusual for point in points):
        remarks.append("Fewer images (n): placed at the paired distance from the best row over all images.")
    if any(point.partial for point in points):
        remarks.append("(Brackets): failed or missing images.")
    return [*remarks, _about_seconds(panels, machine)]


def budgets(panel: Panel) -> list[list[Point]]:
    """The points of rows of one method that differ in their number of steps alone, two and more of them.

    Of rows that differ in more, a line would show what no budget gives.
    """
    groups: dict[str, dict[str, list[Point]]] = {}
    for point in panel.points:
        head = point.row.head
        others = {name: value for name, value in head.params.items() if name != STEPS}
        group = groups.setdefault(canonical([head.solver, head.source_sha256, head.guidance, others]), {})
        group.setdefault(canonical(head.params), []).append(point)
    return [list(chain.from_iterable(group.values())) for group in groups.values() if len(group) > 1]


def has_ends(interval: Interval | None) -> bool:
    """Whether a bar shows an interval: of few images there is none."""
    return interval is not None and math.isfinite(interval.low) and math.isfinite(interval.high)


def _has_bars(point: Point) -> bool:
    """Whether a row has a bar in any panel."""
    return has_ends(point.score) or has_ends(point.seconds)


def _has_arrows(panel: Panel) -> bool:
    """Whether something lies beyond the axis."""
    scores = [*(point.score for point in panel.points), *panel.levels.values()]
    return any(panel.limits.sign(score.mean) for score in scores)


def _about_seconds(panels: Sequence[Panel], machine: Timing | None) -> str:
    """The machine on which seconds were measured, and the rows measured elsewhere, which are not drawn."""
    if machine is None:
        return "No seconds: none were recorded."
    batch, device, threads, switches, dtype, *_ = machine
    about = f"Seconds: {device}, {counted(threads, 'thread')}, batch {batch}, {dtype}"
    about += "" if switches == PLAIN else f", {switches}"
    others = distinct(p.row.name for panel in panels for p in panel.points if p.seconds is None)
    if others:
        about += (
            f"; not drawn there, since timed otherwise (machine, build, batch size) or not at all: "
            f"{', '.join(others)}"
        )
    return about + "."
