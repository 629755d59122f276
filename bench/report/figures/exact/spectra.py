"""Variance by spatial frequency, as maps of numbers on colours: one map per task."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from bench.report.exact import rank
from bench.report.figures.caption import LINE_HEIGHT, SIZE, captions, fold, head, write
from bench.report.figures.exact.scatter import pooled
from bench.report.figures.page import LINE, STYLE, arrangement, finish_grid, new_page
from bench.report.tables import Table
from bench.report.text import distinct

BANDS = ("0–2", "2–5", "5–9", "9–14", "14+")
"""Bands of |f|, in cycles per image."""
CELL = 0.5
"""Width of a cell, in inches."""
LEAST_WIDE = 4.6
"""Inches that the title needs."""
LONGEST = 4.0
"""Most inches of the colour bar."""


def spectra(tables: Sequence[Table]) -> Figure | None:
    """The figure, or None without numbers: rows by bands, variance over the posterior's."""
    names, n_anchors = row_order(tables)
    ratios = [band_ratios(table, names) for table in tables]
    bands = [band for band in range(len(BANDS)) if _has_numbers(ratios, band)]
    if not bands:
        return None
    down, across = arrangement(len(tables))
    with rc_context(STYLE | {"axes.grid": False}):
        map_wide = CELL * len(bands)
        wide = max(1.9 + map_wide * across, LEAST_WIDE)
        shared, own = captions([[table] for table in tables])
        lines = fold(shared, wide - 0.2)
        top = 0.4 + LINE_HEIGHT * len(lines)
        titles = [_title(table, about, map_wide) for table, about in zip(tables, own, strict=True)]
        over = 0.3 + LINE_HEIGHT * max(title.count("\n") + 1 for title in titles)
        tall = top + 1.2 + (over + 0.19 * len(names)) * down
        page = new_page(wide, tall, top)
        head(page, "Variance of samples by spatial frequency, over the posterior's")
        write(page, lines, 0.1, 0.33)
        axes = list(page.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel())
        finish_grid(axes, len(tables), across, "cycles per image", fontsize=9)
        axes = axes[: len(tables)]
        for axis, title, found in zip(axes, titles, ratios, strict=True):
            shown = ratio_map(axis, found[:, bands])
            axis.set_title(title, fontsize=SIZE)
            axis.set_xticks(range(len(bands)), [BANDS[band] for band in bands])
            axis.set_yticks(range(len(names)), names)
            _line_below(axis, n_anchors, found[:, bands])
        _colour_bar(page, axes, shown, map_wide * across)
        return page


def _title(table: Table, about: str, inches: float) -> str:
    """The task and what it is about, no line wider than the map below it."""
    return "\n".join([*fold(table.title, inches), *fold(about, inches)])


def _line_below(axis: Axes, n_anchors: int, ratios: np.ndarray) -> None:
    """Draws the line below the anchors, over the columns that have numbers."""
    present = np.flatnonzero(np.isfinite(ratios).any(axis=0))
    share = (present.max(initial=-1) + 1) / ratios.shape[1]
    axis.axhline(n_anchors - 0.5, xmax=share, color=LINE, linewidth=1)


def row_order(tables: Sequence[Table]) -> tuple[list[str], int]:
    """Names of all rows, anchors first and those of a solver together, and the number of anchors."""
    rows = sorted((row for table in tables for row in table.rows), key=rank)
    solvers = distinct(row.head.solver for row in rows)
    rows.sort(key=lambda row: solvers.index(row.head.solver))
    anchors = {row.name for row in rows if row.method.kind == "anchor"}
    return distinct(row.name for row in rows), len(anchors)


def band_ratios(table: Table, names: Sequence[str]) -> np.ndarray:
    """Median over problems of variance over the posterior's, (rows, bands); NaN where there is none."""
    ratios = np.full((len(names), len(BANDS)), np.nan)
    for band in range(len(BANDS)):
        for name, found in pooled([table], f"var_band_{band}").items():
            ratios[names.index(name), band] = found.median
    return ratios


def _has_numbers(ratios: Sequence[np.ndarray], band: int) -> bool:
    return any(np.isfinite(found[:, band]).any() for found in ratios)


def ratio_map(axis: Axes, ratios: np.ndarray) -> AxesImage:
    """Draws ratios, (rows, columns), as numbers on colours, white at 1; NaN stays empty.

    The colours end at 0.1 and 10.
    """
    with np.errstate(divide="ignore"):
        decades = np.clip(np.log10(ratios), -1, 1)
    for (i, j), ratio in np.ndenumerate(ratios):
        if np.isfinite(ratio):
            color = "white" if abs(decades[i, j]) > 0.7 else "#202020"
            text = f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.0f}"
            axis.text(j, i, text, ha="center", va="center", fontsize=7, color=color)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0, labelsize=8)
    return axis.imshow(decades, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")


def _colour_bar(page: Figure, axes: Sequence[Axes], shown: AxesImage, inches: float) -> None:
    """Draws it below maps that are so many inches wide."""
    share = min(1.0, LONGEST / inches)
    about: dict[str, Any] = {"shrink": share, "aspect": share * inches / 0.09, "pad": 0.02}
    bar = page.colorbar(shown, ax=list(axes), location="bottom", extend="both", **about)
    bar.set_ticks([-1, -0.5, 0, 0.5, 1], labels=["0.1", "0.3", "1", "3", "10"])
    bar.ax.tick_params(labelsize=8)
    bar.set_label("variance / posterior's", fontsize=9)
