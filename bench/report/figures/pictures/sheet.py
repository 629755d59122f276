"""A sheet of pictures, bars and texts at places in pixels, as png, svg or pdf.

Pictures are enlarged by whole factors, so that their pixels stay crisp; in svg and pdf they have their own
size, and text stays text.
"""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image, ImageDraw

from bench.report.figures.page import DPI, LEVEL, STYLE, blank_page, encode, font

INK, PALE, PAPER = "#1e1e1e", "#5c5c5c", "#ffffff"
"""Grey, so that a sheet of grey pictures is one and needs half of the bytes."""
EMPTY = "#ececec"
LEAST_FONT = 6
"""Smallest font size, in pixels; longer texts run over."""

Content = Image.Image | str
"""What a square shows: a picture, or a word where there is none."""
Corner = tuple[int, int]


@dataclass(frozen=True)
class Text:
    """A text whose baseline is at a place; ``anchor`` is left or center."""

    place: tuple[float, float]
    text: str
    size: int
    colour: str = INK
    anchor: str = "center"


@dataclass(frozen=True)
class Bar:
    """A filled box: left, top, width, height."""

    box: tuple[int, int, int, int]
    colour: str


@dataclass(frozen=True)
class Picture:
    """A picture, shown in a box: left, top, width, height."""

    box: tuple[int, int, int, int]
    image: Image.Image


@dataclass
class Sheet:
    """What is drawn, in pixels from the upper left corner; the height grows with the parts."""

    width: int
    height: int = 0
    pictures: list[Picture] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def show(self, content: Content, corner: Corner, side: int) -> None:
        """Puts a word, or a picture centred in its square.

        The picture is enlarged by the largest whole factor, or shrunk where it is larger than the square.
        """
        x, y = corner
        if isinstance(content, str):
            self.bars.append(Bar((x, y, side, side), EMPTY))
            size = fit(content, side * 0.9, side // 8)
            self.texts.append(Text((x + side / 2, y + side / 2 + size * 0.35), content, size, PALE))
            return
        scale = side / max(content.size)
        scale = int(scale) if scale >= 1 else scale
        width, height = max(1, round(content.width * scale)), max(1, round(content.height * scale))
        place = x + (side - width) // 2, y + (side - height) // 2
        self.pictures.append(Picture((*place, width, height), content))

    def lines(self, texts: Sequence[str], place: tuple[float, float], size: int, colour: str = PALE) -> None:
        """Writes lines of text below each other, from a left edge and a first baseline on."""
        for i, text in enumerate(texts):
            spot = place[0], place[1] + i * line_height(size)
            self.texts.append(Text(spot, text, size, colour, "left"))


def encode_sheet(sheet: Sheet, kind: str) -> bytes:
    """A sheet as png, svg or pdf; equal sheets give equal bytes."""
    return _png(sheet) if kind == "png" else encode(_page(sheet), kind)


def _png(sheet: Sheet) -> bytes:
    drawn = Image.new("RGB", (sheet.width, sheet.height), PAPER)
    pen = ImageDraw.Draw(drawn)
    for bar in sheet.bars:
        x, y, width, height = bar.box
        pen.rectangle((x, y, x + width - 1, y + height - 1), bar.colour)
    for picture in sheet.pictures:
        x, y, *size = picture.box
        is_enlarged = size[0] >= picture.image.width
        way = Image.Resampling.NEAREST if is_enlarged else Image.Resampling.BOX
        drawn.paste(picture.image.convert("RGB").resize((size[0], size[1]), way), (x, y))
    for text in sheet.texts:
        anchor = "ms" if text.anchor == "center" else "ls"
        pen.text(text.place, text.text, text.colour, font(text.size), anchor=anchor)
    out = io.BytesIO()
    red, green, blue = drawn.split()
    is_grey = red.tobytes() == green.tobytes() == blue.tobytes()
    (red if is_grey else drawn).save(out, "PNG", compress_level=LEVEL)
    return out.getvalue()


def _page(sheet: Sheet) -> Figure:
    """The sheet as a page for svg and pdf."""
    with rc_context(STYLE):
        page = blank_page(sheet.width / DPI, sheet.height / DPI)
        axis = page.add_axes((0, 0, 1, 1))
        axis.set_axis_off()
        for bar in sheet.bars:
            x, y, width, height = bar.box
            axis.add_patch(Rectangle((x, y), width, height, color=bar.colour, linewidth=0))
        for picture in sheet.pictures:
            x, y, width, height = picture.box
            pixels = np.asarray(picture.image.convert("RGB"))
            axis.imshow(pixels, extent=(x, x + width, y + height, y), interpolation="none")
        axis.set(xlim=(0, sheet.width), ylim=(sheet.height, 0), aspect="auto")
        for text in sheet.texts:
            about: dict[str, Any] = {"size": text.size * 72 / DPI, "color": text.colour, "ha": text.anchor}
            axis.text(*text.place, text.text, va="baseline", **about)
        return page


def line_height(size: int) -> int:
    """From one baseline to the next."""
    return round(size * 1.35)


def wrap(title: str, width: int, size: int) -> tuple[list[str], int]:
    """The lines of a title, and the font size at which they fit.

    A title that is too long for one line is cut at a separator into two of about equal length.
    """
    if font(size).getlength(title) <= width:
        return [title], size
    cuts = [i for i in range(1, len(title)) if title[i] in "[(" or title[i - 1] in "-_ ,"]
    cut = min(cuts, key=lambda i: max(i, len(title) - i), default=len(title))
    parts = title[:cut].strip(), title[cut:].strip()
    lines = [part for part in parts if part]
    return lines, min(fit(text, width, size) for text in lines)


def fit(text: str, width: float, size: int) -> int:
    """The largest font size, at most ``size``, at which a text is no wider than ``width``."""
    while size > LEAST_FONT and font(size).getlength(text) > width:
        size -= 1
    return size


def fold(text: str, width: float, size: int) -> list[str]:
    """The lines of a sentence of this width."""
    return textwrap.wrap(text, max(int(width / (0.56 * size)), 20))
