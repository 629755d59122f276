"""What a search makes better, and how records become a score."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from bench.names import nearest
from bench.records.record import Record
from bench.suites.yamlfile import SuiteError

MOST_MISFIT = 1.1
"""Largest misfit of a reconstruction that fits y; the truth has about 1."""


@dataclass(frozen=True)
class Objective:
    """A number to make better.

    Attributes:
        digits: decimals that count. Batches of other sizes differ in rounding, which must not lead a search
            elsewhere.
        about_sets: whether it scores several samples of an image as one set.
        most_misfit: of a candidate that may be chosen; None is no limit.
        preset: what settings with the best score are called.
    """

    name: str
    metric: str
    higher: bool
    digits: int
    preset: str
    about_sets: bool = False
    most_misfit: float | None = None

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1."""
        return 1 if self.higher else -1


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("psnr", "psnr", True, 2, "bench"),
        Objective("ssim", "ssim", True, 3, "ssim"),
        Objective("lpips", "lpips", False, 3, "lpips"),
        Objective("psnr-misfit", "psnr", True, 2, "misfit", most_misfit=MOST_MISFIT),
        Objective("mmd", "mmd", False, 3, "exact", about_sets=True),
    )
}


@dataclass(frozen=True)
class CandidateScore:
    """The score of a candidate.

    Attributes:
        value: the mean over images, the median over problems; None where a reconstruction is lost, or a
            metric of one is no number.
        excess: by which the misfit is above its limit; 0 where it is not.
    """

    value: float | None
    excess: float = 0.0

    def rank(self, objective: Objective) -> tuple[float, float]:
        """What orders scores, the best first: those that fit y, then the others by their misfit."""
        if self.value is None:
            return float("inf"), 0.0
        return self.excess, -objective.sign * self.value


def objectives(names: Sequence[str]) -> tuple[Objective, ...]:
    """The objectives of some names, each once.

    Raises:
        SuiteError: an unknown name.
    """
    for name in names:
        if name not in OBJECTIVES:
            raise SuiteError(f"--objective {name}: unknown objective{nearest(name, OBJECTIVES)}")
    return tuple(OBJECTIVES[name] for name in dict.fromkeys(names))


def score(records: Sequence[Record], objective: Objective) -> CandidateScore:
    """The score of a candidate from all its records.

    Raises:
        SuiteError: a record has not the metric.
    """
    if not records or any(record.status != "ok" for record in records):
        return CandidateScore(None)
    values = [_value(record.metrics, objective.metric, record) for record in records]
    average, misfit = _average(values, objective.about_sets), 0.0
    if objective.most_misfit is not None:
        misfit = _average([_value(record.metrics, "misfit", record) for record in records], False)
    if math.isnan(average) or math.isnan(misfit):
        return CandidateScore(None)
    excess = max(0.0, round(misfit - (objective.most_misfit or 0.0), 3))
    return CandidateScore(round(average, objective.digits), excess)


def _average(values: Sequence[float], robust: bool) -> float:
    """The mean, or the median; NaN where there is none, as of infinities of both signs."""
    if any(map(math.isnan, values)):
        return math.nan
    try:
        return median(values) if robust else fmean(values)
    except (ValueError, OverflowError):
        return math.nan


def _value(metrics: Mapping[str, float | None], name: str, record: Record) -> float:
    if name not in metrics:
        reason = record.unavailable.get(name, "it does not apply")
        raise SuiteError(f"task '{record.task}' has no {name}: {reason}; choose another --objective")
    value = metrics[name]
    return math.nan if value is None else value  # a record keeps what is no number as null
