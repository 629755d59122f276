"""The picture of a task: truth, measurement and every reconstruction, one image per row."""

import io
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

from bench.report.columns import Column
from bench.report.scores import Score
from bench.report.tables import Row, Table

ROWS = 5
CELL = 160
"""Least side of a cell in pixels; small images are enlarged by whole factors, pixels staying crisp."""
INK, PALE, PAPER = "#1a1a1a", "#707070", "#ffffff"
EMPTY = "#ececec"

Find = Callable[[str], Path | None]
"""Path below objects/ -> the file, if any folder holds it."""


def draw(
    table: Table, metric: Column | None, scores: dict[str, Score], colours: dict[str, str], find: Find
) -> bytes | None:
    """The grid as PNG bytes, or None where no picture was kept."""
    shown = [i for i in table.images if find(f"truth/{table.truths.get(i)}.png")][:ROWS]
    rows = [
        row
        for row in sorted(table.rows, key=lambda r: not r.head.baseline)
        if any(_kept(row, image, find) for image in shown)
    ]
    if not rows:
        return None
    columns = [("truth", "", PALE), ("measurement", "", PALE)]
    columns += [
        (_title(row), _caption(table, row, metric, scores.get(row.name)), colours[row.head.solver])
        for row in rows
    ]
    cells = [[*_given(table, image, find), *(_cell(row, image, find) for row in rows)] for image in shown]
    return _paint(columns, cells)


def _title(row: Row) -> str:
    return "A⁺y" if row.name == row.head.solver == "pinv" else row.name


def _caption(table: Table, row: Row, metric: Column | None, score: Score | None) -> str:
    """The mean over all images of the row; with their number where it is not the usual one."""
    if metric is None or score is None or score.interval is None:
        return ""
    text = metric.show(score.interval.mean) + " dB" * (metric.name == "psnr")
    text += f", n {score.interval.n}" * (row.name in table.unusual)
    return f"({text})" if score.partial else text


def _kept(row: Row, image: str, find: Find) -> Path | None:
    return next((p for r in row.solved.get(image, ()) if (p := find(f"{r.key[:2]}/{r.key}.png"))), None)


def _given(table: Table, image: str, find: Find) -> list[Path | str]:
    names = (f"truth/{table.truths[image]}.png", f"measurement/{table.measurements[image]}.png")
    return [find(name) or "not kept" for name in names]


def _cell(row: Row, image: str, find: Find) -> Path | str:
    """The reconstruction, or why there is none."""
    failed = [r.status.replace("_", " ") for r in row.records if r.image == image and r.status != "ok"]
    missing = "not kept" if image in row.solved else "not run"
    return _kept(row, image, find) or (failed[0] if failed else missing)


def _paint(columns: Sequence[tuple[str, str, str]], cells: Sequence[Sequence[Path | str]]) -> bytes:
    pictures = [[_load(cell) if isinstance(cell, Path) else cell for cell in line] for line in cells]
    native = max(max(p.size) for line in pictures for p in line if isinstance(p, Image.Image))
    cell = native * max(1, -(-CELL // native))
    gap, unit = max(cell // 32, 4), cell / 160
    titles = [_wrap(title, cell, unit) for title, _, _ in columns]
    line = round(29 * unit)
    n_lines = max(len(lines) for lines, _ in titles)
    captions = any(caption for _, caption, _ in columns)
    head = gap * 2 + line * (n_lines + captions)
    size = (gap + len(columns) * (cell + gap), head + len(cells) * (cell + gap))
    sheet = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(sheet)
    for j, ((lines, font), (_, caption, colour)) in enumerate(zip(titles, columns, strict=True)):
        x = gap + j * (cell + gap)
        for i, text in enumerate(lines):
            y = gap + line * (n_lines - len(lines) + i + 0.75)
            pen.text((x + cell / 2, y), text, INK, _font(font), anchor="ms")
        if caption:
            pen.text(
                (x + cell / 2, gap + line * (n_lines + 0.75)),
                caption,
                PALE,
                _font(round(18 * unit)),
                anchor="ms",
            )
        if colour != PALE:
            pen.rectangle((x, head - gap - max(gap * 2 // 3, 2), x + cell - 1, head - gap), colour)
        for i, pictured in enumerate(pictures):
            _place(sheet, pictured[j], (x, head + i * (cell + gap)), cell)
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    return out.getvalue()


def _load(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _place(sheet: Image.Image, content: Image.Image | str, corner: tuple[int, int], cell: int) -> None:
    """A picture centred in its cell, enlarged by the largest whole factor, or shrunk where it is larger; or a
    word.
    """
    x, y = corner
    if isinstance(content, str):
        pen = ImageDraw.Draw(sheet)
        pen.rectangle((x, y, x + cell - 1, y + cell - 1), EMPTY)
        pen.text(
            (x + cell / 2, y + cell / 2), content, PALE, _fit(content, cell * 0.9, cell // 8), anchor="mm"
        )
        return
    scale = cell / max(content.size)
    scale = int(scale) if scale >= 1 else scale
    size = tuple(max(1, round(side * scale)) for side in content.size)
    content = content.resize(size, Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX)
    sheet.paste(content, (x + (cell - size[0]) // 2, y + (cell - size[1]) // 2))


def _wrap(title: str, width: int, unit: float) -> tuple[list[str], int]:
    """The title in one line, or in two of about equal length cut at a separator, and the font size at which
    it fits.
    """
    size = round(22 * unit)
    if _font(size).getlength(title) <= width:
        return [title], size
    cuts = [i for i in range(1, len(title)) if title[i] in "[(" or title[i - 1] in "-_ ,"]
    cut = min(cuts, key=lambda i: max(i, len(title) - i), default=len(title))
    lines = [part.strip() for part in (title[:cut], title[cut:]) if part.strip()]
    return lines, min(_fit(text, width, size).size for text in lines)


def _fit(text: str, width: float, size: int) -> ImageFont.FreeTypeFont:
    while size > 6 and _font(size).getlength(text) > width:
        size -= 1
    return _font(size)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(
        Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size, layout_engine=ImageFont.Layout.BASIC
    )
