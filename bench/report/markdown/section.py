"""One task on a page: what was measured, the table, and the notes without which it must not be read."""

from collections.abc import Mapping, Sequence

from bench.names import counted
from bench.report.columns import SET_METRICS, Column
from bench.report.markdown.cells import cost, label, number, time, yardstick_label, yardstick_number
from bench.report.markdown.notes import notes
from bench.report.markdown.sources import certified, sources
from bench.report.markdown.verdicts import compared, place, shown
from bench.report.ranking import Judged, Yardstick
from bench.report.samples import success
from bench.report.samples.best import oracles
from bench.report.samples.components import remarks as randomness
from bench.report.scores import Score, any_known, is_biased
from bench.report.tables import Row, Table
from bench.report.text import (
    ARROWS,
    bullets,
    code,
    escape,
    noise_text,
    parameters,
    small,
    table_head,
    table_line,
    told_text,
)


def section(judged: Judged, columns: Sequence[Column]) -> list[str]:
    """The Markdown of one task, in paragraphs."""
    table = judged.table
    parts = [f"## {escape(table.title)}", _facts(table)]
    if table.rows:
        known = [c for c in columns if any_known(judged.scores[c.name].values())]
        parts += [_grid(judged, known), *shown(judged.verdicts, known)]
    remarks = notes(table, columns, judged.scores, judged.yardstick)
    by = next((column for column in columns if column.better and column.name not in SET_METRICS), None)
    if by:
        remarks += randomness(table, by)
    remarks += sources([table])
    return [*parts, *([bullets(remarks)] if remarks else []), *success.section(table)]


def _facts(table: Table) -> str:
    """Operator, noise, images and prior of a task."""
    head = table.head
    operator = code(head.operator) + parameters(head.operator_params)
    if head.operator_rev > 1:
        operator += f", revision {head.operator_rev}"
    if head.operator_sha256:
        operator += f", source {head.operator_sha256[:8]}"
    images = f"{counted(table.usual, 'image')} of {escape(head.dataset)}"
    images += _samples([row.samples for row in table.rows])
    noise = noise_text(head.sigma, head.noise)
    if head.sigma is not None:
        noise += f" for images in [−1, 1] ({head.sigma / 2:g} in [0, 1] units)"
    noise += told_text(head.told)
    return f"{operator}; {noise}; {images}; prior {escape(head.prior)}."


def _samples(of_rows: Sequence[int]) -> str:
    """Behind the number of images, how many samples rows have of each; "" where all have one."""
    least, most = min(of_rows, default=1), max(of_rows, default=1)
    if most == 1:
        return ""
    return f", {most} samples each" if least == most else f", {least} to {most} samples each"


def _grid(judged: Judged, columns: Sequence[Column]) -> str:
    """The table: rows about the usual images, then groups of others, each below the yardstick's line."""
    table, yardstick = judged.table, judged.yardstick
    with_memory = any(row.memory for row in table.rows)
    ranking = next(iter(compared(judged.verdicts, columns)), None)
    places = [f"place by {ranking.label}"] if ranking else []
    titles = ["Solver", *_titles(judged, columns), *places, "NFE", "s / image"]
    titles += ["Memory", "n", "failed"] if with_memory else ["n", "failed"]
    lines = table_head(titles)
    for n, rows in table.by_images:
        if yardstick and n in yardstick.over:
            cells = _yardstick_cells(yardstick, n, columns)
            lines.append(table_line(cells + [""] * (len(titles) - len(cells))))
        for row in rows:
            lines.append(table_line(_cells(judged, row, columns, ranking, with_memory)))
    for best, scores in oracles(table, columns):
        cells = _oracle_cells(best, scores, columns)
        lines.append(table_line(cells + [""] * (len(titles) - len(cells))))
    return "\n".join(lines)


def _titles(judged: Judged, columns: Sequence[Column]) -> list[str]:
    """The titles of the metrics, with their directions, and the mark of a biased FID."""
    titles = []
    for column in columns:
        biased = column.name == "fid" and is_biased(judged.scores["fid"])
        titles.append(column.label + ("†" if biased else "") + ARROWS[column.better])
    return titles


def _yardstick_cells(yardstick: Yardstick, n: int, columns: Sequence[Column]) -> list[str]:
    numbers = [yardstick_number(column, yardstick, n) for column in columns]
    return [yardstick_label(yardstick, n), *numbers]


def _oracle_cells(best: Row, scores: Mapping[str, Score], columns: Sequence[Column]) -> list[str]:
    """The numbers of the best of several samples, and of how many images where some lack samples."""
    numbers = [number(column, scores.get(column.name), baseline=True) for column in columns]
    some = f", {len(best.solved)} of {counted(len(best.images), 'image')}"
    about = "oracle, not ranked" + (some if len(best.solved) < len(best.images) else "")
    return [f"*{escape(best.name)}*{small(about)}", *numbers]


def _cells(
    judged: Judged, row: Row, columns: Sequence[Column], ranking: Column | None, with_memory: bool
) -> list[str]:
    """The cells of one row."""
    table = judged.table
    about = [escape(row.head.preset)] if row.head.preset else []
    if row.name in table.unusual:
        about.append(counted(len(row.images), "image"))
    if state := certified(row):
        about.append(state)
    about += [escape(folder) for folder in row.folders if f"({folder})" not in row.name]
    cells = [label(row) + small(", ".join(about))]
    for column in columns:
        cells.append(number(column, judged.scores[column.name][row.name], row.head.baseline))
    if ranking:
        cells.append(place(judged.scores[ranking.name][row.name]))
    cells += [cost(row), time(row, table)]
    if with_memory:
        cells.append(f"{row.memory:.0f} MB" if row.memory else "–")
    return [*cells, str(len(row.solved)), f"**{row.n_failed}**" if row.n_failed else "0"]
