"""Average ranks on a page."""

from collections.abc import Sequence

from bench.names import counted
from bench.report.across.ranks import Across
from bench.report.columns import Column
from bench.report.text import code, escape, small, table_head, table_line
from bench.stats.ranks import AverageRanks

NOTE = (
    "Average ranks: of the rows that are ranked in every task of a suite; the intervals are 95 % over "
    "resampled images, the same ones for all rows and tasks. They say nothing of other tasks. Two average "
    "ranks are separated where hardly any resample turns their order (2.5 %, Bonferroni over all pairs). "
    "Wins: the share of images on which a row beats the row of the best average rank, ties counting half."
)


def section(found: Sequence[Across], columns: Sequence[Column]) -> list[str]:
    """The Markdown of all suites; nothing without any."""
    parts = []
    for one in found:
        known = [column for column in columns if column.name in one.ranks]
        parts.append(f"## Across {counted(len(one.tasks), 'task')} of {escape(one.suite)}")
        parts += [_table(one, known), *(_groups(one.ranks[column.name], column) for column in known)]
    return parts


def _table(one: Across, columns: Sequence[Column]) -> str:
    """Rows by metrics, in the order of the first metric: average rank, and wins against its first row."""
    titles = ["Solver"]
    for column in columns:
        first = one.ranks[column.name].names[0]
        titles += [f"rank by {column.label}", f"wins against {escape(first)}"]
    names: dict[str, None] = {}
    for ranks in one.ranks.values():
        names |= dict.fromkeys(ranks.names)
    lines = table_head(titles)
    for name in names:
        cells = [escape(name)]
        for column in columns:
            cells += _cells(one.ranks[column.name], name)
        lines.append(table_line(cells))
    return "\n".join(lines)


def _cells(ranks: AverageRanks, name: str) -> list[str]:
    """A row's average rank and its wins."""
    if name not in ranks.names:
        return ["–", "–"]
    i = ranks.names.index(name)
    rank = f"{ranks.means[i]:.2f}" + small(f"\\[{ranks.lows[i]:.2f}, {ranks.highs[i]:.2f}\\]")
    if i == 0:
        return [rank, ""]
    mean, low, high, _ = ranks.superiority(name, ranks.names[0])
    return [rank, f"{100 * mean:.0f} %" + small(f"\\[{100 * low:.0f}, {100 * high:.0f}\\]")]


def _groups(ranks: AverageRanks, column: Column) -> str:
    """Which neighbours are not separated."""
    texts = []
    for first, last in ranks.groups():
        names = [code(name) for name in ranks.names[first : last + 1]]
        texts.append(f"{', '.join(names[:-1])} and {names[-1]}")
    if not texts:
        return f"By {column.label} all average ranks are separated."
    return f"By {column.label} the average ranks are not separated of {'; of '.join(texts)}."
