"""The picture of a task: truth, measurement and every reconstruction, one image per row."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

from bench.records.record import Record
from bench.report.columns import Column
from bench.report.scores import Score
from bench.report.tables import Row, Table

ROWS = 5
CELL = 160
"""Least side of a square in pixels; small images are enlarged by whole factors, so that pixels stay crisp."""
INK, PALE, PAPER = "#1a1a1a", "#707070", "#ffffff"
EMPTY = "#ececec"
LEAST_FONT = 6
"""Smallest font size, in pixels; longer texts run over."""

Find = Callable[[str], Path | None]
"""Name of a picture, such as "truth/<sha256>.png" -> the file, if any folder holds it."""
Content = Path | str
"""What a square shows: the picture in a file, or a word where there is none."""


@dataclass(frozen=True)
class GridColumn:
    """The head of a column; ``colour`` is that of the bar below it, which is not drawn in `PALE`."""

    title: str
    caption: str = ""
    colour: str = PALE


@dataclass(frozen=True)
class Layout:
    """Lengths of a sheet, in pixels.

    Attributes:
        side: of a square.
        gap: between squares.
        unit: what is one pixel where a square has `CELL`.
        line: height of a line of text.
        title_lines: lines above the captions.
        head: from the top to the first row of squares.
    """

    side: int
    gap: int
    unit: float
    line: int
    title_lines: int
    head: int

    def left(self, j: int) -> int:
        """The left edge of column j."""
        return self.gap + j * (self.side + self.gap)

    def top(self, i: int) -> int:
        """The upper edge of row i."""
        return self.head + i * (self.side + self.gap)

    def baseline(self, i: float) -> float:
        """Where the text of line i of the head stands."""
        return self.gap + self.line * (i + 0.75)


def draw(
    table: Table, metric: Column | None, scores: dict[str, Score], colours: dict[str, str], find: Find
) -> bytes | None:
    """The grid as PNG bytes, or None where no picture was kept."""
    images = [image for image in table.images if find(f"truth/{table.truths.get(image)}.png")][:ROWS]
    rows = []
    for row in sorted(table.rows, key=lambda row: not row.head.baseline):
        if any(_picture(row, image, find) for image in images):
            rows.append(row)
    if not rows:
        return None
    columns = [GridColumn("truth"), GridColumn("measurement")]
    for row in rows:
        caption = _caption(table, row, metric, scores.get(row.name))
        columns.append(GridColumn(_title(row), caption, colours[row.name]))
    lines = []
    for image in images:
        truth = f"truth/{table.truths[image]}.png"
        measurement = f"measurement/{table.measurements[image]}.png"
        given = [find(truth) or "not kept", find(measurement) or "not kept"]
        lines.append(given + [_reconstruction(row, image, find) for row in rows])
    return _paint(columns, lines)


def _title(row: Row) -> str:
    return "A⁺y" if row.name == row.head.solver == "pinv" else row.name


def _caption(table: Table, row: Row, metric: Column | None, score: Score | None) -> str:
    """The mean over all images of the row, with their number where it is not the usual one."""
    if metric is None or score is None or score.interval is None:
        return ""
    text = metric.show(score.interval.mean)
    if metric.name == "psnr":
        text += " dB"
    if row.name in table.unusual:
        text += f", n {score.interval.n}"
    return f"({text})" if score.partial else text


def _picture(row: Row, image: str, find: Find) -> Path | None:
    """The first sample of an image whose picture was kept."""
    samples: list[Record] = row.solved.get(image, [])
    for record in samples:
        path = find(f"{record.key}.png")
        if path:
            return path
    return None


def _reconstruction(row: Row, image: str, find: Find) -> Content:
    """The picture of a reconstruction, or why there is none."""
    path = _picture(row, image, find)
    if path:
        return path
    for record in row.records:
        if record.image == image and record.status != "ok":
            return record.status.replace("_", " ")
    return "not kept" if image in row.solved else "not run"


def _paint(columns: Sequence[GridColumn], lines: Sequence[Sequence[Content]]) -> bytes:
    pictures = {path: _load(path) for line in lines for path in line if isinstance(path, Path)}
    layout, titles = _arrange(columns, max(max(picture.size) for picture in pictures.values()))
    sheet = Image.new("RGB", (layout.left(len(columns)), layout.top(len(lines))), PAPER)
    for j, (title, column) in enumerate(zip(titles, columns, strict=True)):
        _write_head(ImageDraw.Draw(sheet), layout, layout.left(j), title, column)
        for i, line in enumerate(lines):
            content = line[j]
            shown = content if isinstance(content, str) else pictures[content]
            _place(sheet, shown, (layout.left(j), layout.top(i)), layout.side)
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    return out.getvalue()


def _arrange(columns: Sequence[GridColumn], native: int) -> tuple[Layout, list[tuple[list[str], int]]]:
    """The layout for pictures of at most ``native`` pixels a side, and titles with font sizes (`_wrap`)."""
    side = native * max(1, -(-CELL // native))
    gap, unit = max(side // 32, 4), side / CELL
    line = round(29 * unit)
    titles = [_wrap(column.title, side, unit) for column in columns]
    title_lines = max(len(texts) for texts, _ in titles)
    captions = any(column.caption for column in columns)
    head = gap * 2 + line * (title_lines + captions)
    return Layout(side, gap, unit, line, title_lines, head), titles


def _write_head(
    pen: ImageDraw.ImageDraw, layout: Layout, left: int, title: tuple[list[str], int], column: GridColumn
) -> None:
    """Writes the title and the caption of a column, and draws its bar."""
    texts, size = title
    middle = left + layout.side / 2
    for i, text in enumerate(texts):
        y = layout.baseline(layout.title_lines - len(texts) + i)
        pen.text((middle, y), text, INK, _font(size), anchor="ms")
    if column.caption:
        font = _font(round(18 * layout.unit))
        pen.text((middle, layout.baseline(layout.title_lines)), column.caption, PALE, font, anchor="ms")
    if column.colour != PALE:
        bottom = layout.head - layout.gap
        top = bottom - max(layout.gap * 2 // 3, 2)
        pen.rectangle((left, top, left + layout.side - 1, bottom), column.colour)


def _load(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _place(sheet: Image.Image, content: Image.Image | str, corner: tuple[int, int], side: int) -> None:
    """Draws a word, or a picture centred in its square.

    The picture is enlarged by the largest whole factor, or shrunk where it is larger than the square.
    """
    x, y = corner
    if isinstance(content, str):
        pen = ImageDraw.Draw(sheet)
        pen.rectangle((x, y, x + side - 1, y + side - 1), EMPTY)
        font = _font(_fit(content, side * 0.9, side // 8))
        pen.text((x + side / 2, y + side / 2), content, PALE, font, anchor="mm")
        return
    scale = side / max(content.size)
    enlarged = scale >= 1
    if enlarged:
        scale = int(scale)
    width = max(1, round(content.width * scale))
    height = max(1, round(content.height * scale))
    filter_ = Image.Resampling.NEAREST if enlarged else Image.Resampling.BOX
    sheet.paste(content.resize((width, height), filter_), (x + (side - width) // 2, y + (side - height) // 2))


def _wrap(title: str, width: int, unit: float) -> tuple[list[str], int]:
    """The lines of a title, and the font size at which they fit.

    A title that is too long for one line is cut at a separator into two of about equal length.
    """
    size = round(22 * unit)
    if _font(size).getlength(title) <= width:
        return [title], size
    cuts = [i for i in range(1, len(title)) if title[i] in "[(" or title[i - 1] in "-_ ,"]
    cut = min(cuts, key=lambda i: max(i, len(title) - i), default=len(title))
    parts = title[:cut].strip(), title[cut:].strip()
    lines = [part for part in parts if part]
    return lines, min(_fit(text, width, size) for text in lines)


def _fit(text: str, width: float, size: int) -> int:
    """The largest font size, at most ``size``, at which a text is no wider than ``width``."""
    while size > LEAST_FONT and _font(size).getlength(text) > width:
        size -= 1
    return size


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    path = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
