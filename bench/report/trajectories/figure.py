"""The figure of trajectories: PSNR above misfit for each task, medians over images in a band of quartiles."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.names import counted
from bench.report.figures.page import ACROSS, LINE, STYLE, new_page, to_png
from bench.report.tables import Table
from bench.report.text import noise_text
from bench.report.trajectories.kept import Found, Trajectory

LABELS = {"psnr": "PSNR of x0 [dB]", "misfit": "misfit of x0", "residual": "residual of x0"}
NOTE = "Median over images of the estimate after every step; bands: quartiles."
PASSES = "network evaluations with backward passes"


def draw(
    tables: Sequence[Table],
    found: Mapping[str, Found],
    colours: Mapping[str, str],
    markers: Mapping[str, str],
) -> bytes | None:
    """The figure as PNG bytes, or None where no trajectory was kept.

    Args:
        found: slug of a table -> its trajectories.
        colours, markers: by row name.
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
            _draw_task(pair, table, found[table.slug], colours, markers)
        for k in range(len(kept), down * across):
            axes[2 * (k // across), k % across].remove()
            axes[2 * (k // across) + 1, k % across].remove()
        _legend(page, kept, found, colours, markers)
        return to_png(page)


def _draw_task(
    axes: tuple[Axes, Axes],
    table: Table,
    found: Found,
    colours: Mapping[str, str],
    markers: Mapping[str, str],
) -> None:
    """PSNR and misfit of one task."""
    head, (above, below) = table.head, axes
    n = counted(max(len(one.images) for one in found.rows), "image")
    about = f"{n}, {noise_text(head.sigma, head.noise)}, {head.prior}"
    above.set_title(f"{table.title}\n{about}", fontsize=9)
    for axis, place in ((above, 0), (below, 1)):
        for one in found.rows:
            _draw_row(axis, one, one.metrics[place], colours[one.row], markers[one.row])
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5), numticks=8))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_ylabel(LABELS[found.rows[0].metrics[place]])
    below.set_yscale("log")
    below.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    if found.rows[0].metrics[1] == "misfit":
        below.axhline(1, color=LINE, linewidth=1, linestyle=(0, (5, 3)), zorder=1)
    below.set_xlabel(PASSES)


def _draw_row(axis: Axes, one: Trajectory, metric: str, colour: str, marker: str) -> None:
    """A row's median, its band, and its marker at the end; a log axis has no zero."""
    x, (low, middle, high) = np.maximum(one.passes, 1), one.quartiles[metric].T
    axis.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    axis.plot(x, middle, color=colour, linewidth=1.4)
    axis.plot(x[-1:], middle[-1:], color=colour, marker=marker, markersize=6, linestyle="none")


def _legend(
    page: Figure,
    tables: Sequence[Table],
    found: Mapping[str, Found],
    colours: Mapping[str, str],
    markers: Mapping[str, str],
) -> None:
    names: dict[str, None] = {}
    for table in tables:
        for one in found[table.slug].rows:
            names[one.row] = None
    handles = []
    for name in names:
        handles.append(Line2D([], [], label=name, color=colours[name], marker=markers[name], linewidth=1.4))
    page.legend(
        handles=handles,
        title=NOTE,
        title_fontsize=9,
        loc="outside lower center",
        ncols=max(2, min(len(handles), 2 * len(tables), 6)),
        frameon=False,
    )
