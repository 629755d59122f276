"""Which rows of a table are the best, which are worse, and how rows that are not ranked compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.report.columns import SET_METRICS, Column
from bench.report.samples.diversity import Spread
from bench.report.scores import ENOUGH_FOR_FID, Score, Scores, Sets, own_score
from bench.report.tables import Row, Table
from bench.report.verdicts import MARGINS, Verdicts, decide
from bench.stats.comparisons import apart_by_chance
from bench.stats.family import Family, compare_all
from bench.stats.intervals import FEWEST, Interval

Values = Mapping[str, float]
"""Image, or problem of an exact suite -> score."""


@dataclass(frozen=True)
class Yardstick:
    """The best row over the usual images, beside which rows about other images are read.

    Attributes:
        row: that row, over all its images.
        column: the metric in which it is the best.
        over: number of images -> its scores over just the images of the rows with so many.
    """

    row: Row
    column: Column
    over: dict[int, dict[str, Score]]


@dataclass(frozen=True)
class Judged:
    """A table with all that is computed of it.

    Attributes:
        table: the rows.
        scores: their numbers, with marks.
        verdicts: metric -> what the scores of the ranked rows show.
        yardstick: None where all rows are about equal images, or none is ranked.
        spreads: row name -> its diversity, for rows with several samples of an image.
    """

    table: Table
    scores: Scores
    verdicts: dict[str, Verdicts]
    yardstick: Yardstick | None
    spreads: dict[str, Spread]


def compare(table: Table, column: Column, margins: Mapping[str, float] = MARGINS) -> Verdicts:
    """The verdicts of the `rankable` rows with the metric of all their images: all pairs as one family."""
    if not column.better or column.name in SET_METRICS:
        return decide({}, column)
    values = {row.name: row.scores(column.name) for row in table.rows if rankable(table, row)}
    whole = {row.name for row in table.rows if _is_whole(table, row, values.get(row.name, {}))}
    return decide({name: scores for name, scores in values.items() if name in whole}, column, margins)


def judge(table: Table, column: Column, sets: Sets, found: Verdicts | None = None) -> dict[str, Score]:
    """Row name -> its score.

    Rows that are not ranked are compared with the best of the ranked ones over the images that both have, in
    a family of their own. The fewer these are, the less can be shown, which is no merit: such a row is marked
    only where it is better.

    Args:
        found: as of `compare`, which is called otherwise.
    """
    scores = {row.name: own_score(row, column, sets) for row in table.rows}
    if column.name in SET_METRICS:
        return _judge_sets(table, column, scores)
    found = compare(table, column) if found is None else found
    beside = _beside(table, column, found)
    judged = {}
    for row in table.rows:
        values, verdict = row.scores(column.name), found.rows.get(row.name)
        score = replace(scores[row.name], partial=not _is_whole(table, row, values))
        if verdict:
            score = replace(score, mark=verdict.mark, gap=verdict.difference, verdict=verdict)
        elif found.leader and beside and row.name in beside.names:
            lead = beside.difference(row.name, found.leader)
            is_ahead = lead is not None and lead.low > 0 and not score.partial
            score = replace(score, mark="beats" if is_ahead else "", gap=lead)
        judged[row.name] = score
    return judged


def _is_whole(table: Table, row: Row, values: Values) -> bool:
    """Whether a row is `comparable` and has the metric of all its images."""
    return comparable(table, row) and 0 < len(values) == len(row.solved)


def _beside(table: Table, column: Column, found: Verdicts) -> Family | None:
    """The best row with all rows that are not ranked and saw its measurements; None without any."""
    if found.leader is None or not column.better:
        return None
    values = {}
    for row in table.rows:
        is_other = row.name not in found.rows and row.name not in table.strangers
        scores = row.scores(column.name)
        if scores and (is_other or row.name == found.leader):
            values[row.name] = scores
    return compare_all(values, column.better) if len(values) > 1 else None


def shared(*scores: Values) -> list[np.ndarray]:
    """The scores of several rows over the images that all have, in the order of the first, (n,) each."""
    common = set(scores[0]).intersection(*scores)
    images = [image for image in scores[0] if image in common]
    arrays = []
    for values in scores:
        arrays.append(np.array([values[image] for image in images]))
    return arrays


def comparable(table: Table, row: Row) -> bool:
    """Whether a row finished all its images, on the measurements that the other rows saw."""
    return row.complete and row.name not in table.strangers


def rankable(table: Table, row: Row) -> bool:
    """Whether a row is ranked: a `comparable` one of a solver, with the usual number of images."""
    return comparable(table, row) and not row.head.baseline and row.name not in table.unusual


def _judge_sets(table: Table, column: Column, scores: dict[str, Score]) -> dict[str, Score]:
    """Ranks rows as they are: sets cannot be cut to what two rows share, as means are.

    KID ties where the difference is within what chance may give among so many rows. FID has no error and a
    bias that falls with the number of images: it is ranked only where they are enough, and then nothing is
    shown of the rows behind the first.
    """
    least = ENOUGH_FOR_FID if column.name == "fid" else FEWEST
    judged: dict[str, Score] = {}
    ranked: dict[str, Interval] = {}
    for row in table.rows:
        score = scores[row.name]
        judged[row.name] = replace(score, partial=not comparable(table, row))
        if rankable(table, row) and score.interval and score.interval.n >= least:
            ranked[row.name] = score.interval
    if len(ranked) < 2:
        return judged
    best = min(ranked, key=lambda name: ranked[name].mean)
    judged[best] = replace(judged[best], mark="best")
    if column.name == "fid":
        return judged
    for name, interval in ranked.items():
        if name != best:
            mark = "tie" if _within_error(interval, ranked[best], len(ranked)) else "worse"
            judged[name] = replace(judged[name], mark=mark)
    return judged


def _within_error(other: Interval, best: Interval, n_rows: int) -> bool:
    """Whether two distances of a table of so many rows differ by no more than chance may give.

    Their intervals are 1.96 standard errors to each side.
    """
    joint = np.hypot(other.high - other.mean, best.high - best.mean) / 1.96
    return bool(other.mean - best.mean <= joint * apart_by_chance(n_rows))


def yardstick(
    table: Table, columns: Sequence[Column], leaders: Mapping[str, str], sets: Sets
) -> Yardstick | None:
    """The row to read rows about other images beside.

    None where all rows are about equal images, or none is ranked.

    Args:
        leaders: metric -> the row with the best mean.
    """
    column = next((c for c in columns if c.better and c.name not in SET_METRICS), None)
    if not table.unusual or column is None or column.name not in leaders:
        return None
    rows = {row.name: row for row in table.rows}
    best = rows[leaders[column.name]]
    over = {}
    for n, group in table.by_images[1:]:
        images: set[str] = set()
        for other in group:
            images.update(other.images)
        row = best.over(images)
        if row.records:
            over[n] = {c.name: own_score(row, c, sets) for c in columns}
    return Yardstick(best, column, over)


def judge_all(
    table: Table,
    columns: Sequence[Column],
    sets: Sets,
    spreads: dict[str, Spread],
    margins: Mapping[str, float] = MARGINS,
) -> Judged:
    """A table with its scores, its verdicts, and the row to read others beside; each pair is judged once."""
    verdicts = {column.name: compare(table, column, margins) for column in columns}
    scores = {column.name: judge(table, column, sets, verdicts[column.name]) for column in columns}
    leaders = {name: found.leader for name, found in verdicts.items() if found.leader}
    return Judged(table, scores, verdicts, yardstick(table, columns, leaders, sets), spreads)
