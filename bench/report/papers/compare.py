"""Ours against what a paper prints: whether the two may be compared at all, and what comes out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.names import counted
from bench.report.columns import SET_METRICS
from bench.report.papers.published import METRICS, Entry, Number, Published
from bench.report.planned import Run
from bench.report.ranking import judge
from bench.report.scores import Score, Sets
from bench.report.tables import Row, Table
from bench.report.text import plain
from bench.stats.intervals import Interval

PRESETS = ("official", "paper")
"""With the settings of a paper or of its code; numbers of other settings are not the paper's."""
SOLVER_ONLY = frozenset({"rcond"})
"""Parameters of an operator that change its pseudo-inverse, not the measurement."""

OTHER_SETS = "{}: other features, or another reference than the true images of the run, here"


@dataclass(frozen=True)
class Cell:
    """One number of a paper and ours, None where there are no records. Both are in the paper's printed unit.

    ``verdict``: ``reproduced``, ``differs``, ``not comparable`` (with ``reasons``), ``unverified source``,
    ``no records``, or empty for methods that are not ours.
    """

    metric: str
    published: Number
    ours: Interval | None = None
    verdict: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def difference(self) -> float | None:
        """Ours minus the published number; None where the two are not comparable."""
        return (
            self.ours.mean - self.published.value if self.ours and self.verdict != "not comparable" else None
        )


@dataclass(frozen=True)
class Line:
    """One method of a paper's table.

    ``ours`` is the row that it was compared with; ``missing``: nothing is recorded with the settings that the
    paper's row has, or of fewer images.
    """

    row: str
    cells: tuple[Cell, ...]
    ours: tuple[Table, Row] | None = None
    missing: bool = False


class Records:
    """What was recorded, and its scores, each computed once."""

    def __init__(self, tables: Sequence[Table], sets: Sets, runs: Sequence[Run] = ()) -> None:
        self.tables, self.sets = tables, sets
        self.other_sets = {run["suite"] for run in runs if run.get("sets")}
        self._scores: dict[tuple[str, str], dict[str, Score]] = {}

    def usual_sets(self, row: Row) -> bool:
        """Whether its FID and KID are of the usual features, against the true images of the run."""
        return row.head.suite not in self.other_sets

    def score(self, table: Table, row: Row, metric: str) -> Score:
        """A row's number of one metric."""
        place = table.slug, metric
        if place not in self._scores:
            self._scores[place] = judge(table, METRICS[metric], self.sets)
        return self._scores[place][row.name]

    @cached_property
    def rows(self) -> list[tuple[Table, Row]]:
        """All rows with at least one reconstruction."""
        return [(table, row) for table in self.tables for row in table.rows if row.ok]


def compare(published: Published, entry: Entry, records: Records) -> list[Line]:
    """A paper's table of one problem, line by line."""
    return [_line(published, entry, row, records) for row in entry.rows]


def _line(published: Published, entry: Entry, name: str, records: Records) -> Line:
    """With our row of the same solver, operator and prior for which the fewest reasons speak against a
    comparison.
    """
    numbers = entry.numbers(name)
    solver, steps = published.method(name)
    if solver is None:
        return Line(name, tuple(Cell(metric, number) for metric, number in numbers.items()))
    asked = solver, entry.operator, entry.prior
    found = [(t, r) for t, r in records.rows if (r.head.solver, r.head.operator, r.head.prior) == asked]
    if not found:
        return Line(
            name, tuple(Cell(m, number, verdict="no records") for m, number in numbers.items()), missing=True
        )
    weights = published.priors[entry.prior].sha256
    against = [tuple(obstacles(entry, name, steps, weights, table, row)) for table, row in found]
    best = min(range(len(found)), key=lambda i: len(against[i]))
    (table, row), reasons = found[best], against[best]
    cells = []
    for metric, number in numbers.items():
        odd = (
            ()
            if metric not in SET_METRICS or records.usual_sets(row)
            else (OTHER_SETS.format(METRICS[metric].label),)
        )
        cells.append(_cell(entry, metric, number, records.score(table, row, metric), (*reasons, *odd)))
    settings = (
        row.head.preset in PRESETS and row.head.params.get("steps") == steps and not changed(row.head.label)
    )
    return Line(name, tuple(cells), (table, row), missing=not settings or len(row.solved) < (entry.n or 0))


def changed(label: str) -> list[str]:
    """What a command line changed in a row, as its label says, "dps-paper-1000[zeta=1,steps=100]", but for
    the steps.
    """
    settings = label.partition("[")[2].rstrip("]").split(",")
    return [setting for setting in settings if setting.partition("=")[0] not in {"", "steps"}]


def obstacles(
    entry: Entry, name: str, steps: int, weights: str | None, table: Table, row: Row
) -> Iterator[str]:
    """Why our row is about something else than the paper's, whatever the metric."""
    head = row.head
    if weights not in {None, head.weights_sha256}:
        yield f"prior: other weights than those that {entry.prior} is known by"
    if name in entry.rows_differ:
        yield f"solver: {entry.rows_differ[name]}"
    if head.preset not in PRESETS:
        yield f"preset {head.preset or 'none'}, neither official nor paper"
    elif own := changed(head.label):
        yield f"{', '.join(own)} instead of what the preset {head.preset} has"
    if head.params.get("steps") != steps:
        yield f"{head.params.get('steps')} steps here, {steps} there"
    if entry.operator_differs:
        yield f"operator: {entry.operator_differs}"
    yield from _parameters(entry.params, head.operator_params)
    if entry.noise_std is None:
        yield "their sigma is not known"
    elif abs(entry.noise_std - head.sigma) > 1e-9:
        yield f"sigma {head.sigma:g} here, {entry.noise_std:g} there, for images in [−1, 1]"
    if entry.dataset is None:
        yield f"their images are not known ({entry.images})"
    elif entry.dataset != head.dataset:
        yield f"images: {head.dataset} here, {entry.dataset} there"
    if row.name in table.strangers or not row.complete:
        yield f"{len(row.solved)} of {len(row.images)} images were solved on the common measurements"


def _parameters(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*theirs, *ours)):
        if key not in SOLVER_ONLY and theirs.get(key) != ours.get(key):
            here, there = (plain(v[key]) if v.get(key) is not None else "unset" for v in (ours, theirs))
            yield f"{key} {here} here, {there} there"


def _cell(entry: Entry, metric: str, number: Number, score: Score, reasons: tuple[str, ...]) -> Cell:
    if score.interval is None:
        return Cell(
            metric, number, None, "not comparable", (f"no {METRICS[metric].label} here: {score.reason}",)
        )
    ours = _printed(score.interval, METRICS[metric].scale)
    own = tuple(_variant(entry, metric, ours))
    if reasons or own:
        return Cell(metric, number, ours, "not comparable", (*reasons, *own))
    if entry.status_of(metric) != "verbatim":
        return Cell(metric, number, ours, "unverified source", (entry.status_of(metric),))
    inside = ours.low - number.half <= number.value <= ours.high + number.half
    return Cell(metric, number, ours, "reproduced" if inside else "differs")


def _variant(entry: Entry, metric: str, ours: Interval) -> Iterator[str]:
    """Why the two numbers are of different metrics, though they have one name."""
    label = METRICS[metric].label
    if metric in entry.variants:
        yield f"{label}: {entry.variants[metric]}"
    if metric == "fid" and entry.n != ours.n:
        yield f"FID of {counted(ours.n, 'image')} here, of {entry.n or 'an unknown number'} there"
    if ours.low != ours.low:
        yield f"{label}: no interval here"


def _printed(interval: Interval, scale: float) -> Interval:
    return Interval(interval.mean * scale, interval.low * scale, interval.high * scale, interval.n)
