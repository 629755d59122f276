"""The figure of trajectories: PSNR above misfit for each task, medians over images in a band of quartiles."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.report.figures.axes.labels import SIZE, mark, width
from bench.report.figures.caption import LINE_HEIGHT, captions, fold, head, write
from bench.report.figures.colours import FILLED, HOLLOW, Look, looks
from bench.report.figures.page import ACROSS, LINE, STYLE, new_page
from bench.report.tables import Table
from bench.report.trajectories.kept import KeptTrajectories, Trajectory

LABELS = {"psnr": "PSNR of x0 [dB]", "misfit": "misfit of x0", "residual": "residual of x0"}
TITLE = "On the way: the estimate x0 after every step"
NOTE = "Medians over images in a band of quartiles; marks: the last step."
PASSES = "passes per image: evaluations + backward passes"
DASHES = {FILLED: "-", HOLLOW: (0, (6, 2))}
"""Lines of rows of one method, by what is inside their marks; others are dotted."""
DOTTED = (0, (2, 2))
HANDLE = 0.65
"""Inches of a line of the legend, with the gaps around it."""
LOWEST = 0.05
"""Misfit at the end of the axis: a row that fits the noise stands below it."""


def of_images(
    tables: Sequence[Table], found: Mapping[str, KeptTrajectories]
) -> Iterator[tuple[str, Figure | None]]:
    """Yields the name of the figure, and the figure if any trajectory was kept.

    Args:
        found: slug of a table -> its trajectories.
    """
    yield "trajectories", draw(tables, found, looks(tables))


def draw(
    tables: Sequence[Table], found: Mapping[str, KeptTrajectories], own: Mapping[str, Look]
) -> Figure | None:
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
    wide = 0.7 + 3.4 * max(across, 2)
    shared, about = captions([[table] for table in kept])
    lines = fold(f"{shared}. {NOTE}", wide - 0.2)
    top = 0.4 + LINE_HEIGHT * len(lines)
    with rc_context(STYLE):
        page = new_page(wide, top + 0.5 + 4.6 * down, top)
        head(page, TITLE)
        write(page, lines, 0.1, 0.33)
        axes = page.subplots(2 * down, across, squeeze=False)
        for k, table in enumerate(kept):
            pair = axes[2 * (k // across), k % across], axes[2 * (k // across) + 1, k % across]
            _draw_task(pair, f"{table.title}\n{about[k]}".strip(), found[table.slug], own)
        for k in range(len(kept), down * across):
            axes[2 * (k // across), k % across].remove()
            axes[2 * (k // across) + 1, k % across].remove()
        _legend(page, kept, found, own)
    return page


def _draw_task(axes: tuple[Axes, Axes], title: str, found: KeptTrajectories, own: Mapping[str, Look]) -> None:
    """PSNR and misfit of one task."""
    above, below = axes
    above.set_title(title, fontsize=9)
    for axis, place in ((above, 0), (below, 1)):
        for one in found.rows:
            _draw_row(axis, one, one.metrics[place], own[one.row])
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5), numticks=8))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.tick_params(labelsize=8)
        axis.set_ylabel(LABELS[found.rows[0].metrics[place]], fontsize=9)
    below.set_xlabel(PASSES, fontsize=9)
    below.set_yscale("log")
    below.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    if found.rows[0].metrics[1] == "misfit":
        below.axhline(1, color=LINE, linewidth=1, linestyle=(0, (5, 3)), zorder=1)
        below.set_ylim(bottom=max(below.get_ylim()[0], LOWEST))


def _draw_row(axis: Axes, one: Trajectory, metric: str, look: Look) -> None:
    """A row's median, its band, and its marker at the end; a log axis has no zero."""
    x, (low, middle, high) = np.maximum(one.passes, 1), one.quartiles[metric].T
    axis.fill_between(x, low, high, color=look.colour, alpha=0.16, linewidth=0)
    axis.plot(x, middle, color=look.colour, linewidth=1.4, linestyle=DASHES.get(look.inside, DOTTED))
    mark(axis, x[-1], middle[-1], look, clip_on=True)  # what lies beyond the axis takes no room


def _legend(
    page: Figure, tables: Sequence[Table], found: Mapping[str, KeptTrajectories], own: Mapping[str, Look]
) -> None:
    names: dict[str, None] = {}
    for table in tables:
        for one in found[table.slug].rows:
            names[one.row] = None
    handles, labels = list[Any](), list[str]()  # tuples of lines, which the types do not know
    for name in names:
        look = own[name]
        face = look.colour if look.inside == FILLED else "white"
        line: dict[str, Any] = {"linewidth": 1.4, "linestyle": DASHES.get(look.inside, DOTTED)}
        parts = [Line2D([], [], color=look.colour, marker=look.marker, markerfacecolor=face, **line)]
        if look.inside not in {FILLED, HOLLOW}:
            parts.append(
                Line2D([], [], color=look.colour, marker=look.inside, linestyle="none", markersize=3.5)
            )
        handles.append(tuple(parts))
        labels.append(name)
    page.legend(
        handles,
        labels,
        fontsize=SIZE,
        loc="outside lower left",
        ncols=max(1, int((page.get_figwidth() - 0.2) / (width(labels) + HANDLE))),
        frameon=False,
    )
