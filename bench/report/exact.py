"""Tables of exact suites: medians over problems of distances to the exact posterior, read against what exact
samples score.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.names import counted
from bench.report.columns import Metric
from bench.report.markdown import header
from bench.report.notes import certified, notes, sources
from bench.report.planned import Run
from bench.report.scores import rankable
from bench.report.tables import Row, Table
from bench.report.text import count, escape, plain, seconds
from bench.stats.comparisons import FEWEST, at_floor, differ, median_difference
from bench.stats.intervals import Median, median_interval

NBSP = "\u00a0"
FLOOR, ORACLE = "exact", "oracle"
"""Solvers whose rows are the floor and the reference at equal NFE."""
FIRST = (FLOOR, ORACLE, "tds", "prior")
"""Anchors, on top of every table."""
GLANCE = "mmd"
RANKS = {"": "", "best": "¹", "tie": "⁼"}
SCREEN = ("var_band_", "sw_floor")
"""Beginnings of the metrics that are for figures and exact.csv only."""
LEGEND = (
    "Medians over problems; \\[small print\\]: their 95 % bootstrap interval. *Italic*: anchors, not ranked: `exact` draws "
    "from the posterior itself, as many samples, which is the floor; `oracle` is DDPM with the posterior's own denoiser; "
    "`prior` ignores y. ᶠ: at the floor: not told apart from `exact` over the same problems, neither by the paired 95 % "
    "bootstrap interval of the difference of the medians nor by the signed-rank test at 5 %; with few problems that is no "
    "proof of being exact. **Bold**: a solver at the floor, and nothing else. ¹: the solver nearest to `exact`. ⁼: not told "
    "apart from it in the same way, or both at the floor (not corrected for many comparisons). (Brackets): failed or missing "
    "problems, not ranked."
)
ON_ONE_PAGE = 8
"""More tasks than that have a page for each prior beside the overview: sites do not render pages of over half
a megabyte."""
FIELDS = (
    "task", "prior", "operator", "sigma", "block", "row", "solver", "baseline", "nfe", "metric", "median", "low", "high", "n",
    "at_floor", "mark", "partial",
)  # fmt: skip
CONVENTIONS = (
    "A problem is a truth drawn from the prior, an operator of its own and a noise of its own, the same for every row. Its "
    "posterior is known in closed form, and a record is one set of samples from it.",
    "A distance to the posterior says how good a solver is, not whether its code is right: that is what its certificate says.",
    "`published`: the settings that are published for images; no such row stands where they are the tuned ones.",
    "Anchors have no certificate: the laws of `ddim` are about their sampler, and tests hold them against the posterior.",
    "NFE and vjps are per sample, seconds too: the clock of the set divided by its size.",
    "Figures draw what lies beyond at their edge, with an arrow: in the variance split ratios below 0.003 or above 300, and a "
    "PSNR more than 5 dB below that of exact samples. The variance split pools all tasks of a prior, at all noise levels.",
)


@dataclass(frozen=True)
class Number:
    """One number of a table: ``floor`` where it is not told apart from exact samples; ``mark`` as in
    `scores.Score`.
    """

    interval: Median
    floor: bool = False
    mark: str = ""
    partial: bool = False


def judge(table: Table, metric: Metric) -> dict[str, Number]:
    """Row name -> its number; rows without the metric are absent."""
    values = {row.name: row.scores(metric.name) for row in table.rows}
    values = {name: found for name, found in values.items() if found}
    exact = next(
        (values[row.name] for row in table.rows if row.head.solver == FLOOR and row.name in values), {}
    )
    whole = {r.name for r in table.rows if r.complete and r.name not in table.strangers}
    ranked = [r.name for r in table.rows if r.name in values and rankable(table, r)]
    enough = len(exact) >= FEWEST

    def floored(name: str) -> bool:
        shared = [i for i in values[name] if i in exact]
        pair = (np.array([v[i] for i in shared]) for v in (values[name], exact))
        return len(shared) >= FEWEST and at_floor(*pair)

    def told_apart(a: str, b: str) -> bool:
        shared = [i for i in values[a] if i in values[b] and i in exact]
        three = (np.array([v[i] for i in shared]) for v in (values[a], values[b], exact))
        return bool(shared) and differ(*three)

    marks = {}
    if metric.better and enough and len(ranked) > 1:
        best = min(ranked, key=lambda name: abs(np.median(_list(values[name])) - np.median(_list(exact))))
        marks = {name: "tie" for name in ranked if not told_apart(name, best)} | {best: "best"}
    return {
        name: Number(median_interval(_list(found)), floored(name), marks.get(name, ""), name not in whole)
        for name, found in values.items()
    }


def _list(values: dict[str, float]) -> np.ndarray:
    return np.array(list(values.values()))


Numbers = dict[str, dict[str, Number]]
"""Metric -> row -> number, of one table."""


def numbers(table: Table, metrics: Sequence[Metric]) -> Numbers:
    """Those of the metrics that some row has."""
    found = {metric.name: judge(table, metric) for metric in metrics}
    return {name: judged for name, judged in found.items() if judged}


def rank(row: Row) -> int:
    """The place of its solver: anchors first."""
    return FIRST.index(row.head.solver) if row.head.solver in FIRST else len(FIRST)


def ordered(table: Table) -> list[Row]:
    """The rows of a table, anchors first."""
    return sorted(table.rows, key=rank)


def glance(tables: Sequence[Table], judged: Sequence[Numbers], metric: Metric) -> list[str]:
    """For each prior, rows by tasks of enough problems: the distance, and in small print its interval."""
    parts, enough = [], [(t, s) for t, s in zip(tables, judged, strict=True) if t.usual >= FEWEST]
    for prior in dict.fromkeys(table.head.prior for table, _ in enough):
        own = [(t, s.get(metric.name, {})) for t, s in enough if t.head.prior == prior]
        rows = {row.name: row for table, _ in own for row in ordered(table)}
        lines = [_line([f"{metric.label} ↓", "NFE", *(escape(table.title) for table, _ in own)])]
        lines += ["|:--|" + "--:|" * (len(own) + 1)]
        for name, row in sorted(rows.items(), key=lambda item: not item[1].head.baseline):
            cells = [_cell(metric, s.get(name), row.head.baseline) for _, s in own]
            everywhere = [r for t, _ in own for other in t.rows if other.name == name for r in other.records]
            lines += [_line([_named(replace(row, records=tuple(everywhere))), _cost(row), *cells])]
        parts += [f"### {escape(prior)}", "\n".join(lines)]
    few = [escape(t.title) for t in tables if t.usual < FEWEST]
    rest = [f"Of fewer than {FEWEST} problems, and below only: {', '.join(few)}."] if few and parts else []
    return ["## At a glance", *parts, *rest] if parts else []


def section(table: Table, metrics: Sequence[Metric], judged: Numbers) -> list[str]:
    """One task: what was measured, the table, and the notes without which it must not be read."""
    head = table.head
    params = ", ".join(f"{k} {plain(v)}" for k, v in head.operator_params.items() if v is not None)
    facts = (
        f"`{head.operator}`"
        + f" ({escape(params)})" * bool(params)
        + f"; σ = {head.sigma:g}; {counted(table.usual, 'problem')} of "
        f"{escape(head.dataset)}, {head.samples_per_problem} samples each, scored as one set."
    )
    shown = [m for m in metrics if m.name in judged and not m.name.startswith(SCREEN)]
    arrows = {1: NBSP + "↑", -1: NBSP + "↓", 0: ""}
    titles = ["Solver", *(m.label + arrows[m.better] for m in shown), "NFE", "s / sample", "n", "failed"]
    lines = [_line(titles), "|:--|" + "--:|" * (len(titles) - 1)]
    for row in ordered(table):
        cells = [_cell(m, judged[m.name].get(row.name), row.head.baseline) for m in shown]
        time = seconds(sum(row.seconds) / len(row.seconds)) if row.seconds else "–"
        lines += [
            _line([_named(row), *cells, _cost(row), time, len(row.solved), sum(row.failures.values()) or "0"])
        ]
    few = [f"Fewer than {FEWEST} problems cannot tell rows apart: nothing is ranked."] * (
        table.usual < FEWEST
    )
    remarks = "\n".join(f"- {note}" for note in (*few, *rewards(table), *notes(table, [], {}, None)))
    return [f"## {escape(table.title)}", facts, "\n".join(lines), *([remarks] if remarks else [])]


def rewards(table: Table) -> list[str]:
    """Which rows with too little variance a PSNR puts above exact samples of the posterior."""
    exact = next((row for row in table.rows if row.head.solver == FLOOR), None)
    if exact is None or len(exact.scores("psnr_sample")) < FEWEST:
        return []
    found = []
    for row in (row for row in table.rows if row is not exact):
        ours, theirs = row.scores("psnr_sample"), exact.scores("psnr_sample")
        shared = [i for i in ours if i in theirs]
        if len(shared) >= FEWEST:
            gain = median_difference(
                np.array([ours[i] for i in shared]), np.array([theirs[i] for i in shared])
            )
            ratios = {name: row.scores(f"var_ratio_{name}") for name in ("measured", "unmeasured")}
            ratios = {name: median_interval(_list(values)) for name, values in ratios.items() if values}
            if gain.low > 0 and any(ratio.high < 1 for ratio in ratios.values()):
                variance = " and ".join(f"{ratio.median:.2f} {name}" for name, ratio in ratios.items())
                found.append((gain.median, f"{escape(row.name)} {gain.median:+.2f} dB (variance {variance})"))
    if not found:
        return []
    listed = "; ".join(text for _, text in sorted(found, reverse=True))
    return [
        f"**PSNR rewards lost variance.** One sample of these is above one exact sample, whose variance is 1: {listed}."
    ]


def document(
    tables: Sequence[Table],
    metrics: Sequence[Metric],
    judged: Sequence[Numbers],
    runs: Sequence[Run],
    figures: dict[str, str],
) -> tuple[str, dict[str, str]]:
    """The page, and further ones by file name.

    Header, the overview of each prior, figures, the tasks, what it rests on, how to read it. Many tasks have
    pages of their own, one for each prior.
    """
    by_name = {metric.name: metric for metric in metrics}
    legend = f"<sub>{LEGEND}</sub>"
    parts = [
        header(tables, runs),
        *(glance(tables, judged, by_name[GLANCE]) if GLANCE in by_name else []),
        legend,
    ]
    parts += [f"![{name.replace('_', ' ')}]({path})" for name, path in figures.items()]
    sections: dict[str, list[str]] = {}
    titles: dict[str, list[str]] = {}
    for table, found in zip(tables, judged, strict=True):
        sections.setdefault(table.head.prior, []).extend(section(table, metrics, found))
        titles.setdefault(table.head.prior, []).append(escape(table.title))
    pages = {}
    if len(tables) > ON_ONE_PAGE:
        back = "[Overview, figures, sources and conventions](report.md)"
        pages = {
            f"{prior}.md": _page([f"# {escape(prior)}", back, legend, *own])
            for prior, own in sections.items()
        }
        parts += [
            "## Tasks, with all distances",
            "\n".join(f"- [{p}]({p}.md): {'; '.join(own)}" for p, own in titles.items()),
        ]
    else:
        parts += [text for own in sections.values() for text in own]
    parts += ["## Sources", "\n".join(f"- {line}" for line in sources(tables))]
    shown = {name for found in judged for name in found}
    lines = [
        *CONVENTIONS,
        *(f"{m.label}: {escape(m.note.rstrip('.'), 1000)}." for m in metrics if m.name in shown and m.note),
    ]
    return _page([*parts, "## Conventions", "\n".join(f"- {line}" for line in lines)]), pages


def _page(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


def sheet(tables: Sequence[Table], judged: Sequence[Numbers]) -> bytes:
    """One line per task, row and metric, for machines; six significant digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    for table, found in zip(tables, judged, strict=True):
        for row in ordered(table):
            head = row.head
            about = (
                head.task,
                head.prior,
                head.operator,
                head.sigma,
                head.samples_per_problem,
                row.name,
                head.solver,
                head.baseline,
            )
            for metric, numbers_ in found.items():
                if row.name in numbers_:
                    n = numbers_[row.name]
                    values = (f"{v:.6g}" if np.isfinite(v) else "" for v in n.interval[:3])
                    writer.writerow(
                        [*about, row.mean("nfe"), metric, *values, n.interval.n, n.floor, n.mark, n.partial]
                    )
    return text.getvalue().encode()


def _cell(metric: Metric, number: Number | None, baseline: bool) -> str:
    if number is None:
        return "–"
    median, low, high, _ = number.interval
    text = metric.show(median)
    if number.partial:
        text = f"({text})"
    elif baseline:
        text = f"*{text}*"
    elif number.floor and metric.better:
        text = f"**{text}**"
    text += "ᶠ" * number.floor + RANKS[number.mark]
    interval = f"\\[{metric.show(low)}, {metric.show(high)}\\]".replace(" ", NBSP)
    return text + (f"<br><sub>{interval}</sub>" if np.isfinite(low) else "")


def _named(row: Row) -> str:
    """Its label, and the state of its certificate."""
    label = f"*{escape(row.name)}*" if row.head.baseline else escape(row.name)
    return label + (f"<br><sub>{state}</sub>" if (state := certified(row)) else "")


def _cost(row: Row) -> str:
    nfe, vjps = row.mean("nfe"), row.mean("vjps")
    return "–" if nfe is None else count(nfe) + f" + {count(vjps)}{NBSP}vjps" * bool(vjps)


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
