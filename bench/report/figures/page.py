"""What all figures share: their style, the arrangement of their panels, and their bytes."""

import io
import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
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
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
}
LINE = "#404040"
"""Lines that a reader compares points with."""
ACROSS = 4
"""Most panels side by side."""


def arrangement(n: int) -> tuple[int, int]:
    """Rows and columns of a grid for n panels, as even as `ACROSS` allows."""
    down = math.ceil(n / ACROSS)
    return down, math.ceil(n / down)


def new_page(width: float, height: float) -> Figure:
    """An empty page, in inches, whose layout leaves room for titles, labels and the legend."""
    page = Figure(figsize=(width, height), dpi=160, layout="constrained")
    FigureCanvasAgg(page)
    return page


def finish_grid(axes: Sequence[Axes], n: int, across: int, xlabel: str, **text: Any) -> None:
    """Removes the axes beyond the n that are used, and labels the lowest of each column."""
    for axis in axes[n:]:
        axis.remove()
    for axis in axes[max(0, n - across) : n]:
        axis.tick_params(labelbottom=True)
        axis.set_xlabel(xlabel, **text)


def to_png(page: Figure) -> bytes:
    """A page as PNG. Equal pages give equal bytes, since no version and no time is written.

    It is laid out here, since matplotlib would draw it once for the layout and once for the file.
    """
    if engine := page.get_layout_engine():
        engine.execute(page)
        page.set_layout_engine(None)
    out = io.BytesIO()
    page.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
