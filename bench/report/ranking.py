"""Which row of a table is the best, which tie with it, and how rows about fewer images compare."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.report.columns import SET_METRICS, Column
from bench.report.samples.diversity import Spread
from bench.report.scores import ENOUGH_FOR_FID, Score, Scores, Sets, own_score
from bench.report.tables import Row, Table
from bench.stats.comparisons import paired_difference
from bench.stats.intervals import FEWEST, Interval

Values = dict[str, float]
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
        yardstick: None where all rows are about equal images, or none is ranked.
        spreads: row name -> its diversity, for rows with several samples of an image.
    """

    table: Table
    scores: Scores
    yardstick: Yardstick | None
    spreads: dict[str, Spread]


def judge(table: Table, column: Column, sets: Sets) -> dict[str, Score]:
    """Row name -> its score.

    Every row is compared with the best of the `rankable` ones over the images that both have, `FEWEST` at
    least. The fewer they are, the less can be shown, which is no merit: a row that is not ranked is marked
    only where it is better.
    """
    scores = {row.name: own_score(row, column, sets) for row in table.rows}
    if column.name in SET_METRICS:
        return _judge_sets(table, column, scores)
    values = {row.name: row.scores(column.name) for row in table.rows}
    whole = {row.name: row for row in table.rows if _is_whole(table, row, values[row.name])}
    ranked = [name for name, row in whole.items() if rankable(table, row)]
    best = leader(ranked, values, column.better) if column.better else None
    judged = {}
    for name, score in scores.items():
        lead, mark = None, ""
        if name == best:
            mark = "best" if len(ranked) > 1 else ""
        elif best and name not in table.strangers:
            lead = gap(values[name], values[best], column.better)
        if lead and name in whole:
            mark = _mark(lead, name in ranked)
        judged[name] = replace(score, mark=mark, partial=name not in whole, gap=lead)
    return judged


def _is_whole(table: Table, row: Row, values: Values) -> bool:
    """Whether a row is `comparable` and has the metric of all its images."""
    return comparable(table, row) and 0 < len(values) == len(row.solved)


def _mark(lead: Interval, is_ranked: bool) -> str:
    """The mark of a row by its lead over the best one."""
    if is_ranked:
        return "tie" if lead.high >= 0 else ""
    return "beats" if lead.low > 0 else ""


def leader(names: Sequence[str], values: dict[str, Values], better: int) -> str | None:
    """The row that is ahead of every other one, in the mean over the images that the two share.

    With equal images for all this is the row with the best mean. With unequal ones it may be that none is
    ahead of all; then it is the one with the smallest worst deficit (minimax). None where no two rows share
    `FEWEST` images.
    """

    def worst_lead(name: str) -> tuple[int, float]:
        """How many rows it shares enough images with, and its smallest lead over one of these."""
        leads = []
        for other in names:
            a, b = shared(values[name], values[other])
            if other != name and len(a) >= FEWEST:
                leads.append(better * float(np.mean(a - b)))
        return len(leads), min(leads, default=0.0)

    if len(names) == 1:
        return names[0]
    best = max(names, key=worst_lead, default=None)
    return best if best and worst_lead(best)[0] else None


def gap(ours: Values, theirs: Values, better: int) -> Interval | None:
    """How much better the first row is over the images of both, with the paired interval.

    None where they share fewer than `FEWEST` images.
    """
    a, b = shared(ours, theirs)
    if len(a) < FEWEST:
        return None
    return paired_difference(a, b) if better > 0 else paired_difference(b, a)


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

    KID ties where the difference is within 1.96 joint errors. FID has no error and a bias that falls with the
    number of images: it is ranked only where they are enough.
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
    for name, interval in ranked.items():
        if name == best:
            judged[name] = replace(judged[name], mark="best")
        elif _within_error(interval, ranked[best]):
            judged[name] = replace(judged[name], mark="tie")
    return judged


def _within_error(other: Interval, best: Interval) -> bool:
    """Whether two distances differ by no more than their joint error."""
    joint = np.hypot(other.high - other.mean, best.high - best.mean)
    return bool(other.mean - best.mean <= joint)


def yardstick(table: Table, columns: Sequence[Column], scores: Scores, sets: Sets) -> Yardstick | None:
    """The row to read rows about other images beside.

    None where all rows are about equal images, or none is ranked.
    """
    column = next((c for c in columns if c.better and c.name not in SET_METRICS), None)
    if not table.unusual or column is None:
        return None
    (_, usual), *others = table.by_images
    rows: dict[str, Row] = {}
    values: dict[str, Values] = {}
    for row in usual:
        if not row.head.baseline and not scores[column.name][row.name].partial:
            rows[row.name], values[row.name] = row, row.scores(column.name)
    best = leader(list(rows), values, column.better)
    if best is None:
        return None
    over = {}
    for n, group in others:
        images: set[str] = set()
        for other in group:
            images.update(other.images)
        row = rows[best].over(images)
        if row.records:
            over[n] = {c.name: own_score(row, c, sets) for c in columns}
    return Yardstick(rows[best], column, over)
