"""The numbers of exact suites: medians over problems of distances to the exact posterior.

They are read against what exact samples score.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.special import ndtri

from bench.records.exchange.sheet import neutral
from bench.report.columns import Column
from bench.report.numbers import short
from bench.report.ranking import Values, comparable, rankable, shared
from bench.report.tables import Row, Table
from bench.stats.family import POWER, Family, compare_all
from bench.stats.intervals import FEWEST, Interval, Median, median_interval

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
    "equivalent",
    "mark",
    "partial",
    "exact_spread",
    "seen",
)
"""The columns of exact.csv."""


MARGIN = 2.8
"""How far from exact samples a row may be that is equivalent to them, in standard deviations of the exact
samples' own distance over the problems, by its quartiles: where these scatter by chance alone, two sets of
exact samples differ by less in 95 % of cases (the repeatability limit of ISO 5725)."""
AGAINST_TRUTH = ("rmse_mean", "psnr_mean")
"""Metrics against the one truth of a problem. That of exact samples differs from problem to problem as truths
do, which says nothing of how near two sets of samples are: no row is equivalent by them."""

MEANINGS = {
    "equivalent": "shown to be equivalent to exact samples: within "
    f"{MARGIN:g} standard deviations of their own distance",
    "floor": "not told apart from exact samples, which is no proof of being near",
    "best": "the solver nearest to exact samples, problem by problem",
    "tie": "not shown to be further from them than the nearest",
    "worse": "shown to be further from them than the nearest",
}
"""What is shown of a row, in words. The first one is bold on every page, and shaded where there is colour."""
SIGNS = {"equivalent": "", "floor": "ᶠ", "best": "¹", "tie": "⁼", "worse": "ʷ"}
"""The same as marks behind a number."""


@dataclass(frozen=True)
class Number:
    """One number of a table.

    Attributes:
        interval: the median over problems.
        floor: whether it is not told apart from exact samples, which is no proof of being exact.
        equivalent: whether it is shown to be within `MARGIN` of exact samples.
        mark: ``best`` for the solver nearest to exact samples, ``tie`` where one is not told apart from it,
            ``worse`` where it is, or empty where nothing is compared.
        partial: problems failed or are missing, or saw other measurements.
    """

    interval: Median
    floor: bool = False
    equivalent: bool = False
    mark: str = ""
    partial: bool = False

    @property
    def words(self) -> list[str]:
        """Which of `MEANINGS` are said of it."""
        place = [self.mark] if self.mark else []
        if self.equivalent:
            return ["equivalent", *place]
        return ["floor", *place] if self.floor else place

    @property
    def signs(self) -> str:
        """The same as marks."""
        return "".join(map(SIGNS.__getitem__, self.words))


@dataclass(frozen=True)
class MetricNumbers:
    """The numbers of a table in one metric.

    Attributes:
        rows: row -> number; rows without the metric are absent.
        spread: standard deviation over problems of the exact samples' own distance, by its quartiles; NaN
            where nothing is compared.
        seen: how far from exact samples a row must be, in these deviations, that four of five such tables
            tell them apart, if it scatters as they do; NaN where nothing is compared.
    """

    rows: dict[str, Number]
    spread: float = np.nan
    seen: float = np.nan


Numbers = dict[str, MetricNumbers]
"""Metric -> numbers, of one table."""


def judge(table: Table, column: Column) -> MetricNumbers:
    """The numbers of a table, every pair of rows compared once."""
    rows = [(row, values) for row in table.rows if (values := row.scores(column.name))]
    exact = next((row for row, _ in rows if row.head.solver == FLOOR), None)
    family, spread = None, np.nan
    if exact is not None and column.better:
        family, spread = compared({row.name: values for row, values in rows}, exact.name)
    found = {}
    for row, values in rows:
        number = Number(median_interval(_array(values)), partial=not comparable(table, row))
        found[row.name] = _placed(number, row, exact, family, column) if family and exact else number
    if family is None or exact is None:
        return MetricNumbers(found)
    marks = _marks([row.name for row, _ in rows if rankable(table, row)], exact.name, family)
    marked = {name: replace(number, mark=marks.get(name, "")) for name, number in found.items()}
    return MetricNumbers(marked, spread, _seen_by(family, column, exact))


def compared(scores: Mapping[str, Values], exact: str) -> tuple[Family | None, float]:
    """All pairs of rows and the spread of the exact ones; no pairs where that is zero or not known."""
    floor = scores[exact]
    spread = _spread(_array(floor)) if len(floor) >= FEWEST else np.nan
    if not 0 < spread < np.inf:
        return None, spread
    return compare_all({name: _excess(values, floor, spread) for name, values in scores.items()}), spread


def _seen_by(family: Family, column: Column, exact: Row) -> float:
    """How far from exact samples a row must be that four of five such tables tell them apart.

    It is that of rows that scatter as exact samples do; of metrics against the truth, which all samples of a
    problem share, that of the rows there are.
    """
    width = family.critical + ndtri(POWER)
    if column.name not in AGAINST_TRUTH:
        return _seen(width / math.sqrt(len(exact.scores(column.name))))
    errors = np.delete(family.errors[family.names.index(exact.name)], family.names.index(exact.name))
    errors = errors[np.isfinite(errors)]
    return float(np.sinh(width * np.median(errors))) if len(errors) else math.nan


def _spread(floor: np.ndarray) -> float:
    """The standard deviation of a normal distribution with the quartiles of some distances.

    That of the distances would be decided by the few problems on which any set of samples is far off.
    """
    lower, upper = np.quantile(floor, [0.25, 0.75])
    return float((upper - lower) / (2 * ndtri(0.75)))


def _excess(values: Values, floor: Values, spread: float) -> Values:
    """Problem -> how far a row is from the exact samples there, in their spread; logarithmic beyond it.

    The inverse hyperbolic sine is odd, so that what is as likely above as below stays so, and one problem on
    which a solver diverges does not hide the others.
    """
    found = {}
    for name in values:
        if name in floor:
            gap = 0.0 if values[name] == floor[name] else values[name] - floor[name]
            found[name] = math.asinh(gap / spread)
    return found


@cache
def _shifted() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shifts of exact samples in their deviations, and mean and standard deviation of `_excess` there.

    It is asinh(shift + 2^.5 z) for normal z, since both sets scatter.
    """
    shifts = np.concatenate([[0.0], np.geomspace(0.01, 1000, 400)])
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    values = np.arcsinh(shifts[:, None] + math.sqrt(2) * nodes)
    mean = values @ weights / weights.sum()
    return shifts, mean, np.sqrt((values - mean[:, None]) ** 2 @ weights / weights.sum())


def _excess_at(shift: float) -> float:
    """The mean excess of exact samples that are shifted by so many deviations."""
    shifts, mean, _ = _shifted()
    return float(np.interp(shift, shifts, mean))


def _seen(needed: float) -> float:
    """The shift whose mean excess is so many of its own standard deviations; infinite beyond 1000."""
    shifts, mean, deviation = _shifted()
    return float(np.interp(needed, mean / deviation, shifts, right=np.inf))


def _placed(number: Number, row: Row, exact: Row, family: Family, column: Column) -> Number:
    """The number with what is shown of its distance from exact samples."""
    if row is exact:
        return replace(number, floor=True, equivalent=True)
    found = family.difference(row.name, exact.name)
    if found is None:
        return number
    is_equivalent = False
    if column.name not in AGAINST_TRUTH:
        is_equivalent = family.within(row.name, exact.name, _excess_at(MARGIN))
    return replace(number, floor=found.low <= 0 <= found.high, equivalent=is_equivalent)


def numbers(table: Table, columns: Sequence[Column]) -> Numbers:
    """The numbers of each metric that some row has."""
    found = {}
    for column in columns:
        judged = judge(table, column)
        if judged.rows:
            found[column.name] = judged
    return found


def _marks(ranked: Sequence[str], exact: str, family: Family) -> dict[str, str]:
    """Row -> ``best`` for the solver nearest to exact samples, ``tie`` or ``worse`` for the others."""
    distances: dict[str, Interval] = {}
    for name in ranked:
        if (found := family.difference(name, exact)) is not None:
            distances[name] = found
    if len(distances) < 2:
        return {}
    best = min(distances, key=lambda name: abs(distances[name].mean))
    marks = {best: "best"}
    for name in distances:
        lead = family.difference(name, best)
        if name != best and lead is not None:
            marks[name] = "worse" if is_further(distances[name], distances[best], lead) else "tie"
    return marks


def is_further(ours: Interval, best: Interval, lead: Interval) -> bool:
    """Whether a row is shown to be further from exact samples than another, on whichever side each is.

    Args:
        ours, best: the two from exact samples, of which the second is nearer by its mean.
        lead: the first from the second.
    """
    if ours.mean * best.mean > 0:
        return bool(lead.low > 0 or lead.high < 0)
    return max(ours.low, -ours.high) > max(abs(best.low), abs(best.high))


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
        gain: how far its PSNR of one sample is above theirs, in dB, the median difference over problems.
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
            gain = median_interval(ours - theirs)
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
            for metric, judged_metric in found.items():
                if row.name in judged_metric.rows:
                    writer.writerow(_line(table, row, metric, judged_metric))
    return text.getvalue().encode()


def _line(table: Table, row: Row, metric: str, judged: MetricNumbers) -> list[object]:
    """The cells of `FIELDS`."""
    head, number = row.head, judged.rows[row.name]
    interval = number.interval
    about = [head.task, head.prior, head.operator, head.sigma, table.samples_per_problem, row.name]
    about += [head.solver, head.baseline, row.mean("nfe"), metric]
    ends = map(short, interval[:3])
    power = short(judged.spread), short(judged.seen)
    marks = number.floor, number.equivalent, number.mark, number.partial
    return [*map(neutral, about), *ends, interval.n, *marks, *power]
