"""The best, the median and the worst picture of every method's row, beside their truths."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from bench.report.columns import Column
from bench.report.figures.caption import caption
from bench.report.figures.pictures.sheet import INK, PALE, Sheet, Text, fit, fold, line_height, wrap
from bench.report.figures.pictures.shots import Find, Shot, first_shot, truth
from bench.report.tables import Row, Table

FEWEST = 3
"""Pictures of a row that are needed."""
CELL = 112
"""Least side of a square in pixels; small images are enlarged by whole factors."""
SIZE = 14
"""Font size where a square has `CELL`."""
NAMES = 1.5
"""Width of the names, in squares."""
WHICH = ("best", "median", "worst")


@dataclass(frozen=True)
class Extreme:
    """A picture beside its truth.

    Attributes:
        shot: the picture.
        true: the image.
        score: of this picture.
        place: of the image among all of the row by their scores, from the best on, and how many there are.
    """

    shot: Shot
    true: Image.Image
    score: float
    place: tuple[int, int]


def draw(table: Table, metric: Column | None, find: Find) -> Sheet | None:
    """The sheet, or None without a metric that has a direction, or with too few pictures."""
    if metric is None or not metric.better:
        return None
    found: dict[str, list[Extreme]] = {}
    kept = 0
    for row in table.rows:
        shots = [] if row.head.baseline else _shots(table, row, metric, find)
        if len(shots) >= FEWEST:
            kept = max(kept, len(shots))
            found[row.name] = [shots[0], shots[(len(shots) - 1) // 2], shots[-1]]
    return _paint(table, metric, found, kept) if found else None


def _shots(table: Table, row: Row, metric: Column, find: Find) -> list[Extreme]:
    """The pictures of a row from the best to the worst."""
    scores = row.scores(metric.name)
    ordered = sorted(scores, key=lambda image: -metric.better * scores[image])
    found = []
    for k, image in enumerate(ordered):
        shot, true = first_shot(row, image, find), truth(table, image, find)
        score = shot.score(metric) if shot else None
        if shot and true and score is not None:
            found.append(Extreme(shot, true, score, (k + 1, len(ordered))))
    return sorted(found, key=lambda one: -metric.better * one.score)


def _paint(table: Table, metric: Column, found: dict[str, list[Extreme]], kept: int) -> Sheet:
    native = max(max(one.true.size) for extremes in found.values() for one in extremes)
    side = native * max(1, -(-CELL // native))
    gap, size = max(side // 32, 4), round(SIZE * side / CELL)
    line, names = line_height(size), round(NAMES * side)
    group = 2 * side + 5 * gap
    sheet = Sheet(gap + names + len(WHICH) * group)
    sheet.lines(
        [f"Best, median and worst pictures: {table.title}"], (gap, gap + 2 * size), round(size * 1.4), INK
    )
    unit = " in dB" if metric.name.startswith("psnr") else ""
    reading = (
        f"{caption(table)}. By {metric.label}{unit}, of the {kept} images whose pictures were kept; right of "
        "each truth the reconstruction; in brackets its place among all images of the row."
    )
    texts = fold(reading, sheet.width - 2 * gap, size)
    sheet.lines(texts, (gap, gap + 2 * size + line * 1.4), size)
    sheet.height = gap + 2 * size + line * (len(texts) + 2)
    for k, which in enumerate(WHICH):
        middle = gap + names + k * group + side + gap / 2
        sheet.texts.append(Text((middle, sheet.height), which, round(size * 1.2)))
    sheet.height += line // 2
    for name, extremes in found.items():
        _paint_row(sheet, name, extremes, metric, (side, gap, size, names))
    sheet.height += gap
    return sheet


def _paint_row(
    sheet: Sheet,
    name: str,
    extremes: Sequence[Extreme],
    metric: Column,
    lengths: tuple[int, int, int, int],
) -> None:
    """Adds a line of three pairs at the foot of the sheet."""
    side, gap, size, names = lengths
    line, top = line_height(size), sheet.height
    texts, large = wrap(name, names - 2 * gap, round(size * 1.2))
    sheet.lines(texts, (gap, top + side / 2), large, INK)
    for k, one in enumerate(extremes):
        left = gap + names + k * (2 * side + 5 * gap)
        sheet.show(one.true, (left, top), side)
        sheet.show(one.shot.image, (left + side + gap, top), side)
        place, n = one.place
        text = f"image {one.shot.record.image}: {metric.show(one.score)} ({place} of {n})"
        shown = fit(text, 2 * side + 3 * gap, size)
        sheet.texts.append(Text((left + side + gap / 2, top + side + size * 1.1), text, shown, PALE))
    sheet.height = top + side + line + gap
