"""Which rows and tasks of a suite average ranks are of, and across.csv."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.report.columns import Column
from bench.report.numbers import short
from bench.report.ranking import Judged
from bench.stats.ranks import AverageRanks, average_ranks

FEWEST_TASKS = 3
FEWEST_ROWS = 3
FEWEST_IMAGES = 30
"""Nothing is averaged below any of these: resampled ranks of few images separate rows too often."""
FIELDS = (
    *("suite", "metric", "tasks", "row", "rank", "rank_low", "rank_high"),
    *("other", "separated", "wins", "wins_low", "wins_high", "images"),
)
"""The columns of across.csv: one line for each ordered pair of rows."""


@dataclass(frozen=True)
class Across:
    """The average ranks of a suite.

    Attributes:
        suite: its name.
        tasks: titles of the tasks.
        ranks: metric -> average ranks.
    """

    suite: str
    tasks: tuple[str, ...]
    ranks: dict[str, AverageRanks]


def over_tasks(judged: Sequence[Judged], columns: Sequence[Column]) -> list[Across]:
    """The average ranks of every suite that has enough tasks, rows and images.

    They are of the rows that are ranked in all tasks in which any are.
    """
    suites: dict[str, list[Judged]] = {}
    for one in judged:
        suites.setdefault(one.table.head.suite, []).append(one)
    found = []
    for suite, own in suites.items():
        ranks, titles = {}, dict[str, None]()
        for column in columns:
            tasks = [one for one in own if len(one.verdicts[column.name].rows) > 1]
            ranked = _average(tasks, column)
            if ranked:
                ranks[column.name] = ranked
                titles |= dict.fromkeys(one.table.title for one in tasks)
        if ranks:
            found.append(Across(suite, tuple(titles), ranks))
    return found


def _average(tasks: Sequence[Judged], column: Column) -> AverageRanks | None:
    """The average ranks by one metric; None of too little."""
    if len(tasks) < FEWEST_TASKS:
        return None
    common = set.intersection(*(set(one.verdicts[column.name].rows) for one in tasks))
    names = [row.name for row in tasks[0].table.rows if row.name in common]
    if len(names) < FEWEST_ROWS:
        return None
    scores = [_scores(one, names, column) for one in tasks]
    if min(_shared(task) for task in scores) < FEWEST_IMAGES:
        return None
    return average_ranks(scores, column.better)


def _scores(one: Judged, names: Sequence[str], column: Column) -> dict[str, Mapping[str, float]]:
    rows = {row.name: row for row in one.table.rows}
    return {name: rows[name].scores(column.name) for name in names}


def _shared(task: Mapping[str, Mapping[str, float]]) -> int:
    """The number of images that all rows of a task have."""
    return len(set.intersection(*map(set, task.values())))


def sheet(found: Sequence[Across]) -> bytes:
    """across.csv: every pair of rows, six significant digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    for one in found:
        for metric, ranks in one.ranks.items():
            for i, name in enumerate(ranks.names):
                about = [short(one.suite), short(metric), ranks.n_tasks, short(name)]
                about += map(short, map(float, (ranks.means[i], ranks.lows[i], ranks.highs[i])))
                for j, other in enumerate(ranks.names):
                    if i != j:
                        mean, low, high, n = ranks.superiority(name, other)
                        wins = map(short, (mean, low, high))
                        writer.writerow([*about, short(other), bool(ranks.separated[i, j]), *wins, n])
    return text.getvalue().encode()
