"""Rank histograms: where the truth lies among the samples of its measurement, one panel per row of a task."""

import math

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from bench.report.figures.caption import LINE_HEIGHT, caption, fold, head, write
from bench.report.figures.colours import Look
from bench.report.figures.page import ACROSS, LINE, STYLE, new_page
from bench.report.samples.diversity import Spread
from bench.report.tables import Table

NOTE = "Dashed: the same share for every rank, which calibrated samples have."
MOST_TICKS = 10
"""Ranks that have a number each."""


def draw(table: Table, spreads: dict[str, Spread], looks: dict[str, Look]) -> Figure | None:
    """The figure; None without rows.

    A flat histogram is calibrated; a valley in the middle shows too little spread.
    """
    rows = [row for row in table.rows if row.name in spreads]
    if not rows:
        return None
    across = min(ACROSS, len(rows))
    down = math.ceil(len(rows) / across)
    with rc_context(STYLE):
        wide = 0.6 + 2.4 * max(across, 2)
        lines = fold(f"{caption(table)}. {NOTE}", wide - 0.2)
        top = 0.4 + LINE_HEIGHT * len(lines)
        page = new_page(wide, top + 0.5 + 1.9 * down, top)
        head(page, f"Ranks of the truth: {table.title}")
        write(page, lines, 0.1, 0.33)
        axes = page.subplots(down, across, squeeze=False, sharey=True).ravel()
        for axis, row in zip(axes, rows, strict=False):
            shares = spreads[row.name].ranks
            n_ranks = spreads[row.name].k + 1
            axis.bar(np.arange(n_ranks), shares * n_ranks, width=0.9, color=looks[row.name].colour)
            axis.axhline(1, color=LINE, linewidth=1, linestyle="--")
            axis.set_title(row.name, fontsize=9)
            axis.set_xticks(np.arange(n_ranks) if n_ranks <= MOST_TICKS else [0, n_ranks - 1])
            axis.tick_params(labelsize=8)
        for axis in axes[len(rows) :]:
            axis.remove()
        page.supxlabel("rank of the truth among the samples", fontsize=9)
        page.supylabel("share of pixels / uniform share", fontsize=9)
        return page
