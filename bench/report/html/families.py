"""Which rows differ: all pairs of a task as one family, and ranks over tasks.

rows   the ranked rows, the best mean first
margin within which rows are equivalent, null without one
rank   row -> [place, best and worst place that the data leave]
pairs  the upper triangle over ``rows``: [difference, half of its simultaneous interval], null if too few
"""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

from bench.names import counted
from bench.report.across.ranks import Across
from bench.report.columns import SET_METRICS, Column
from bench.report.figures.colours import is_grey
from bench.report.html.cells import number
from bench.report.html.numbers import Shown
from bench.report.scores import any_known
from bench.report.tables import Table
from bench.report.verdicts import EQUAL, Sentence, Verdicts, listed, mark_equal

MAY_BE_FIRST = frozenset({"best", "tie"})
"""Marks of the best row, and of those that cannot be separated from it."""
EQUIVALENT = "shown to be equivalent to exact samples"
MOST_GROUPS = 3
"""Most groups of rows in the sentence of the page."""


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
            mean, half = column.better * found.mean, (found.high - found.low) / 2
            pairs.append([number(mean * column.scale, digits), number(half * column.scale, digits)])
    ranks = {name: [i + 1, *verdicts.rows[name].places] for i, name in enumerate(names)}
    return {"rows": names, "margin": verdicts.margin, "rank": ranks, "pairs": pairs}


def mean_ranks(
    across: Sequence[Across], tables: Sequence[Table]
) -> tuple[dict[str, dict[str, list[float]]], list[str]]:
    """Metric -> row -> mean rank with its 95 % interval, and the tasks over which it is.

    Nothing where there are several suites, whose ranks are of other rows and tasks.
    """
    ranks: dict[str, dict[str, list[float]]] = {}
    if len(across) != 1:
        return ranks, []
    for metric, found in across[0].ranks.items():
        ranks[metric] = {}
        for name, *numbers in zip(found.names, found.means, found.lows, found.highs, strict=True):
            ranks[metric][name] = [round(float(value), 2) for value in numbers]
    return ranks, [table.slug for table in tables if table.title in across[0].tasks]


def sentence(shown: Shown, column: Column) -> Sentence:
    """What the numbers of a task say by one metric, or why they say nothing."""
    if not any_known(shown.scores.get(column.name, {}).values()):
        return ["No row has a value here. Each blank in the table says why."]
    if column.name in shown.verdicts:
        return shown.verdicts[column.name].sentence
    if not column.better:
        return ["Not ranked: neither direction is better."]
    names = first(shown, column)
    if column.name in SET_METRICS:
        lowest = "Lowest, or not separable from the lowest: " if column.name == "kid" else "Lowest: "
        return [lowest, *listed(names), "."] if names else ["Nothing is ranked: too few images, or one row."]
    if not is_compared(shown, column):
        return ["Nothing is ranked: too few problems, or no exact samples beside them."]
    return _beside_exact(shown, column, names)


def _beside_exact(shown: Shown, column: Column, names: Sequence[str]) -> Sentence:
    """What is said of rows beside exact samples: the equivalent ones, the nearest, those as near.

    An equivalent row that is named for another reason has a mark, so that none is named twice.
    """
    near: Sentence = []
    for title, mark in (("Nearest", "best"), ("Not shown to be further", "tie")):
        if rows := _marked(shown, column, frozenset({mark})):
            near += [f" {title}: ", *listed(rows), "."]
    near, left = mark_equal(near, names)
    if not names:
        return [f"No row is {EQUIVALENT}.", *near]
    if len(left) == len(names):
        return [f"{EQUIVALENT.capitalize()}: ", *listed(left), ".", *near]
    if not left:
        return [f"{EQUAL}: {EQUIVALENT}.", *near]
    return [f"{EQUIVALENT.capitalize()} ({EQUAL}): ", *listed(left), ".", *near]


def is_compared(shown: Shown, column: Column) -> bool:
    """Whether rows are compared by a metric: some may be first, or, on exact suites, one is the nearest."""
    return bool(first(shown, column) or _marked(shown, column, MAY_BE_FIRST))


def _marked(shown: Shown, column: Column, words: frozenset[str]) -> list[str]:
    """The rows of which one of these words is said."""
    scores = shown.scores.get(column.name, {})
    return [name for name, score in scores.items() if not words.isdisjoint(score.mark.split())]


def first(shown: Shown, column: Column) -> list[str]:
    """The rows that may be first, by verdicts, or by marks of sets; on exact suites those that are bold."""
    if shown.table.samples_per_problem > 1:
        solvers = {row.name for row in shown.table.rows if not is_grey(row)}
        return [name for name in _marked(shown, column, frozenset({"equivalent"})) if name in solvers]
    if column.name in shown.verdicts:
        rows = shown.verdicts[column.name].rows
        return [name for name, one in rows.items() if one.places[0] == 1 and len(rows) > 1]
    return _marked(shown, column, MAY_BE_FIRST)


def _how_many(n: int, of: int) -> str:
    """A number of tasks out of so many."""
    if n < of or of == 1:
        return counted(n, "task")
    return "both tasks" if of == 2 else f"all {of} tasks"


def overall(column: Column, firsts: Sequence[Sequence[str]], exact: bool) -> Sentence:
    """The one sentence of the page: on how many tasks each row may be first, and is alone.

    Args:
        firsts: for each task where rows are compared, the rows that may be first.
        exact: whether these are the rows that are shown to be equivalent to exact samples.
    """
    possible = Counter(chain.from_iterable(firsts))
    if not possible:
        what = f"no row is {EQUIVALENT}" if exact else "nothing is ranked"
        return [f"By {column.label} {what}: the sentences below say {'more' if exact else 'why'}."]
    alone = Counter(names[0] for names in firsts if len(names) == 1 and not exact)
    groups: dict[tuple[int, int], list[str]] = {}
    for name, n in possible.items():
        groups.setdefault((n, alone[name]), []).append(name)
    most = sorted(set(possible.values()), reverse=True)[:MOST_GROUPS]
    shown = sorted((key for key in groups if key[0] in most or key[1]), reverse=True)
    what = f"{EQUIVALENT}: " if exact else "first place is possible for "
    parts: Sentence = [f"By {column.label}, {what}"]
    for k, key in enumerate(shown):
        joint = " and " if k == len(shown) - 1 else ", "
        parts += [joint if k else "", *listed(groups[key]), _where(*key, len(groups[key]), len(firsts))]
    return [*parts, "." if exact or alone else "; no row is ahead alone on any."]


def _where(n: int, alone: int, n_rows: int, of: int) -> str:
    """On how many tasks some rows may each be first, and on how many of these they are alone."""
    each = " each" if n_rows > 1 and n < of else ""
    only = " alone" if alone == n else ""
    part = f" (alone on {alone})" if 0 < alone < n else ""
    return f"{only} on {_how_many(n, of)}{each}{part}"
