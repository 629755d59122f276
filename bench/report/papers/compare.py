"""Ours against what a paper prints: whether the two may be compared at all, and what comes out."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.names import counted
from bench.records.manifest import RunManifest
from bench.records.record import Record
from bench.report.columns import SET_METRICS
from bench.report.papers.published import (
    COSTS,
    METRICS,
    PrintedNumber,
    Published,
    PublishedEntry,
    Status,
)
from bench.report.ranking import judge
from bench.report.scores import Score, Sets
from bench.report.tables import Row, Table
from bench.report.text import noise_text, plain
from bench.stats.intervals import Interval

PRESETS = ("official", "paper")
"""Presets with the settings of a paper or of its code; numbers of other settings are not the paper's."""
SOLVER_ONLY = frozenset({"rcond"})
"""Parameters of an operator that change its pseudo-inverse, not the measurement."""
SAME_SIGMA = 1e-9
"""Largest difference of two noise levels that count as equal."""
NO_SIGMA = "their sigma is not known"
NO_STEPS = "their number of network evaluations is not known"
OTHER_MACHINE = "{}: another machine"
OTHER_SETS = "{}: other features, or another reference than the true images of the run, here"


@dataclass(frozen=True)
class Comparison:
    """One number of a paper and ours, None where there are no records. Both are in the paper's printed unit.

    ``verdict``: ``reproduced``, ``differs``, ``not comparable`` (with ``reasons``), ``unverified source``,
    ``no records``, or empty for methods that are not ours.
    """

    metric: str
    published: PrintedNumber
    ours: Interval | None = None
    verdict: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def difference(self) -> float | None:
        """Ours minus the published number; None where the two are not comparable."""
        if self.ours is None or self.verdict == "not comparable":
            return None
        return self.ours.mean - self.published.value


@dataclass(frozen=True)
class Line:
    """One method of a paper's table.

    ``ours`` is the row that it was compared with; ``missing``: nothing is recorded with the settings that the
    paper's row has, or of fewer images.
    """

    row: str
    comparisons: tuple[Comparison, ...]
    ours: tuple[Table, Row] | None = None
    missing: bool = False


class Recorded:
    """Our tables, and their scores, each computed once."""

    def __init__(self, tables: Sequence[Table], sets: Sets, runs: Sequence[RunManifest] = ()) -> None:
        self.tables, self.sets = tables, sets
        self.other_sets = {run.suite for run in runs if run.sets}
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

    def rows_of(self, solver: str, operator: str, prior: str) -> list[tuple[Table, Row]]:
        """The rows of a solver, an operator and a prior that have at least one reconstruction."""
        found = []
        for table in self.tables:
            for row in table.rows:
                head = row.head
                if row.ok and (head.solver, head.operator, head.prior) == (solver, operator, prior):
                    found.append((table, row))
        return found


def compare(published: Published, entry: PublishedEntry, recorded: Recorded) -> list[Line]:
    """A paper's table of one problem, line by line."""
    return [_line(published, entry, row, recorded) for row in entry.rows]


def _line(published: Published, entry: PublishedEntry, name: str, recorded: Recorded) -> Line:
    """Compares a line with our row of the same solver, operator and prior.

    Several rows may be so; the one is taken against which the fewest reasons speak.
    """
    solver, steps = published.method(name)
    if solver is None:
        return Line(name, _only_theirs(entry, name, ""))
    candidates = recorded.rows_of(solver, entry.operator, entry.prior)
    if not candidates:
        return Line(name, _only_theirs(entry, name, "no records"), missing=True)
    weights = published.priors[entry.prior].sha256
    weighed = []
    for table, row in candidates:
        weighed.append((tuple(obstacles(entry, name, steps, weights, table, row)), table, row))
    reasons, table, row = min(weighed, key=lambda found: len(found[0]))
    comparisons = []
    for metric, number in entry.numbers(name).items():
        if metric in COSTS:
            cost = OTHER_MACHINE.format(METRICS[metric].label)
            comparisons.append(Comparison(metric, number, None, "not comparable", (cost,)))
            continue
        against = reasons
        if metric in SET_METRICS and not recorded.usual_sets(row):
            against = (*reasons, OTHER_SETS.format(METRICS[metric].label))
        score = recorded.score(table, row, metric)
        status = entry.status_of(name, metric)
        comparisons.append(_comparison(entry, metric, number, score, status, against))
    missing = not _has_settings(row.head, steps) or len(row.solved) < (entry.n or 0)
    return Line(name, tuple(comparisons), (table, row), missing)


def _only_theirs(entry: PublishedEntry, name: str, verdict: str) -> tuple[Comparison, ...]:
    numbers = entry.numbers(name)
    return tuple(Comparison(metric, number, verdict=verdict) for metric, number in numbers.items())


def _has_settings(head: Record, steps: int | None) -> bool:
    """Whether a row was run with a published preset, unchanged, at so many steps; None: at any number."""
    has_steps = steps is None or head.params.get("steps") == steps
    return head.preset in PRESETS and has_steps and not changed(head.label)


def changed(label: str) -> list[str]:
    """What a command line changed in a row beside its steps, read from its label.

    >>> changed("dps-paper-1000[zeta=1,steps=100]")
    ['zeta=1']
    """
    settings = label.partition("[")[2].rstrip("]").split(",")
    return [setting for setting in settings if setting.partition("=")[0] not in {"", "steps"}]


def obstacles(
    entry: PublishedEntry, name: str, steps: int | None, weights: str | None, table: Table, row: Row
) -> Iterator[str]:
    """Yields the reasons why our row is about something else than the paper's, whatever the metric.

    Args:
        entry, name, steps: the paper's table, and its row with its number of steps, None if not known.
        weights: sha256 of the paper's network, None where any weights of that name will do.
        table, row: ours.
    """
    head = row.head
    if weights not in {None, head.weights_sha256}:
        yield f"prior: other weights than those that {entry.prior} is known by"
    yield from _other_solver(entry, name, steps, head)
    if entry.operator_differs:
        yield f"operator: {entry.operator_differs}"
    yield from _other_parameters(entry.params, head.operator_params)
    yield from _other_noise(entry, head)
    yield from _other_images(entry, head)
    if row.name in table.strangers or not row.complete:
        yield f"{len(row.solved)} of {len(row.images)} images were solved on the common measurements"


def _other_solver(entry: PublishedEntry, name: str, steps: int | None, head: Record) -> Iterator[str]:
    if name in entry.rows_differ:
        yield f"solver: {entry.rows_differ[name]}"
    settings = changed(head.label)
    if head.preset not in PRESETS:
        yield f"preset {head.preset or 'none'}, neither official nor paper"
    elif settings:
        yield f"{', '.join(settings)} instead of what the preset {head.preset} has"
    if steps is None:
        yield NO_STEPS
    elif head.params.get("steps") != steps:
        yield f"{head.params.get('steps')} steps here, {steps} there"


def _other_parameters(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*theirs, *ours)):
        if key not in SOLVER_ONLY and theirs.get(key) != ours.get(key):
            yield f"{key} {_set_to(ours, key)} here, {_set_to(theirs, key)} there"


def _set_to(params: Mapping[str, Any], key: str) -> str:
    return "unset" if params.get(key) is None else plain(params[key])


def known_differences(entry: PublishedEntry, labels: Mapping[str, str]) -> Iterator[str]:
    """Yields what speaks against any comparison with a paper's table, before there is anything to compare.

    Args:
        labels: row -> its name in print, of our solvers.
    """
    if entry.operator_differs:
        yield f"operator: {entry.operator_differs}"
    if entry.noise_std is None:
        yield NO_SIGMA
    for row, label in labels.items():
        if row in entry.rows_differ:
            yield f"{label}: {entry.rows_differ[row]}"
    for metric in entry.metrics:
        if metric in entry.variants:
            yield f"{METRICS[metric].label}: {entry.variants[metric]}"
        if metric in COSTS:
            yield OTHER_MACHINE.format(METRICS[metric].label)


def _other_noise(entry: PublishedEntry, head: Record) -> Iterator[str]:
    if head.told:
        yield f"the solvers are told {plain(head.told)} here"
    if entry.noise_std is None:
        yield NO_SIGMA
    elif head.sigma is None:
        yield f"{noise_text(head.sigma, head.noise)} here"
    elif abs(entry.noise_std - head.sigma) > SAME_SIGMA:
        yield f"sigma {head.sigma:g} here, {entry.noise_std:g} there, for images in [−1, 1]"


def _other_images(entry: PublishedEntry, head: Record) -> Iterator[str]:
    if entry.dataset is None:
        yield f"their images are not known ({entry.images})"
    elif entry.dataset != head.dataset:
        yield f"images: {head.dataset} here, {entry.dataset} there"


def _comparison(
    entry: PublishedEntry,
    metric: str,
    number: PrintedNumber,
    score: Score,
    status: Status,
    reasons: tuple[str, ...],
) -> Comparison:
    """The verdict on a number of ours, against which there may be reasons already."""
    if score.interval is None:
        absent = f"no {METRICS[metric].label} here: {score.reason}"
        return Comparison(metric, number, None, "not comparable", (absent,))
    ours = _printed(score.interval, METRICS[metric].scale)
    reasons = (*reasons, *_other_metric(entry, metric, ours))
    if reasons:
        return Comparison(metric, number, ours, "not comparable", reasons)
    if status != "verbatim":
        return Comparison(metric, number, ours, "unverified source", (status,))
    inside = ours.low - number.half <= number.value <= ours.high + number.half
    return Comparison(metric, number, ours, "reproduced" if inside else "differs")


def _other_metric(entry: PublishedEntry, metric: str, ours: Interval) -> Iterator[str]:
    """Yields the reasons why the two numbers are of different metrics, though they have one name."""
    label = METRICS[metric].label
    if metric in entry.variants:
        yield f"{label}: {entry.variants[metric]}"
    if metric == "fid" and entry.n != ours.n:
        yield f"FID of {counted(ours.n, 'image')} here, of {entry.n or 'an unknown number'} there"
    if math.isnan(ours.low):
        yield f"{label}: no interval here"


def _printed(interval: Interval, scale: float) -> Interval:
    return Interval(interval.mean * scale, interval.low * scale, interval.high * scale, interval.n)
