"""Quality against cost: one panel per task, a point per row, baselines as horizontal lines."""

import io
import math
from collections.abc import Sequence
from dataclasses import replace

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.names import counted
from bench.report.columns import Column
from bench.report.figures.colours import BASELINE
from bench.report.ranking import Yardstick, gap
from bench.report.scores import Score, Scores
from bench.report.tables import Row, Table
from bench.report.text import distinct
from bench.stats.intervals import Interval, bootstrap_interval

STYLE = {
    "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 11, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "axes.grid.which": "major", "grid.color": "#e4e4e4", "grid.linewidth": 0.8, "axes.axisbelow": True,
    "axes.edgecolor": "#808080", "xtick.color": "#404040", "ytick.color": "#404040", "svg.hashsalt": "bench",
}  # fmt: skip


def draw(
    tables: Sequence[Table],
    scores: Sequence[Scores],
    anchors: Sequence[Yardstick | None],
    metric: Column,
    colours: dict[str, str],
    markers: dict[str, str],
) -> bytes | None:
    """The figure as PNG bytes, or None where no table has the metric and a time."""
    placed = [
        (t, place(t, s[metric.name], a, metric)) for t, s, a in zip(tables, scores, anchors, strict=True)
    ]
    panels = [(t, s) for t, s in placed if any(_point(t, r, s) for r in t.rows)]
    if not panels:
        return None
    down = math.ceil(len(panels) / 4)
    across = math.ceil(len(panels) / down)
    with rc_context(STYLE):
        figure = Figure(
            figsize=(0.5 + 3.1 * max(across, 2), 0.95 + 2.75 * down), dpi=160, layout="constrained"
        )
        FigureCanvasAgg(figure)
        axes = figure.subplots(down, across, squeeze=False, sharex=True).ravel()
        _set_scale(axes, panels)
        for axis, (table, judged) in zip(axes, panels, strict=False):
            _panel(axis, table, judged, metric, colours, markers)
        low, high = axes[0].get_xlim()
        for axis in axes[: len(panels)]:
            axis.xaxis.set_major_locator(
                LogLocator(10, subs=(1,) if high > 30 * low else (1, 2, 5), numticks=8)
            )
        for axis in axes[len(panels) :]:
            axis.remove()
        for i in range(max(0, len(panels) - across), len(panels)):
            axes[i].tick_params(labelbottom=True)
            axes[i].set_xlabel("seconds per image")
        direction = {1: "  (higher is better)", -1: "  (lower is better)", 0: ""}[metric.better]
        figure.supylabel(metric.label + " [dB]" * (metric.name == "psnr") + direction, fontsize=11)
        handles = _legend(panels, colours, markers)
        layout = {"loc": "outside lower center", "ncols": _columns(len(handles), across), "frameon": False}
        figure.legend(handles=handles, title=_remarks(panels) or None, title_fontsize=9, **layout)
        out = io.BytesIO()
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _set_scale(axes: Sequence[Axes], panels: Sequence[tuple[Table, dict[str, Score]]]) -> None:
    """Seconds on a logarithmic scale. Like ones get limits first: about those that it would choose itself
    matplotlib warns.
    """
    times = [
        bootstrap_interval(row.seconds).mean
        for table, s in panels
        for row in table.rows
        if _point(table, row, s)
    ]
    for axis in axes:
        axis.set_xscale("log")
        if max(times) < 2 * min(times):
            axis.set_autoscalex_on(False)
            axis.set_xlim(min(times) / 2, max(times) * 2)


def place(
    table: Table, scores: dict[str, Score], anchor: Yardstick | None, metric: Column
) -> dict[str, Score]:
    """Rows about fewer images, moved to their paired distance from the reference row: their own mean is over
    other images.
    """
    found = dict(scores)
    for row in (row for row in table.rows if anchor and row.name in table.unusual):
        ours, level = scores[row.name].interval, scores[anchor.row.name].interval
        lead = gap(row.scores(metric.name), anchor.row.scores(metric.name), 1) if level else None
        if ours and lead:
            shift = level.mean + lead.mean - ours.mean
            found[row.name] = replace(
                scores[row.name], interval=Interval(*(end + shift for end in ours[:3]), ours.n)
            )
    return found


def _point(table: Table, row: Row, scores: dict[str, Score]) -> bool:
    return bool(row.seconds and scores[row.name].interval and not row.head.baseline and table.rows)


def _panel(
    axis: Axes,
    table: Table,
    scores: dict[str, Score],
    metric: Column,
    colours: dict[str, str],
    markers: dict[str, str],
) -> None:
    axis.set_title(table.title)
    axis.margins(x=0.08, y=0.08)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in table.rows:
        interval = scores[row.name].interval
        colour = colours[row.head.solver]
        if row.head.baseline and interval:
            axis.axhline(
                metric.scale * interval.mean,
                color=BASELINE,
                linestyle=_dash(row.name, table),
                linewidth=1.3,
                zorder=1,
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
            markerfacecolor=colour
            if row.timing == table.timing and not scores[row.name].partial
            else "white",
            markeredgewidth=1.4,
            elinewidth=1.4,
            capsize=2.5,
            zorder=3,
        )
    for solver, points in lines.items():
        axis.plot(
            *zip(*sorted(points), strict=True), color=colours[solver], linewidth=1, alpha=0.45, zorder=2
        )


def _bars(mean: float, low: float, high: float, scale: float) -> list[list[float]] | None:
    return [[scale * max(mean - low, 0)], [scale * max(high - mean, 0)]] if math.isfinite(low) else None


def _dash(name: str, table: Table) -> tuple[int, tuple[int, ...]]:
    """Another dash pattern for each baseline of a table."""
    baselines = [row.name for row in table.rows if row.head.baseline]
    patterns = ((5, 3), (1, 2), (7, 2, 1, 2), (3, 1, 1, 1, 1, 1))
    return 0, patterns[baselines.index(name) % len(patterns)]


def _legend(
    panels: Sequence[tuple[Table, dict[str, Score]]], colours: dict[str, str], markers: dict[str, str]
) -> list[Line2D]:
    rows = {row.name: (row, table) for table, _ in reversed(panels) for row in table.rows}
    fewer = {name: f" ({counted(n, 'image')})" for table, _ in panels for name, n in table.unusual.items()}
    handles = []
    for name in distinct(row.name for table, _ in panels for row in table.rows):
        row, table = rows[name]
        if row.head.baseline:
            handles.append(
                Line2D([], [], color=BASELINE, linestyle=_dash(name, table), label=f"{name} (baseline)")
            )
        else:
            style = {"color": colours[row.head.solver], "marker": markers[name], "linewidth": 1}
            handles.append(Line2D([], [], label=name + fewer.get(name, ""), **style))
    return handles


def _remarks(panels: Sequence[tuple[Table, dict[str, Score]]]) -> str:
    """What the legend has to say beyond names."""
    points = [(row, table, s) for table, s in panels for row in table.rows if _point(table, row, s)]
    hollow = any(row.timing != table.timing or s[row.name].partial for row, table, s in points)
    fewer = any(row.name in table.unusual for row, table, _ in points)
    texts = ["Fewer images: placed at the paired distance from the best row over all images."] * fewer
    return "\n".join(texts + ["Hollow: other batch size, or images failed or missing."] * hollow)


def _columns(n: int, across: int) -> int:
    """Of a legend with n entries; they fill their lines evenly."""
    most = max(2, round(across * 1.5))
    return math.ceil(n / math.ceil(n / most))
