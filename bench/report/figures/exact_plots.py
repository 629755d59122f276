"""Figures of exact suites: what becomes of the posterior's variance, and what PSNR makes of it."""

import io
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.report.exact import FIRST, FLOOR, Numbers, ordered, rank
from bench.report.figures.colours import colours, markers
from bench.report.figures.plot import STYLE
from bench.report.tables import Table
from bench.report.text import distinct
from bench.stats.intervals import Median, median_interval

BANDS = ("0–2", "2–5", "5–9", "9–14", "14+")
LEAST, MOST = 0.003, 300.0
"""Ratios beyond are drawn at the edge."""
DROP = 5.0
"""dB below exact samples at which worse ones are drawn."""
ANCHORS = {
    FLOOR: {"color": "#404040", "marker": "*", "markersize": 13},
    "oracle": {"color": "#404040", "marker": "X", "markersize": 8},
    "tds": {"color": "#767676", "marker": "D"},
    "prior": {"color": "#767676", "marker": "P"},
}
FILLS = ("full", "none", "left", "top")
"""Of an anchor's rows, which differ in steps: its marker and grey say which anchor it is."""
Panels = list[tuple[str, Sequence[Table]]]


def draw(tables: Sequence[Table], judged: Sequence[Numbers]) -> dict[str, bytes]:
    """Figure name -> PNG bytes, for the figures that the records allow."""
    by_prior = [
        (p, [t for t in tables if t.head.prior == p]) for p in dict.fromkeys(t.head.prior for t in tables)
    ]
    style, images = styles(tables), [t for t, s in zip(tables, judged, strict=True) if "psnr_sample" in s]
    split = [
        (prior, own)
        for prior, own in by_prior
        if pooled(own, "var_ratio_measured") and pooled(own, "var_ratio_unmeasured")
    ]
    each = [(t.title, [t]) for t in images]
    drawn = {
        "variance_by_frequency": spectra(images),
        "variance_split": figure(
            split, style, variances, "unmeasured variance / posterior's", "measured variance / posterior's"
        ),
        "psnr_vs_distance": figure(
            each, style, rewards, "PSNR of one sample [dB]", "sliced W2 / that of exact samples"
        ),
    }
    return {name: data for name, data in drawn.items() if data}


def styles(tables: Sequence[Table]) -> dict[str, dict[str, Any]]:
    """Row name -> how its points look."""
    palette, shapes = colours(tables), markers(tables)
    rows = {row.name: row.head.solver for table in tables for row in ordered(table)}
    looks = {
        name: ANCHORS.get(solver, {"color": palette[solver], "marker": shapes[name]})
        for name, solver in rows.items()
    }
    twins = {
        name: [n for n in rows if rows[n] == solver].index(name)
        for name, solver in rows.items()
        if solver in ANCHORS
    }
    return looks | {name: looks[name] | {"fillstyle": FILLS[i % len(FILLS)]} for name, i in twins.items()}


def pooled(tables: Sequence[Table], metric: str) -> dict[str, Median]:
    """Row name -> the median over all problems of the tables."""
    values: dict[str, list[float]] = {}
    for row in (row for table in tables for row in ordered(table)):
        values.setdefault(row.name, []).extend(row.scores(metric).values())
    return {name: median_interval(np.array(found)) for name, found in values.items() if found}


def arrangement(n: int) -> tuple[int, int]:
    """Of n panels, no more than four side by side: (down, across)."""
    down = math.ceil(n / 4)
    return down, math.ceil(n / down)


def figure(
    panels: Panels, style: dict[str, dict[str, Any]], paint: Callable[..., None], ylabel: str, xlabel: str
) -> bytes | None:
    """One panel per group of tables and a shared legend; None without panels."""
    if not panels:
        return None
    down, across = arrangement(len(panels))
    with rc_context(STYLE):
        page = Figure(figsize=(0.5 + 3.4 * max(across, 2), 1.3 + 3.0 * down), dpi=160, layout="constrained")
        FigureCanvasAgg(page)
        axes = page.subplots(down, across, squeeze=False, sharex=True).ravel()
        shown: dict[str, None] = {}
        for axis, (title, tables) in zip(axes, panels, strict=False):
            axis.set_title(title)
            shown |= dict.fromkeys(paint(axis, tables, style))
        for axis in axes[len(panels) :]:
            axis.remove()
        for axis in axes[max(0, len(panels) - across) : len(panels)]:
            axis.tick_params(labelbottom=True)
            axis.set_xlabel(xlabel)
        page.supylabel(ylabel, fontsize=11)
        handles = [
            Line2D([], [], linestyle="none", label=name, **style[name]) for name in style if name in shown
        ]
        page.legend(
            handles=handles, loc="outside lower center", ncols=min(5, 2 * max(across, 2)), frameon=False
        )
        out = io.BytesIO()
        page.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def spectra(tables: Sequence[Table]) -> bytes | None:
    """A map per task, rows (of a solver together) by bands of |f|: variance over the posterior's, in numbers
    and colours.
    """
    values = [[pooled([table], f"var_band_{i}") for i in range(len(BANDS))] for table in tables]
    bands = [i for i in range(len(BANDS)) if any(found[i] for found in values)]
    if not bands:
        return None
    down, across = arrangement(len(tables))
    found_rows = sorted((row for table in tables for row in table.rows), key=rank)
    solvers = distinct(row.head.solver for row in found_rows)
    rows = distinct(row.name for row in sorted(found_rows, key=lambda row: solvers.index(row.head.solver)))
    anchors = {row.name for row in found_rows if row.head.solver in FIRST}
    with rc_context(STYLE | {"axes.grid": False}):
        page = Figure(
            figsize=(1.9 + 0.5 * len(bands) * across, 1.2 + (0.5 + 0.19 * len(rows)) * down), dpi=160
        )
        page.set_layout_engine("constrained")
        FigureCanvasAgg(page)
        axes = page.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
        for axis in axes[len(tables) :]:
            axis.remove()
        axes = axes[: len(tables)]
        for axis, table, found in zip(axes, tables, values, strict=True):
            medians = [
                [found[i][name].median if name in found[i] else np.nan for i in bands] for name in rows
            ]
            shown = ratio_map(axis, np.array(medians))
            axis.set_title(table.title, fontsize=10)
            axis.set_xticks(range(len(bands)), [BANDS[i] for i in bands])
            axis.set_yticks(range(len(rows)), rows)
            axis.axhline(len(anchors) - 0.5, color="#404040", linewidth=1)
        for axis in axes[-across:]:
            axis.tick_params(labelbottom=True)
            axis.set_xlabel("cycles per image", fontsize=9)
        bar = page.colorbar(
            shown, ax=list(axes), location="bottom", extend="both", shrink=0.5, aspect=50, pad=0.02
        )
        bar.set_ticks([-1, -0.5, 0, 0.5, 1], labels=["0.1", "0.3", "1", "3", "10"])
        bar.set_label("variance / posterior's")
        out = io.BytesIO()
        page.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def ratio_map(axis: Axes, ratios: np.ndarray) -> AxesImage:
    """Numbers on their colours, which are white at 1 and end at 0.1 and 10; what is not there stays empty."""
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


def variances(axis: Axes, tables: Sequence[Table], style: dict[str, dict[str, Any]]) -> list[str]:
    """A point per row: measured against unmeasured variance, both over the posterior's; (1, 1) is right. The
    names drawn.
    """
    x, y = pooled(tables, "var_ratio_measured"), pooled(tables, "var_ratio_unmeasured")
    axis.axhline(1, color="#404040", linewidth=1, linestyle="--", zorder=1)
    axis.axvline(1, color="#404040", linewidth=1, linestyle="--", zorder=1)
    points(axis, x, y, style, clamp)
    for name in (name for name in style if name in x and name in y):
        at, color = (x[name].median, y[name].median), style[name]["color"]
        arrow(axis, clamp(at[0]), clamp(at[1]), *at, color=color)
    ratio_axis(axis.xaxis, axis.set_xscale)
    ratio_axis(axis.yaxis, axis.set_yscale)
    return [name for name in style if name in x and name in y]


def rewards(axis: Axes, tables: Sequence[Table], style: dict[str, dict[str, Any]]) -> list[str]:
    """A point per row: distance to the posterior against the PSNR of one sample; the line is that of exact
    samples.
    """
    x, y = pooled(tables, "sw"), pooled(tables, "psnr_sample")
    exact = next((row.name for table in tables for row in table.rows if row.head.solver == FLOOR), None)
    if exact in y:
        level = y[exact].median
        axis.axhline(level, color="#404040", linewidth=1, linestyle="--", zorder=1)
        for name in (name for name in x if name in y and y[name].median < level - DROP):
            place, color = (x[name].median, level - DROP), style[name]["color"]
            arrow(axis, *place, y=y[name].median, color=color)
            axis.annotate(
                f"{y[name].median:.1f} dB",
                place,
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                color=color,
            )
        y = {name: Median(*(max(v, level - DROP) for v in m[:3]), m.n) for name, m in y.items()}
    points(axis, x, y, style, float)
    ratio_axis(axis.xaxis, axis.set_xscale)
    return [name for name in style if name in x and name in y]


def points(
    axis: Axes,
    x: dict[str, Median],
    y: dict[str, Median],
    style: dict[str, dict[str, Any]],
    edge: Callable[[float], float],
) -> None:
    """Medians with their intervals."""
    for name in (name for name in style if name in x and name in y):
        ends = [
            [[at - edge(m.low)], [edge(m.high) - at]] for m in (x[name], y[name]) for at in [edge(m.median)]
        ]
        known = x[name].n > 1
        axis.errorbar(
            edge(x[name].median), edge(y[name].median), xerr=ends[0] if known else None, yerr=ends[1] if known else None,
            linestyle="none", elinewidth=1.2, zorder=3, **style[name],
        )  # fmt: skip


def arrow(
    axis: Axes, x_drawn: float, y_drawn: float, x: float | None = None, y: float | None = None, *, color: str
) -> None:
    """Points to where a median really is, if it was drawn at the edge."""
    for drawn, real, signs, along in ((x_drawn, x, "←→", (1, 0)), (y_drawn, y, "↓↑", (0, 1))):
        if real is not None and real != drawn:
            up = real > drawn
            step = [(9 if up else -9) * part for part in along]
            kind = {
                "textcoords": "offset points",
                "ha": "center",
                "va": "center",
                "fontsize": 9,
                "annotation_clip": False,
            }
            axis.annotate(signs[up], (x_drawn, y_drawn), xytext=step, color=color, **kind)


def ratio_axis(axis: Any, set_scale: Callable[[str], None]) -> None:
    """Logarithmic, with plain numbers."""
    set_scale("log")
    low, high = axis.get_view_interval()
    subs = (1,) if high > 30 * low else (1, 2, 5) if high > 5 * low else range(1, 10)
    axis.set_major_locator(LogLocator(10, subs=subs, numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.set_minor_formatter(NullFormatter())


def clamp(value: float) -> float:
    """A ratio as it is drawn."""
    return min(max(value, LEAST), MOST)
