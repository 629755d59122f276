"""Average ranks over the tasks of a suite: one panel per metric, bars beside rows that are not separated."""

from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes

from bench.report.across.ranks import Across
from bench.report.columns import Column
from bench.report.figures.page import LINE, STYLE, new_page, to_png
from bench.stats.ranks import AverageRanks


def draw(one: Across, columns: Sequence[Column], colours: dict[str, str]) -> bytes:
    """The figure of a suite as PNG bytes."""
    shown = [column for column in columns if column.name in one.ranks]
    most = max(len(ranks.names) for ranks in one.ranks.values())
    with rc_context(STYLE):
        page = new_page(0.4 + 3.8 * len(shown), 1.1 + 0.3 * most)
        axes = page.subplots(1, len(shown), squeeze=False).ravel()
        for axis, column in zip(axes, shown, strict=True):
            _draw_panel(axis, one.ranks[column.name], column, colours)
        page.suptitle(f"Average ranks over {len(one.tasks)} tasks; bars join rows that are not separated")
        return to_png(page)


def _draw_panel(axis: Axes, ranks: AverageRanks, column: Column, colours: dict[str, str]) -> None:
    """Rows from the best average rank down, with their intervals, and bars of groups at the right."""
    for i, name in enumerate(ranks.names):
        bars = [[ranks.means[i] - ranks.lows[i]], [ranks.highs[i] - ranks.means[i]]]
        colour = colours.get(name, LINE)
        axis.errorbar(ranks.means[i], i, xerr=bars, fmt="o", color=colour, capsize=2.5, elinewidth=1.4)
    right = len(ranks.names) + 0.4
    for k, (first, last) in enumerate(ranks.groups()):
        axis.plot([right + 0.3 * k] * 2, [first - 0.2, last + 0.2], color=LINE, linewidth=2.5)
    axis.set_yticks(range(len(ranks.names)), ranks.names)
    axis.set_xticks(range(1, len(ranks.names) + 1))
    axis.set_xlim(0.7, right + 0.3 * max(len(ranks.groups()), 1))
    axis.invert_yaxis()
    axis.set_xlabel("average rank")
    axis.set_title(column.label)
