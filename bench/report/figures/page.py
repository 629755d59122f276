"""What all figures share: their style, the arrangement of their panels, and their bytes."""

import io
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import get_data_path, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image, ImageFont

STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.which": "major",
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.edgecolor": "#808080",
    "xtick.color": "#404040",
    "ytick.color": "#404040",
    "svg.hashsalt": "bench",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "text.parse_math": False,
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
}
LINE = "#404040"
"""Lines that a reader compares points with."""
METADATA = {"svg": ("Creator", "Date"), "pdf": ("Creator", "Producer", "CreationDate")}
"""What is not written."""
DPI = 160
LEVEL = 6
"""Effort of a png: 9 takes six times as long for 2 % fewer bytes."""
ACROSS = 4
"""Most panels side by side."""


def arrangement(n: int) -> tuple[int, int]:
    """Rows and columns of a grid for n panels, as even as `ACROSS` allows."""
    down = math.ceil(n / ACROSS)
    return down, math.ceil(n / down)


def new_page(width: float, height: float, top: float = 0.0) -> Figure:
    """An empty page, in inches, whose layout leaves room for titles, labels, legend and ``top`` inches."""
    engine = ConstrainedLayoutEngine(rect=(0, 0, 1, 1 - top / height))
    page = Figure(figsize=(width, height), dpi=DPI, layout=engine)
    FigureCanvasAgg(page)
    return page


def blank_page(width: float, height: float) -> Figure:
    """An empty page, in inches, on which panels have places of their own."""
    page = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(page)
    return page


def finish_grid(axes: Sequence[Axes], n: int, across: int, xlabel: str, **text: Any) -> None:
    """Removes the axes beyond the n that are used, and labels the lowest of each column."""
    for axis in axes[n:]:
        axis.remove()
    for axis in axes[max(0, n - across) : n]:
        axis.tick_params(labelbottom=True)
        axis.set_xlabel(xlabel, **text)


def encode(page: Figure, kind: str) -> bytes:
    """A page as png, svg or pdf. Equal pages give equal bytes, since no version and no time is written.

    Text stays text in svg and pdf. A png has a palette of 256 colours, which makes it three times smaller.
    """
    out = io.BytesIO()
    with rc_context(STYLE):
        if engine := page.get_layout_engine():
            engine.execute(page)
            page.set_layout_engine("none")  # laid out once, so that no format depends on those before
        if kind == "png":
            canvas = FigureCanvasAgg(page)
            canvas.draw()
            drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
            palette = drawn.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
            palette.save(out, "PNG", compress_level=LEVEL)
        else:
            page.savefig(out, format=kind, metadata=dict.fromkeys(METADATA[kind]))
    return out.getvalue()


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font of all figures, of a size in pixels."""
    path = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
