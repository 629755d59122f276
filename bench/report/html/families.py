"""Which rows differ: all pairs of a task as one family, and ranks over tasks.

rows   the ranked rows, the best mean first
least  the difference that four of five such tables would show
rank   row -> [place, best and worst place that the data leave]
pairs  the upper triangle over ``rows``: [difference, half of its simultaneous interval], null if too few
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from scipy.stats import rankdata

from bench.names import counted
from bench.report.columns import SET_METRICS, Column
from bench.report.html.cells import number
from bench.report.ranking import rankable
from bench.report.scores import Score, any_known
from bench.report.tables import Table
from bench.report.verdicts import Sentence, Verdicts, decide, listed
from bench.stats.intervals import bootstrap_means

MAY_BE_FIRST = frozenset({"best", "tie"})
"""Marks of exact suites."""
FEWEST_TASKS = 3
"""Least number of common tasks over which ranks are averaged."""
NEAREST = "nearest to exact samples, or not told apart from the nearest"
MOST_GROUPS = 3
"""Most groups of rows in the sentence of the page."""


def compare(table: Table, columns: Sequence[Column]) -> dict[str, Verdicts]:
    """Metric -> the verdicts of a task's ranked rows, for the metrics that rank images."""
    found = {}
    for column in columns:
        if column.better and column.name not in SET_METRICS and table.samples_per_problem == 1:
            found[column.name] = decide(_ranked(table, column), column)
    return found


def _ranked(table: Table, column: Column) -> dict[str, dict[str, float]]:
    """Row -> image -> score, of the rows that are ranked and have the metric of all their images."""
    values = {}
    for row in table.rows:
        scores = row.scores(column.name)
        if rankable(table, row) and 0 < len(scores) == len(row.solved):
            values[row.name] = scores
    return values


def entry(verdicts: Verdicts, column: Column) -> dict[str, Any] | None:
    """A family as the page has it; differences are of printed numbers, not of how good a row is."""
    family = verdicts.family
    if family is None:
        return None
    digits, names = column.decimals + 2, list(verdicts.rows)
    pairs: list[list[Any] | None] = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            found = family.difference(first, second)
            if found is None:
                pairs.append(None)
                continue
            mean, half = (
                column.better * found.mean * column.scale,
                (found.high - found.low) / 2 * column.scale,
            )
            pairs.append([number(mean, digits), number(half, digits)])
    ranks = {name: [i + 1, *verdicts.rows[name].places] for i, name in enumerate(names)}
    least = number(family.seen * column.scale, column.decimals + 1)
    return {"rows": names, "least": least, "rank": ranks, "pairs": pairs}


def mean_ranks(
    tables: Sequence[Table], columns: Sequence[Column], compared: Sequence[Mapping[str, Verdicts]]
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
        names = _ranked_anywhere(compared, column.name)
        tasks = []
        for table, found in zip(tables, compared, strict=True):
            if names and column.name in found and set(found[column.name].rows) == set(names):
                tasks.append(table)
        if len(tasks) >= FEWEST_TASKS:
            common = common or [table.slug for table in tasks]
            ranks[column.name] = _mean_ranks(tasks, column, names)
    return ranks, common


def _ranked_anywhere(compared: Sequence[Mapping[str, Verdicts]], metric: str) -> list[str]:
    """The rows that are ranked on some task."""
    names: dict[str, None] = {}
    for found in compared:
        if metric in found:
            names |= dict.fromkeys(found[metric].rows)
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


def sentence(
    table: Table, column: Column, verdicts: Verdicts | None, scores: Mapping[str, Score]
) -> Sentence:
    """What the numbers of a task say by one metric, or why they say nothing."""
    if not any_known(scores.values()):
        return ["No row has a value here. Each blank in the table says why."]
    if verdicts:
        return verdicts.sentence
    if not column.better:
        return ["Not ranked: neither direction is better."]
    if column.name in SET_METRICS:
        return ["Sets are listed, not compared simultaneously."]
    if nearest := first(table, None, scores):
        return [f"{NEAREST[0].upper()}{NEAREST[1:]}: ", *listed(nearest), "."]
    return ["Nothing is ranked: too few problems, or no exact samples beside them."]


def first(table: Table, verdicts: Verdicts | None, scores: Mapping[str, Score]) -> list[str]:
    """The rows that may be first: by verdicts, or on exact suites by how near they are to exact samples."""
    if verdicts:
        return [name for name, one in verdicts.rows.items() if one.places[0] == 1]
    if table.samples_per_problem == 1:
        return []
    return [name for name, score in scores.items() if not MAY_BE_FIRST.isdisjoint(score.mark.split())]


def overall(column: Column, firsts: Sequence[Sequence[str]], exact: bool) -> Sentence:
    """The one sentence of the page: on how many tasks each row may be first.

    Args:
        firsts: for each task where rows are compared, the rows that may be first.
        exact: whether first is nearest to exact samples.
    """
    possible = Counter(chain.from_iterable(firsts))
    if not possible:
        return [f"By {column.label} nothing is ranked: the sentences below say why."]
    groups: dict[int, list[str]] = {}
    for name, n in possible.most_common():
        groups.setdefault(n, []).append(name)
    what = f"{NEAREST}: " if exact else "first place is possible for "
    parts: Sentence = [f"By {column.label}, {what}"]
    shown = list(groups.items())[:MOST_GROUPS]
    for k, (n, names) in enumerate(shown):
        tasks = f"on {'all ' if n == len(firsts) > 1 else ''}{counted(n, 'task')}"
        joint = " and " if k == len(shown) - 1 else ", "
        each = " each" if len(names) > 1 and n < len(firsts) else ""
        parts += [joint if k else "", *listed(names), f" {tasks}{each}"]
    alone = Counter(names[0] for names in firsts if len(names) == 1)
    if not alone:
        return [*parts, "; no row is ahead alone on any."]
    return [*parts, f"; on {counted(alone.total(), 'task')} one row is alone: ", *listed(list(alone)), "."]
