"""The numbers of exact suites: medians over problems of distances to the exact posterior.

They are read against what exact samples score.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.report.columns import Column
from bench.report.numbers import short
from bench.report.ranking import Values, comparable, rankable, shared
from bench.report.tables import Row, Table
from bench.stats.comparisons import at_floor, differ, differences, median_difference
from bench.stats.intervals import FEWEST, Median, median_interval

FLOOR = "exact"
"""The solver whose rows are the floor."""
FIELDS = (
    "task",
    "prior",
    "operator",
    "sigma",
    "block",
    "row",
    "solver",
    "baseline",
    "nfe",
    "metric",
    "median",
    "low",
    "high",
    "n",
    "at_floor",
    "mark",
    "partial",
)
"""The columns of exact.csv."""


@dataclass(frozen=True)
class Number:
    """One number of a table.

    Attributes:
        interval: the median over problems.
        floor: whether it is not told apart from exact samples.
        mark: as in `bench.report.scores.Score`.
        partial: problems failed or are missing, or saw other measurements.
    """

    interval: Median
    floor: bool = False
    mark: str = ""
    partial: bool = False


Numbers = dict[str, dict[str, Number]]
"""Metric -> row -> number, of one table."""


def judge(table: Table, column: Column) -> dict[str, Number]:
    """Row name -> its number; rows without the metric are absent."""
    rows = [(row, values) for row in table.rows if (values := row.scores(column.name))]
    exact = next((values for row, values in rows if row.head.solver == FLOOR), {})
    ranked = {row.name: values for row, values in rows if rankable(table, row)}
    marks: dict[str, str] = {}
    if column.better and len(exact) >= FEWEST and len(ranked) > 1:
        marks = _marks(ranked, exact)
    numbers = {}
    for row, values in rows:
        numbers[row.name] = Number(
            median_interval(_array(values)),
            floor=_at_floor(values, exact),
            mark=marks.get(row.name, ""),
            partial=not comparable(table, row),
        )
    return numbers


def numbers(table: Table, columns: Sequence[Column]) -> Numbers:
    """The numbers of each metric that some row has."""
    found = {}
    for column in columns:
        if judged := judge(table, column):
            found[column.name] = judged
    return found


def _marks(ranked: dict[str, Values], exact: Values) -> dict[str, str]:
    """Row name -> ``best`` for the row nearest to exact samples, and ``tie`` where it is not told apart."""
    level = np.median(_array(exact))
    best = min(ranked, key=lambda name: abs(differences(np.median(_array(ranked[name])), level)))
    marks = {best: "best"}
    for name, values in ranked.items():
        if name != best and not _told_apart(values, ranked[best], exact):
            marks[name] = "tie"
    return marks


def _at_floor(values: Values, exact: Values) -> bool:
    """Whether a row is not told apart from exact samples, over enough problems of both."""
    ours, theirs = shared(values, exact)
    return len(ours) >= FEWEST and at_floor(ours, theirs)


def _told_apart(a: Values, b: Values, exact: Values) -> bool:
    """Whether two rows differ in their distance from exact samples, over the problems of all three."""
    ours, others, floor = shared(a, b, exact)
    return len(ours) > 0 and differ(ours, others, floor)


def _array(values: Values) -> np.ndarray:
    return np.array(list(values.values()))


def rank(row: Row) -> tuple[bool, int]:
    """Sort key that puts anchors, which are no methods, first and in their order."""
    is_anchor = row.method.kind == "anchor"
    return not is_anchor, row.method.order if is_anchor else 0


def ordered(table: Table) -> list[Row]:
    """The rows of a table, anchors first."""
    return sorted(table.rows, key=rank)


@dataclass(frozen=True)
class Reward:
    """A row that PSNR puts above exact samples though it has too little variance.

    Attributes:
        row: its name.
        gain: how far its PSNR of one sample is above theirs, in dB, the median over problems.
        variances: ``measured`` or ``unmeasured`` -> its variance there over the posterior's.
    """

    row: str
    gain: float
    variances: dict[str, Median]


def rewards(table: Table) -> list[Reward]:
    """The rows with too little variance whose PSNR is above that of exact samples, the largest gain first."""
    exact = next((row for row in table.rows if row.head.solver == FLOOR), None)
    if exact is None or len(exact.scores("psnr_sample")) < FEWEST:
        return []
    found = []
    for row in table.rows:
        ours, theirs = shared(row.scores("psnr_sample"), exact.scores("psnr_sample"))
        if row is not exact and len(ours) >= FEWEST:
            gain = median_difference(ours, theirs)
            ratios = _variance_ratios(row)
            if gain.low > 0 and any(ratio.high < 1 for ratio in ratios.values()):
                found.append(Reward(row.name, gain.median, ratios))
    return sorted(found, key=lambda reward: (reward.gain, reward.row), reverse=True)


def _variance_ratios(row: Row) -> dict[str, Median]:
    """``measured`` and ``unmeasured`` -> the row's variance there over the posterior's, where it is known."""
    ratios = {}
    for name in ("measured", "unmeasured"):
        if values := row.scores(f"var_ratio_{name}"):
            ratios[name] = median_interval(_array(values))
    return ratios


def sheet(tables: Sequence[Table], judged: Sequence[Numbers]) -> bytes:
    """exact.csv: one line per task, row and metric, for machines; six significant digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    for table, found in zip(tables, judged, strict=True):
        for row in ordered(table):
            for metric, by_row in found.items():
                if row.name in by_row:
                    writer.writerow(_line(table, row, metric, by_row[row.name]))
    return text.getvalue().encode()


def _line(table: Table, row: Row, metric: str, number: Number) -> list[object]:
    """The cells of `FIELDS`."""
    head, interval = row.head, number.interval
    about = [head.task, head.prior, head.operator, head.sigma, table.samples_per_problem, row.name]
    about += [head.solver, head.baseline, row.mean("nfe"), metric]
    ends = map(short, interval[:3])
    return [*about, *ends, interval.n, number.floor, number.mark, number.partial]
