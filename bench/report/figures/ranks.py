"""Rank histograms: where the truth lies among the samples of its measurement, one panel per row of a task."""

import math

import numpy as np
from matplotlib import rc_context

from bench.report.figures.page import ACROSS, LINE, STYLE, new_page, to_png
from bench.report.samples.diversity import Spread
from bench.report.tables import Table


def draw(table: Table, spreads: dict[str, Spread], colours: dict[str, str]) -> bytes | None:
    """The figure as PNG bytes; None without rows.

    A flat histogram is calibrated; a valley in the middle shows too little spread.
    """
    rows = [row for row in table.rows if row.name in spreads]
    if not rows:
        return None
    across = min(ACROSS, len(rows))
    down = math.ceil(len(rows) / across)
    with rc_context(STYLE):
        page = new_page(0.6 + 2.4 * max(across, 2), 0.8 + 1.9 * down)
        axes = page.subplots(down, across, squeeze=False, sharey=True).ravel()
        for axis, row in zip(axes, rows, strict=False):
            shares = spreads[row.name].ranks
            n_ranks = spreads[row.name].k + 1
            axis.bar(np.arange(n_ranks), shares * n_ranks, width=0.9, color=colours[row.name])
            axis.axhline(1, color=LINE, linewidth=1, linestyle="--")
            axis.set_title(row.name)
        for axis in axes[len(rows) :]:
            axis.remove()
        page.supxlabel("rank of the truth among the samples", fontsize=10)
        page.supylabel("pixels / uniform", fontsize=10)
        return to_png(page)
