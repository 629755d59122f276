"""Which rows differ: all pairs of a task as one family, and ranks over tasks.

    rows   the ranked rows, the best mean first
    least  the smallest difference that this number of images shows
    rank   row -> [place, best and worst place that the data leave]
    pairs  the upper triangle over ``rows``: [difference, half of its simultaneous interval], null if too few
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from bench.report.columns import SET_METRICS, Column
from bench.report.html.cells import number
from bench.report.ranking import rankable
from bench.report.scores import Score
from bench.report.tables import Table
from bench.stats.family import Family, compare_all
from bench.stats.intervals import FEWEST, bootstrap_means

FEWEST_TASKS = 3
"""Least number of common tasks over which ranks are averaged."""
MARGINS = {"psnr": 0.1, "ssim": 0.005, "lpips": 0.005}
"""Metric -> difference below which two rows are equivalent."""
Sentence = list[Any]


def compare(table: Table, columns: Sequence[Column]) -> dict[str, Family]:
    """Metric -> the comparison of a task's ranked rows, for metrics that rank and rows that share images.

    The names of a family are in the order of their means, the best first.
    """
    found = {}
    for column in columns:
        if not column.better or column.name in SET_METRICS or table.samples_per_problem > 1:
            continue
        values = {}
        for row in table.rows:
            scores = row.scores(column.name)
            if rankable(table, row) and 0 < len(scores) == len(row.solved):
                values[row.name] = scores
        if len(values) > 1:
            names = sorted(values, key=lambda name: -column.better * _mean(values[name]))
            family = compare_all({name: values[name] for name in names}, column.better)
            if np.isfinite(family.seen):
                found[column.name] = family
    return found


def _mean(values: Mapping[str, float]) -> float:
    return float(np.mean(list(values.values())))


def entry(family: Family, column: Column) -> dict[str, Any]:
    """A family as the page has it; differences are of printed numbers, not of how good a row is."""
    digits = column.decimals + 2
    pairs: list[list[Any] | None] = []
    for i, first in enumerate(family.names):
        for second in family.names[i + 1 :]:
            found = family.difference(first, second)
            if found is None:
                pairs.append(None)
                continue
            mean, half = column.better * found.mean * column.scale, (found.high - found.low) / 2 * column.scale
            pairs.append([number(mean, digits), number(half, digits)])
    ranks = {name: [i + 1, *family.place(name)] for i, name in enumerate(family.names)}
    return {
        "rows": list(family.names),
        "least": number(family.seen * column.scale, column.decimals + 1),
        "rank": ranks,
        "pairs": pairs,
    }


def mean_ranks(
    tables: Sequence[Table], columns: Sequence[Column], compared: Sequence[Mapping[str, Family]]
) -> tuple[dict[str, dict[str, list[float]]], list[str]]:
    """Metric -> row -> mean rank with its 95 % interval, and the tasks over which it is.

    These are the tasks on which all rows are ranked that are so on any task. The intervals are of resampled
    images, the same for all rows of a task.

    Returns:
        Nothing where there are fewer than `FEWEST_TASKS` such tasks.
    """
    ranks: dict[str, dict[str, list[float]]] = {}
    common: list[str] = []
    for column in columns:
        names = _all_ranked(compared, column.name)
        tasks = [
            table
            for table, found in zip(tables, compared, strict=True)
            if column.name in found and set(found[column.name].names) == set(names)
        ]
        if len(tasks) < FEWEST_TASKS:
            continue
        common = common or [table.slug for table in tasks]
        ranks[column.name] = _mean_ranks(tasks, column, names)
    return ranks, common


def _all_ranked(compared: Sequence[Mapping[str, Family]], metric: str) -> list[str]:
    """The rows that are ranked on any task."""
    names: dict[str, None] = {}
    for found in compared:
        if metric in found:
            names |= dict.fromkeys(found[metric].names)
    return list(names)


def _mean_ranks(tasks: Sequence[Table], column: Column, names: Sequence[str]) -> dict[str, list[float]]:
    """Row -> mean rank over the tasks, and its interval."""
    means, resampled = [], []
    for table in tasks:
        rows = {row.name: row for row in table.rows}
        values = [np.array(list(rows[name].scores(column.name).values())) for name in names]
        means.append(rankdata([-column.better * v.mean() for v in values]))
        resampled.append(rankdata([-column.better * bootstrap_means(v) for v in values], axis=0))
    point, spread = np.mean(means, axis=0), np.mean(resampled, axis=0)
    low, high = np.quantile(spread, [0.025, 0.975], axis=1)
    found = {}
    for i, name in enumerate(names):
        found[name] = [round(float(x), 2) for x in (point[i], low[i], high[i])]
    return found


def sentence(table: Table, column: Column, family: Family | None, scores: Mapping[str, Score]) -> Sentence:
    """What the numbers of a task say by one metric."""
    if family is None:
        return _without_family(table, column, scores)
    first = [name for name in family.names if family.place(name)[0] == 1]
    others = len(family.names) - len(first)
    if len(first) == 1:
        return _alone(family, column)
    names = _listed(first)
    rest = "no row is worse than another"
    if others:
        rest = "the other one is" if others == 1 else f"the other {_word(others)} are each"
        rest += " worse than at least one row"
    return [*names, f" cannot be told apart at n = {table.usual}; {rest}."]


def _alone(family: Family, column: Column) -> Sentence:
    """One row is better than all others."""
    best, second = family.names[:2]
    lead = family.difference(best, second)
    others = len(family.names) - 1
    whom = "the other ranked row" if others == 1 else f"all {_word(others)} others"
    parts: Sentence = [{"row": best}, f" is better than {whom}"]
    if lead and np.isfinite(lead.mean):
        by = f"by {column.show(lead.mean)} [{column.show(lead.low)}, {column.show(lead.high)}]"
        parts += [", ahead of the next, ", {"row": second}, f", {by}"]
    return [*parts, "."]


def _without_family(table: Table, column: Column, scores: Mapping[str, Score]) -> Sentence:
    """Why nothing is ranked, or what marks say that need no family."""
    known = {row.name: scores[row.name] for row in table.rows if _has(scores, row.name)}
    marked = [name for name, score in known.items() if score.mark in {"best", "tie"}]
    if not known:
        return ["No row has a value here. Each blank in the table says why."]
    if table.samples_per_problem > 1 and marked:
        return ["Nearest to exact samples, or not told apart from the nearest: ", *_listed(marked), "."]
    if not column.better:
        return ["Not ranked: neither direction is better."]
    if column.name in SET_METRICS:
        return ["Sets are listed, not compared simultaneously."]
    methods = [row.name for row in table.rows if row.name in known and rankable(table, row)]
    if len(methods) == 1:
        return ["Only ", {"row": methods[0]}, " can be ranked here; there is nothing to compare it with."]
    if not methods:
        return ["Nothing is ranked: no row of a method finished its images. The cells say why."]
    return [f"Nothing is ranked: it takes at least {FEWEST} images that two rows share."]


def _has(scores: Mapping[str, Score], name: str) -> bool:
    return name in scores and scores[name].interval is not None


def _listed(names: Sequence[str]) -> Sentence:
    """Rows with commas and an "and" between them."""
    parts: Sentence = []
    for i, name in enumerate(names):
        if i:
            parts.append(" and " if i == len(names) - 1 else ", ")
        parts.append({"row": name})
    return parts


def _word(n: int) -> str:
    """A small number as a word."""
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[n] if n < len(words) else str(n)
