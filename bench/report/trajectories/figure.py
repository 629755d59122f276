"""The figure of trajectories: PSNR above misfit for each task, medians over images in a band of quartiles."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.names import counted
from bench.report.figures.axes.labels import mark
from bench.report.figures.colours import FILLED, HOLLOW, Look, looks
from bench.report.figures.page import ACROSS, LINE, STYLE, new_page
from bench.report.tables import Table
from bench.report.text import noise_text
from bench.report.trajectories.kept import Found, Trajectory

LABELS = {"psnr": "PSNR of x0 [dB]", "misfit": "misfit of x0", "residual": "residual of x0"}
NOTE = (
    "Median over images of the estimate after every step, in a band of quartiles,\n"
    "against network evaluations with backward passes."
)
LOWEST = 0.05
"""Misfit at the end of the axis: a row that fits the noise stands below it."""


def of_images(tables: Sequence[Table], found: Mapping[str, Found]) -> Iterator[tuple[str, Figure | None]]:
    """Yields the name of the figure, and the figure if any trajectory was kept.

    Args:
        found: slug of a table -> its trajectories.
    """
    yield "trajectories", draw(tables, found, looks(tables))


def draw(tables: Sequence[Table], found: Mapping[str, Found], own: Mapping[str, Look]) -> Figure | None:
    """The figure, or None where no trajectory was kept.

    Args:
        found: slug of a table -> its trajectories.
        own: row name -> how it looks.
    """
    kept = [table for table in tables if found[table.slug].rows]
    if not kept:
        return None
    across = min(len(kept), ACROSS)
    down = -(-len(kept) // across)
    with rc_context(STYLE):
        page = new_page(0.7 + 3.4 * max(across, 2), 0.9 + 4.6 * down)
        axes = page.subplots(2 * down, across, squeeze=False)
        for k, table in enumerate(kept):
            pair = axes[2 * (k // across), k % across], axes[2 * (k // across) + 1, k % across]
            _draw_task(pair, table, found[table.slug], own)
        for k in range(len(kept), down * across):
            axes[2 * (k // across), k % across].remove()
            axes[2 * (k // across) + 1, k % across].remove()
        _legend(page, kept, found, own)
    return page


def _draw_task(axes: tuple[Axes, Axes], table: Table, found: Found, own: Mapping[str, Look]) -> None:
    """PSNR and misfit of one task."""
    head, (above, below) = table.head, axes
    n = counted(max(len(one.images) for one in found.rows), "image")
    about = f"{head.suite}, {n}, {noise_text(head.sigma, head.noise)}, {head.prior}"
    above.set_title(f"{table.title}\n{about}", fontsize=9)
    for axis, place in ((above, 0), (below, 1)):
        for one in found.rows:
            _draw_row(axis, one, one.metrics[place], own[one.row])
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5), numticks=8))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_ylabel(LABELS[found.rows[0].metrics[place]])
    below.set_yscale("log")
    below.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    if found.rows[0].metrics[1] == "misfit":
        below.axhline(1, color=LINE, linewidth=1, linestyle=(0, (5, 3)), zorder=1)
        below.set_ylim(bottom=max(below.get_ylim()[0], LOWEST))


def _draw_row(axis: Axes, one: Trajectory, metric: str, look: Look) -> None:
    """A row's median, its band, and its marker at the end; a log axis has no zero."""
    x, (low, middle, high) = np.maximum(one.passes, 1), one.quartiles[metric].T
    axis.fill_between(x, low, high, color=look.colour, alpha=0.16, linewidth=0)
    axis.plot(x, middle, color=look.colour, linewidth=1.4)
    mark(axis, x[-1], middle[-1], look, clip_on=True)  # what lies beyond the axis takes no room


def _legend(
    page: Figure, tables: Sequence[Table], found: Mapping[str, Found], own: Mapping[str, Look]
) -> None:
    names: dict[str, None] = {}
    for table in tables:
        for one in found[table.slug].rows:
            names[one.row] = None
    handles, labels = list[Any](), list[str]()  # tuples of lines, which the types do not know
    for name in names:
        look = own[name]
        face = look.colour if look.inside == FILLED else "white"
        parts = [Line2D([], [], color=look.colour, marker=look.marker, markerfacecolor=face, linewidth=1.4)]
        if look.inside not in {FILLED, HOLLOW}:
            parts.append(
                Line2D([], [], color=look.colour, marker=look.inside, linestyle="none", markersize=3.5)
            )
        handles.append(tuple(parts))
        labels.append(name)
    page.legend(
        handles,
        labels,
        title=NOTE,
        title_fontsize=9,
        loc="outside lower center",
        ncols=max(2, min(len(handles), 2 * len(tables), 6)),
        frameon=False,
    )
