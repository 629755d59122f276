"""Quality against cost: one panel per task, a point per row, baselines as horizontal lines."""

import io
import math
from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.report.colours import BASELINE
from bench.report.scores import Score
from bench.report.tables import Metric, Row, Table
from bench.report.text import distinct
from bench.stats import bootstrap_interval

STYLE = {
    "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 11, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "axes.grid.which": "major", "grid.color": "#e4e4e4", "grid.linewidth": 0.8, "axes.axisbelow": True,
    "axes.edgecolor": "#808080", "xtick.color": "#404040", "ytick.color": "#404040", "svg.hashsalt": "bench",
}  # fmt: skip
Scores = dict[str, dict[str, Score]]


def draw(
    tables: Sequence[Table], scores: Sequence[Scores], metric: Metric, colours: dict[str, str], markers: dict[str, str]
) -> bytes | None:
    """The figure as PNG bytes, or None where no table has the metric and a time."""
    panels = [
        (t, s[metric.name]) for t, s in zip(tables, scores, strict=True) if any(_point(t, r, s[metric.name]) for r in t.rows)
    ]
    if not panels:
        return None
    across = min(len(panels), 4)
    down = math.ceil(len(panels) / across)
    with rc_context(STYLE):
        figure = Figure(figsize=(0.5 + 3.1 * max(across, 2), 0.95 + 2.75 * down), dpi=160, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(down, across, squeeze=False, sharex=True).ravel()
        for axis, (table, judged) in zip(axes, panels, strict=False):
            _panel(axis, table, judged, metric, colours, markers)
        low, high = axes[0].get_xlim()
        for axis in axes[: len(panels)]:
            axis.xaxis.set_major_locator(LogLocator(10, subs=(1,) if high > 30 * low else (1, 2, 5), numticks=8))
        for axis in axes[len(panels) :]:
            axis.remove()
        for i in range(max(0, len(panels) - across), len(panels)):
            axes[i].tick_params(labelbottom=True)
            axes[i].set_xlabel("seconds per image")
        unit = " [dB]" if metric.name == "psnr" else ""
        figure.supylabel(
            metric.label + unit + {1: "  (higher is better)", -1: "  (lower is better)", 0: ""}[metric.better], fontsize=11
        )
        handles = _legend(panels, colours, markers)
        figure.legend(handles=handles, loc="outside lower center", ncols=_columns(len(handles), across), frameon=False)
        out = io.BytesIO()
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _point(table: Table, row: Row, scores: dict[str, Score]) -> bool:
    return bool(row.seconds and scores[row.name].interval and not row.head.baseline and table.rows)


def _panel(
    axis: Axes, table: Table, scores: dict[str, Score], metric: Metric, colours: dict[str, str], markers: dict[str, str]
) -> None:
    axis.set_title(table.title)
    axis.set_xscale("log")
    axis.margins(x=0.08, y=0.08)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in table.rows:
        interval = scores[row.name].interval
        colour = colours[row.head.solver]
        if row.head.baseline and interval:
            axis.axhline(
                metric.scale * interval.mean, color=BASELINE, linestyle=_dash(row.name, table), linewidth=1.3, zorder=1
            )
        if not _point(table, row, scores):
            continue
        x, y = bootstrap_interval(row.seconds), interval
        lines.setdefault(row.head.solver, []).append((x.mean, metric.scale * y.mean))
        axis.errorbar(
            x.mean,
            metric.scale * y.mean,
            xerr=_bars(x.mean, x.low, x.high, 1.0),
            yerr=_bars(y.mean, y.low, y.high, metric.scale),
            fmt=markers[row.name],
            color=colour,
            markersize=7,
            markerfacecolor=colour if row.timing == table.timing and not scores[row.name].partial else "white",
            markeredgewidth=1.4,
            elinewidth=1.4,
            capsize=2.5,
            zorder=3,
        )
    for solver, points in lines.items():
        axis.plot(*zip(*sorted(points), strict=True), color=colours[solver], linewidth=1, alpha=0.45, zorder=2)


def _bars(mean: float, low: float, high: float, scale: float) -> list[list[float]] | None:
    return [[scale * max(mean - low, 0)], [scale * max(high - mean, 0)]] if math.isfinite(low) else None


def _dash(name: str, table: Table) -> tuple[int, tuple[int, ...]]:
    """Another dash pattern for each baseline of a table."""
    baselines = [row.name for row in table.rows if row.head.baseline]
    patterns = ((5, 3), (1, 2), (7, 2, 1, 2), (3, 1, 1, 1, 1, 1))
    return 0, patterns[baselines.index(name) % len(patterns)]


def _legend(panels: Sequence[tuple[Table, dict[str, Score]]], colours: dict[str, str], markers: dict[str, str]) -> list[Line2D]:
    rows = {row.name: (row, table) for table, _ in reversed(panels) for row in table.rows}
    handles = []
    for name in distinct(row.name for table, _ in panels for row in table.rows):
        row, table = rows[name]
        if row.head.baseline:
            handles.append(Line2D([], [], color=BASELINE, linestyle=_dash(name, table), label=f"{name} (baseline)"))
        else:
            handles.append(Line2D([], [], color=colours[row.head.solver], marker=markers[name], linewidth=1, label=name))
    hollow = [(r, t, s) for t, s in panels for r in t.rows if _point(t, r, s) and (r.timing != t.timing or s[r.name].partial)]
    if hollow:
        style = {"color": "#404040", "marker": "o", "markerfacecolor": "white", "linestyle": "", "markeredgewidth": 1.4}
        handles.append(Line2D([], [], label="hollow: other batch size or missing images", **style))
    return handles


def _columns(n: int, across: int) -> int:
    most = max(2, round(across * 1.5))
    return math.ceil(n / math.ceil(n / most))
