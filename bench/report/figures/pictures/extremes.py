"""The best, the median and the worst picture of every method's row, beside their truths."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from bench.report.columns import Column
from bench.report.figures.caption import caption
from bench.report.figures.pictures.sheet import INK, PALE, Sheet, Text, fit, fold, line_height, wrap
from bench.report.figures.pictures.shots import Find, Shot, first_shot, truth
from bench.report.tables import Row, Table

CELL = 112
"""Least side of a square in pixels; small images are enlarged by whole factors."""
LARGEST = 128
"""Side of a square in pixels to which larger images are shrunk."""
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
    place: tuple[int, int] = (0, 0)


def draw(table: Table, metric: Column | None, find: Find) -> Sheet | None:
    """The sheet, or None without a metric that has a direction, or with too few pictures."""
    if metric is None or not metric.better:
        return None
    found: dict[str, list[Extreme]] = {}
    for row in table.rows:
        extremes = [] if row.head.baseline else _extremes(table, row, metric, find)
        if len(extremes) == len(WHICH):
            found[row.name] = extremes
    return _paint(table, metric, found) if found else None


def _extremes(table: Table, row: Row, metric: Column, find: Find) -> list[Extreme]:
    """The kept pictures nearest to the best, the middle and the worst place of a row, as many as there are.

    Only these are read, since a run may keep thousands.
    """
    scores = row.scores(metric.name)
    ordered = sorted(scores, key=lambda image: -metric.better * scores[image])
    found: dict[str, Extreme] = {}
    for aim in (0, len(ordered) - 1, (len(ordered) - 1) / 2):
        for k in sorted(range(len(ordered)), key=lambda k: abs(k - aim)):
            image = ordered[k]
            one = None if image in found else _extreme(table, row, image, metric, find)
            if one:
                found[image] = replace(one, place=(k + 1, len(ordered)))
                break
    return sorted(found.values(), key=lambda one: one.place)


def _extreme(table: Table, row: Row, image: str, metric: Column, find: Find) -> Extreme | None:
    """The picture of an image beside its truth, if both were kept."""
    shot = first_shot(row, image, find)
    true = truth(table, image, find) if shot else None
    score = shot.score(metric) if shot else None
    return Extreme(shot, true, score) if shot and true and score is not None else None


def _paint(table: Table, metric: Column, found: dict[str, list[Extreme]]) -> Sheet:
    native = max(max(one.true.size) for extremes in found.values() for one in extremes)
    side = native * -(-CELL // native) if native < CELL else LARGEST
    gap, size = max(side // 32, 4), round(SIZE * side / CELL)
    line, names = line_height(size), round(NAMES * side)
    group = 2 * side + 5 * gap
    sheet = Sheet(gap + names + len(WHICH) * group)
    sheet.lines(
        [f"Best, median and worst pictures: {table.title}"], (gap, gap + 2 * size), round(size * 1.4), INK
    )
    unit = " in dB" if metric.name.startswith("psnr") else ""
    reading = (
        f"{caption(table)}. By {metric.label}{unit}, of the images whose pictures were kept; right of each "
        "truth the reconstruction; in brackets its place among all images of the row."
    )
    texts = fold(reading, sheet.width - 2 * gap, size)
    sheet.lines(texts, (gap, gap + 2 * size + line * 1.4), size)
    sheet.height = gap + 2 * size + line * (len(texts) + 2)
    for k, which in enumerate(WHICH):
        middle = gap + names + k * group + side + gap / 2
        sheet.texts.append(Text((middle, sheet.height), which, round(size * 1.2)))
    sheet.height += line // 2
    small = size
    for extremes in found.values():
        small = min(fit(_words(one, metric), 2 * side + 3 * gap, small) for one in extremes)
    for name, extremes in found.items():
        words = [_words(one, metric) for one in extremes]
        _paint_row(sheet, name, list(zip(extremes, words, strict=True)), small, (side, gap, size, names))
    sheet.height += gap
    return sheet


def _words(one: Extreme, metric: Column) -> str:
    """What stands below a pair."""
    place, n = one.place
    return f"image {one.shot.record.image}: {metric.show(one.score)} ({place} of {n})"


def _paint_row(
    sheet: Sheet,
    name: str,
    extremes: Sequence[tuple[Extreme, str]],
    small: int,
    lengths: tuple[int, int, int, int],
) -> None:
    """Adds a line of three pairs at the foot of the sheet, their words in a small font."""
    side, gap, size, names = lengths
    line, top = line_height(size), sheet.height
    texts, large = wrap(name, names - 2 * gap, round(size * 1.2))
    sheet.lines(texts, (gap, top + side / 2), large, INK)
    for k, (one, text) in enumerate(extremes):
        left = gap + names + k * (2 * side + 5 * gap)
        sheet.show(one.true, (left, top), side)
        sheet.show(one.shot.image, (left + side + gap, top), side)
        sheet.texts.append(Text((left + side + gap / 2, top + side + size * 1.1), text, small, PALE))
    sheet.height = top + side + line + gap
