"""Average ranks over the tasks of a suite: one panel per metric, bars beside rows that are not separated."""

from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.names import counted
from bench.report.across.ranks import Across
from bench.report.columns import Column
from bench.report.figures.axes import labels
from bench.report.figures.caption import LINE_HEIGHT, captions, fold, head, write
from bench.report.figures.colours import Look
from bench.report.figures.page import LINE, STYLE, blank_page
from bench.report.tables import Table
from bench.stats.ranks import AverageRanks

PANEL, RIGHT = 2.6, 0.15
"""Inches of a panel's width, and of the margin right of it."""
ROW = 0.24
"""Inches of a row's height."""


def draw(one: Across, columns: Sequence[Column], looks: dict[str, Look], tables: Sequence[Table]) -> Figure:
    """The figure of a suite, whose tables are these."""
    shown = [column for column in columns if column.name in one.ranks]
    names: list[str] = []
    for ranks in one.ranks.values():
        names += ranks.names
    left = labels.width(names) + 0.1
    wide = len(shown) * (left + PANEL + RIGHT)
    high = ROW * max(len(ranks.names) for ranks in one.ranks.values()) + 0.2
    shared, _ = captions([[table] for table in tables])
    texts = fold(
        f"{shared}. Bars at the right join rows that are not separated; lines: 95 % intervals.", wide
    )
    top = 0.6 + LINE_HEIGHT * len(texts)
    tall = top + high + 0.55
    with rc_context(STYLE):
        page = blank_page(wide, tall)
        head(page, f"Average ranks over {counted(len(one.tasks), 'task')}")
        write(page, texts, 0.1, 0.33)
        for k, column in enumerate(shown):
            place = (k * (left + PANEL + RIGHT) + left) / wide, 0.55 / tall, PANEL / wide, high / tall
            _draw_panel(page.add_axes(place), one.ranks[column.name], column, looks)
        return page


def _draw_panel(axis: Axes, ranks: AverageRanks, column: Column, looks: dict[str, Look]) -> None:
    """Rows from the best average rank down, with their intervals, and bars of groups at the right."""
    for i, name in enumerate(ranks.names):
        look = looks.get(name, Look(LINE, "o"))
        axis.plot([ranks.lows[i], ranks.highs[i]], [i, i], color=look.colour, linewidth=1.4, zorder=2)
        labels.mark(axis, ranks.means[i], i, look, zorder=3)
    right = len(ranks.names) + 0.4
    for k, (first, last) in enumerate(ranks.groups()):
        axis.plot([right + 0.3 * k] * 2, [first - 0.2, last + 0.2], color=LINE, linewidth=2.5)
    axis.set_yticks(range(len(ranks.names)), ranks.names)
    step = -(-len(ranks.names) // 12)
    axis.set_xticks(range(1, len(ranks.names) + 1, step))
    axis.tick_params(labelsize=labels.SIZE)
    axis.set_xlim(0.7, right + 0.3 * max(len(ranks.groups()), 1))
    axis.set_ylim(len(ranks.names) - 0.5, -0.5)
    axis.set_xlabel("average rank", fontsize=9)
    axis.set_title(column.label)
