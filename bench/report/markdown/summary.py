"""The tables at a glance: one metric of all tasks."""

from collections.abc import Sequence

from bench.names import counted
from bench.report.columns import Column
from bench.report.markdown.cells import label, number, yardstick_number
from bench.report.ranking import Judged
from bench.report.scores import any_known
from bench.report.tables import Row
from bench.report.text import ARROWS, escape, small, table_head, table_line

METRICS = ("psnr", "lpips")
"""The metrics shown at a glance."""
YARDSTICK = "best by {metric}, on the same {images}"
"""The yardstick's row differs from task to task, so the line names none."""


def summary(judged: Sequence[Judged], columns: Sequence[Column]) -> list[str]:
    """One matrix for PSNR and one for LPIPS, where they exist: rows by tasks."""
    judged = [one for one in judged if one.table.rows]
    if len(judged) < 2:
        return []
    parts = ["## At a glance"]
    for column in columns:
        if column.name in METRICS and any(any_known(one.scores[column.name].values()) for one in judged):
            parts.append(_matrix(judged, column))
    return parts


def _matrix(judged: Sequence[Judged], column: Column) -> str:
    """Rows by tasks: first the rows about the usual images, then groups of rows about fewer."""
    usual, groups = _groups(judged)
    titles = [escape(one.table.title) for one in judged]
    lines = table_head([column.label + ARROWS[column.better], *titles])
    lines += _lines(usual, judged, column, "")
    for n in sorted(groups, reverse=True):
        lines.append(_yardstick_line(judged, column, n))
        lines += _lines(groups[n], judged, column, counted(n, "image"))
    return "\n".join(lines)


def _yardstick_line(judged: Sequence[Judged], column: Column, n: int) -> str:
    """The best row of each task over the n images of the rows below; another row in each task."""
    cells, metric = [], ""
    for one in judged:
        cells.append(yardstick_number(column, one.yardstick, n))
        if one.yardstick:
            metric = one.yardstick.column.label
    title = YARDSTICK.format(metric=metric, images=counted(n, "image"))
    return table_line([f"<sub>{title}</sub>", *cells])


def _groups(judged: Sequence[Judged]) -> tuple[list[Row], dict[int, list[Row]]]:
    """The rows about the usual images, and number of images -> the other rows; of each row the first one."""
    rows: dict[str, Row] = {}
    fewer: dict[str, int] = {}
    for one in judged:
        for row in one.table.rows:
            rows.setdefault(row.name, row)
        fewer = one.table.unusual | fewer
    usual: list[Row] = []
    groups: dict[int, list[Row]] = {}
    for name, row in rows.items():
        group = groups.setdefault(fewer[name], []) if name in fewer else usual
        group.append(row)
    return usual, groups


def _lines(rows: Sequence[Row], judged: Sequence[Judged], column: Column, images: str) -> list[str]:
    """The lines of some rows, with the number of images below each name where it is not the usual one."""
    lines = []
    for row in rows:
        cells = [label(row) + small(images)]
        for one in judged:
            score = one.scores[column.name].get(row.name)
            cells.append(number(column, score, row.head.baseline, with_interval=False))
        lines.append(table_line(cells))
    return lines
