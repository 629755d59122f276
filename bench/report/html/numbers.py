"""What a page shows of a table, whichever kind of suite it is of."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.report import exact
from bench.report.columns import SET_METRICS, Column
from bench.report.ranking import Judged
from bench.report.scores import Score, Scores
from bench.report.tables import Table
from bench.report.verdicts import Verdicts, size
from bench.stats.intervals import Interval


@dataclass(frozen=True)
class Shown:
    """A table with its numbers.

    Attributes:
        table: the rows.
        scores: their numbers. Marks of exact suites are words, those of `bench.report.exact.MEANINGS`.
        verdicts: metric with a direction -> what the scores of ranked rows show; none of sets and on exact
            suites.
        sees: metric -> the difference that four of five such tables would show, as it is printed.
    """

    table: Table
    scores: Scores
    verdicts: Mapping[str, Verdicts]
    sees: Mapping[str, str]


def of_images(judged: Judged, columns: Sequence[Column]) -> Shown:
    """A table of an image suite."""
    verdicts, sees = {}, {}
    for column in columns:
        found = judged.verdicts[column.name]
        if column.better and column.name not in SET_METRICS:
            verdicts[column.name] = found
        if math.isfinite(found.seen):
            sees[column.name] = size(column, found.seen).removesuffix(f" in {column.label}")
    return Shown(judged.table, judged.scores, verdicts, sees)


def of_problems(table: Table, numbers: exact.Numbers) -> Shown:
    """A table of an exact suite."""
    scores: Scores = {}
    sees = {}
    for metric, judged in numbers.items():
        scores[metric] = {name: _score(one) for name, one in judged.rows.items()}
        if math.isfinite(judged.seen):
            sees[metric] = f"{judged.seen:.1f} σ of exact"
        elif math.isinf(judged.seen):
            sees[metric] = "no distance"
    return Shown(table, scores, {}, sees)


def _score(one: exact.Number) -> Score:
    shown = [word for word in one.words if not (one.partial and word == "equivalent")]
    return Score(Interval(*one.interval), mark=" ".join(shown), partial=one.partial)
