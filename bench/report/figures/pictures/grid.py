"""The picture of a task: truth, measurement and every reconstruction, with numbers and error maps.

At most eight columns stand side by side; further rows follow below, beside the truths again.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from bench.report.columns import Column
from bench.report.figures.caption import caption
from bench.report.figures.colours import Look
from bench.report.figures.pictures.sheet import (
    INK,
    PALE,
    Bar,
    Content,
    Sheet,
    Text,
    fit,
    fold,
    line_height,
    wrap,
)
from bench.report.figures.pictures.shots import (
    FULL,
    Find,
    Shot,
    error_map,
    first_shot,
    measurement,
    ramp,
    truth,
)
from bench.report.scores import Score
from bench.report.tables import Row, Table

IMAGES = 3
ACROSS = 8
"""Most columns side by side."""
CELL = 160
"""Least side of a square in pixels; small images are enlarged by whole factors, so that pixels stay crisp."""
SIZE = 17
"""Font size where a square has `CELL`."""


@dataclass(frozen=True)
class Tile:
    """A square, and what is written below it."""

    content: Content
    text: str = ""


@dataclass(frozen=True)
class GridColumn:
    """A column: its head, its squares, and the error map below them."""

    title: str
    tiles: list[Tile]
    caption: str = ""
    colour: str = PALE
    error: Content | None = None


@dataclass(frozen=True)
class Layout:
    """Lengths of a sheet, in pixels: a square's side, the gap between squares, the font size."""

    side: int
    gap: int
    size: int

    @property
    def step(self) -> int:
        """From one column to the next."""
        return self.side + self.gap

    @property
    def line(self) -> int:
        """Height of a line of text."""
        return line_height(self.size)


def draw(
    table: Table, metric: Column | None, scores: dict[str, Score], looks: dict[str, Look], find: Find
) -> Sheet | None:
    """The grid, or None where no picture was kept."""
    images = list(islice(_shown(table, find), IMAGES))
    columns = []
    for row in sorted(table.rows, key=lambda row: not row.head.baseline):
        column = _column(table, row, images, metric, scores.get(row.name), looks[row.name], find)
        if column:
            columns.append(column)
    if not columns:
        return None
    given = _given(table, images, find)
    return _paint(table, metric, given, columns)


def _shown(table: Table, find: Find) -> Iterator[str]:
    """The images whose truths were kept."""
    for image in table.images:
        if find(f"truth/{table.truths.get(image)}.png"):
            yield image


def bands(n: int) -> list[int]:
    """How many reconstructions stand in each line: beside truth and measurement, then beside the truth."""
    first = ACROSS - 2
    lines = 1 if n <= first else 1 + math.ceil((n - first) / (ACROSS - 1))
    found: list[int] = []
    for k in range(lines):
        share = math.ceil((n - sum(found)) / (lines - k))
        found.append(min(share, first) if k == 0 else share)
    return found


def _given(table: Table, images: Sequence[str], find: Find) -> list[GridColumn]:
    """The columns of truths and measurements."""
    truths, measured = [], []
    for image in images:
        truths.append(Tile(truth(table, image, find) or "not kept", f"image {image}"))
        measured.append(Tile(measurement(table, image, find) or "not kept"))
    return [GridColumn("truth", truths, error=_legend()), GridColumn("measurement", measured)]


def _legend() -> Image.Image:
    """The colours of the error map, from darker to brighter."""
    shares = np.linspace(-1, 1, CELL)
    return Image.fromarray(np.tile(ramp(shares), (CELL // 8, 1, 1)))


def _column(
    table: Table,
    row: Row,
    images: Sequence[str],
    metric: Column | None,
    score: Score | None,
    look: Look,
    find: Find,
) -> GridColumn | None:
    """The column of a row; None without any picture."""
    shots = [first_shot(row, image, find) for image in images]
    if not any(shots):
        return None
    tiles = []
    for image, shot in zip(images, shots, strict=True):
        tiles.append(_tile(shot, metric) if shot else Tile(_absence(row, image)))
    true, first = truth(table, images[0], find), shots[0]
    error = error_map(first.image, true) if first and true else None
    caption = _mean(table, row, metric, score)
    return GridColumn(_title(row), tiles, caption, look.colour, error or "no error map")


def _tile(shot: Shot, metric: Column | None) -> Tile:
    score = shot.score(metric)
    return Tile(shot.image, "" if score is None or metric is None else metric.show(score))


def _title(row: Row) -> str:
    return "A⁺y" if row.name == row.head.solver == "pinv" else row.name


def _mean(table: Table, row: Row, metric: Column | None, score: Score | None) -> str:
    """The mean over all images of the row, with their number where it is not the usual one."""
    if metric is None or score is None or score.interval is None:
        return ""
    text = f"mean {metric.show(score.interval.mean)}"
    if row.name in table.unusual:
        text += f", n {score.interval.n}"
    return f"({text})" if score.partial else text


def _absence(row: Row, image: str) -> str:
    """Why there is no picture of a reconstruction."""
    for record in row.records:
        if record.image == image and record.status != "ok":
            return record.status.replace("_", " ")
    return "not kept" if image in row.solved else "not run"


def _paint(
    table: Table, metric: Column | None, given: Sequence[GridColumn], columns: Sequence[GridColumn]
) -> Sheet:
    """The sheet: title and caption, then a line of columns for each of `bands`."""
    layout = _arrange([*given, *columns])
    shares = bands(len(columns))
    widest = max(2 + shares[0], 1 + max(shares[1:], default=0), 4)
    sheet = Sheet(layout.gap + widest * layout.step)
    size = layout.size
    sheet.lines([table.title], (layout.gap, layout.gap + size * 1.2), round(size * 1.25), INK)
    texts = fold(f"{caption(table)}. {_reading(metric)}", sheet.width - 2 * layout.gap, round(size * 0.9))
    sheet.lines(texts, (layout.gap, layout.gap + size * 1.2 + layout.line * 1.2), round(size * 0.9))
    sheet.height = layout.gap + round(layout.line * (2 + len(texts)))
    done = 0
    for k, n in enumerate(shares):
        shown = [*given, *columns[:n]] if k == 0 else [given[0], *columns[done : done + n]]
        _paint_band(sheet, layout, shown)
        done += n
    return sheet


def _reading(metric: Column | None) -> str:
    """How to read numbers and colours."""
    unit = " in dB" if metric and metric.name.startswith("psnr") else ""
    numbers = f"Numbers: {metric.label}{unit} of the picture above them. " if metric else ""
    return (
        f"{numbers}Last line: error of the first image, blue where it is darker than the truth, orange where "
        f"it is brighter; full colour from {FULL} of 255 steps on, by a square root."
    )


def _arrange(columns: Sequence[GridColumn]) -> Layout:
    """The lengths for these pictures."""
    native = 1
    for column in columns:
        for tile in column.tiles:
            if not isinstance(tile.content, str):
                native = max(native, *tile.content.size)
    side = native * max(1, -(-CELL // native))
    return Layout(side, max(side // 32, 4), round(SIZE * side / CELL))


def _paint_band(sheet: Sheet, layout: Layout, columns: Sequence[GridColumn]) -> None:
    """Adds a line of columns at the foot of the sheet."""
    titles = [wrap(column.title, layout.side, round(layout.size * 1.2)) for column in columns]
    lines = max(len(texts) for texts, _ in titles)
    top = sheet.height + layout.gap + layout.line * (lines + 1) + layout.gap * 2
    for j, (title, column) in enumerate(zip(titles, columns, strict=True)):
        left = layout.gap + j * layout.step
        _write_head(sheet, layout, (left, top), title, column)
        y = top
        for tile in column.tiles:
            sheet.show(tile.content, (left, y), layout.side)
            if tile.text:
                size = fit(tile.text, layout.side, layout.size)
                sheet.texts.append(
                    Text((left + layout.side / 2, y + layout.side + size * 1.05), tile.text, size)
                )
            y += layout.side + layout.line
        if column.error is not None:
            _show_error(sheet, layout, column, (left, y))
    height = layout.side + layout.line
    sheet.height = top + height * len(columns[0].tiles) + layout.side + layout.gap * 2


def _show_error(sheet: Sheet, layout: Layout, column: GridColumn, corner: tuple[int, int]) -> None:
    """Adds the error map of a column, or the colours of all of them below the truths."""
    assert column.error is not None
    sheet.show(column.error, corner, layout.side)
    if column.title == "truth":
        middle = corner[0] + layout.side / 2, corner[1] + layout.side * 0.38
        sheet.texts.append(Text(middle, "error", layout.size, PALE))
        ends = f"−{FULL}  0  +{FULL}"
        below = corner[0] + layout.side / 2, corner[1] + layout.side * 0.7
        sheet.texts.append(Text(below, ends, fit(ends, layout.side, layout.size), PALE))


def _write_head(
    sheet: Sheet, layout: Layout, corner: tuple[int, int], title: tuple[list[str], int], column: GridColumn
) -> None:
    """Writes the title and the mean of a column above a corner, and draws its bar."""
    left, top = corner
    texts, size = title
    middle = left + layout.side / 2
    foot = top - layout.gap * 2
    for i, text in enumerate(reversed(texts)):
        y = foot - layout.line - layout.gap / 2 - i * line_height(size)
        sheet.texts.append(Text((middle, y), text, size))
    if column.caption:
        small = fit(column.caption, layout.side, round(layout.size * 0.95))
        sheet.texts.append(Text((middle, foot - layout.gap), column.caption, small, PALE))
    if column.colour != PALE:
        height = max(layout.gap * 2 // 3, 2)
        sheet.bars.append(Bar((left, top - layout.gap - height // 2, layout.side, height), column.colour))
