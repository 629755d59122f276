"""Rank histograms: where the truth stands among the samples of its measurement, one panel per row of a
task.
"""

import io
import math

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.report.diversity import Spread
from bench.report.figures.plot import STYLE
from bench.report.tables import Table


def draw(table: Table, spreads: dict[str, Spread], colours: dict[str, str]) -> bytes | None:
    """The figure as PNG bytes; None without rows. Flat is calibrated, a valley in the middle is too little
    spread.
    """
    rows = [row for row in table.rows if row.name in spreads]
    if not rows:
        return None
    across = min(4, len(rows))
    down = math.ceil(len(rows) / across)
    with rc_context(STYLE):
        figure = Figure(figsize=(0.6 + 2.4 * max(across, 2), 0.8 + 1.9 * down), dpi=160, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
        for axis, row in zip(axes, rows, strict=False):
            spread = spreads[row.name]
            axis.bar(
                np.arange(spread.k + 1),
                spread.ranks * (spread.k + 1),
                width=0.9,
                color=colours[row.head.solver],
            )
            axis.axhline(1, color="#404040", linewidth=1, linestyle="--")
            axis.set_title(row.name)
        for axis in axes[len(rows) :]:
            axis.remove()
        figure.supxlabel("rank of the truth among the samples", fontsize=10)
        figure.supylabel("pixels / uniform", fontsize=10)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
