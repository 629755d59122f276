"""Names beside a panel, each joined to its point by a line; they neither overlap nor cross."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.optimize import isotonic_regression

from bench.report.figures.caption import EXACT
from bench.report.figures.colours import BASELINE, FILLED, HOLLOW, Look
from bench.report.figures.page import font

SIZE = 7.5
"""Font size of a name, in points."""
APART = 0.13
"""Inches from one name to the next, where there is room."""
GLYPH = 0.17
"""Inches of the mark before a name."""
GUTTER = 0.3
"""Inches between a panel and the names, in which lines bend."""
LEAST = 5.0
"""Its least font size, at which it loses its middle."""
STAR = 1.6
"""How much larger a star must be to look as large as the others."""
MARK = 6.0
"""Size of a mark, in points."""


@dataclass(frozen=True)
class Label:
    """A name at a point.

    Attributes:
        text: what is written.
        look: the mark before it; None for a line.
        height: of the point, as a share of the panel's height.
        reach: where the point is in each panel, as a share of the width; None where it is not.
        dash: of the line of a baseline.
    """

    text: str
    look: Look | None
    height: float
    reach: tuple[float | None, ...]
    dash: tuple[int, tuple[int, ...]] = (0, ())


def width(texts: Sequence[str]) -> float:
    """Inches that names of this font need, mark included."""
    widest = max((font(EXACT).getlength(text) for text in texts), default=0.0)
    return GLYPH + widest * SIZE / EXACT / 72 + 0.06


def shorten(text: str, inches: float) -> tuple[str, float]:
    """A name that fits, and its font size: smaller where it is long, and without its middle where longer."""
    half, shown = len(text) // 2, text
    while width([shown]) * LEAST / SIZE > inches and half > 4:
        half -= 1
        shown = f"{text[:half]}…{text[-half:]}"
    return shown, SIZE * min(1.0, inches / width([shown]))


def spread(heights: Sequence[float], apart: float) -> np.ndarray:
    """Heights moved as little as possible so that they are apart, within [0, 1]; they must rise.

    Where there are too many they are as far apart as there is room.
    """
    n = len(heights)
    steps = np.arange(n) * min(apart, 1 / max(n - 1, 1))
    return np.clip(isotonic_regression(np.asarray(heights, dtype=float) - steps).x, 0, 1 - steps[-1]) + steps


def mark(axis: Axes, x: float, y: float, look: Look, size: float = MARK, **more: Any) -> None:
    """Draws the point of a row."""
    face = look.colour if look.inside == FILLED else "white"
    about: dict[str, Any] = {"linestyle": "none", "color": look.colour, "clip_on": False, **more}
    size *= STAR if look.marker == "*" else 1.0
    _add(axis, x, y, marker=look.marker, markersize=size, markerfacecolor=face, markeredgewidth=1.2, **about)
    if look.inside not in {FILLED, HOLLOW}:
        _add(axis, x, y, marker=look.inside, markersize=size * 0.55, markeredgewidth=1, **about)


def _add(axis: Axes, x: float, y: float, **about: Any) -> None:
    """Adds a mark in a third of the time of `plot`, which also looks for limits."""
    axis.add_artist(Line2D([x], [y], **about))


def write(page: Figure, panels: Sequence[Axes], labels: Sequence[Label], room: float) -> None:
    """Writes names right of the first panel, joined to its points and to those of the panel beyond, if any.

    Args:
        page: whose panels have their final places and limits.
        panels: one, or two with the names between them.
        labels: in any order.
        room: inches for the names.
    """
    first = panels[0]
    box = first.get_position()
    across, down = page.get_size_inches()
    right, gutter = box.x1 * across, GUTTER / 2 if len(panels) > 1 else GUTTER
    high = box.height * down
    ordered = sorted(labels, key=lambda label: label.height)
    if not ordered:
        return
    column = page.add_axes(((right + gutter) / across, box.y0, 1 - (right + gutter) / across, box.height))
    column.set(xlim=(0, across - right - gutter), ylim=(0, high))
    column.set_axis_off()
    column.set_zorder(-1)  # above the lines, which are below all panels
    places = spread([label.height for label in ordered], APART / high) * high
    for label, y in zip(ordered, places, strict=True):
        _write_one(column, label, float(y), room)
    for k, panel in enumerate(panels):
        panel.patch.set_visible(False)
        _join(page, panel, ordered, places, k, column)


def _write_one(column: Axes, label: Label, y: float, room: float) -> None:
    colour = label.look.colour if label.look else BASELINE
    if label.look:
        mark(column, GLYPH * 0.45, y, label.look, 5.0)
    else:
        column.plot([0, GLYPH * 0.85], [y, y], color=colour, linestyle=label.dash, linewidth=1.2)
    text, size = shorten(label.text, room)
    column.text(GLYPH, y, text, size=size, color="#1c1e21", va="center_baseline")


def _join(
    page: Figure, panel: Axes, labels: Sequence[Label], places: np.ndarray, k: int, column: Axes
) -> None:
    """Draws the lines from a panel's points to the names: level within the panel, bent beside it."""
    across, down = page.get_size_inches()
    box, names = panel.get_position(), column.get_position()
    edge = (box.x1 if k == 0 else box.x0) * across
    start = names.x0 * across - 0.03 if k == 0 else edge - GUTTER / 2
    lines, colours = [], []
    for label, place in zip(labels, places, strict=True):
        reach = label.reach[k] if k < len(label.reach) else None
        if reach is None:
            continue
        y = (box.y0 + label.height * box.height) * down
        point = (box.x0 + reach * box.width) * across
        lines.append([(point, y), (edge, y), (start, names.y0 * down + place)])
        colours.append(label.look.colour if label.look else BASELINE)
    drawn = LineCollection(lines, colors=colours, linewidths=0.6, alpha=0.45, zorder=-2)
    drawn.set_transform(page.dpi_scale_trans)
    page.add_artist(drawn)
