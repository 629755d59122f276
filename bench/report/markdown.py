"""report.md: tables that read well on a repository's page, with everything needed to judge the numbers below them."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from bench.records import Record
from bench.report.notes import absent, conventions, notes
from bench.report.scores import ENOUGH_FOR_FID, Score
from bench.report.tables import Metric, Row, Run, Table
from bench.report.text import code, count, distinct, escape, plain, seconds
from bench.stats import Interval, bootstrap_interval

Scores = dict[str, dict[str, Score]]
"""Metric -> row name -> score."""
NBSP = "\u00a0"
ARROWS = {1: NBSP + "↑", -1: NBSP + "↓", 0: ""}
LEGEND = (
    "**Bold**: best. **Bold**⁼: not told apart from the best, since the paired 95 % bootstrap interval of the difference over "
    "the same images holds 0 (not corrected for many comparisons). *Italic*: baseline, not ranked; ° marks one that is better "
    "than every solver. (Brackets): not over all images of the table, not ranked. ±: the larger half of the 95 % interval of "
    "the mean; tables.csv has both ends."
)


def document(
    tables: Sequence[Table],
    metrics: Sequence[Metric],
    scores: Sequence[Scores],
    runs: Sequence[Run],
    figures: dict[str, str],
    n_bad: int = 0,
) -> str:
    """The whole page.

    Args:
        tables: in order.
        metrics: the columns.
        scores: of each table.
        runs: of the manifests.
        figures: ``grid_<slug>`` of a table, or the name of a plot -> file name beside the page.
        n_bad: damaged journal lines that were skipped.
    """
    damaged = [f"**{n_bad} damaged journal lines were skipped**; running the suite again fills the gaps."] if n_bad else []
    missing = absent(tables, metrics, scores)
    labels = {reason: ", ".join(m.label for m in metrics if missing.get(m.name) == reason) for reason in missing.values()}
    gaps = [f"Not available: {text} ({escape(reason.rstrip('.'))})." for reason, text in labels.items()]
    metrics = [m for m in metrics if m.name not in missing]
    parts = [header(tables, runs), *damaged, *gaps, *summary(tables, metrics, scores), f"<sub>{LEGEND}</sub>"]
    parts += [f"![{name.replace('_', ' ')}]({path})" for name, path in figures.items() if not name.startswith("grid_")]
    for table, judged in zip(tables, scores, strict=True):
        parts += section(table, metrics, judged)
        if f"grid_{table.slug}" in figures:
            parts += [f"![Reconstructions: {escape(table.title)}]({figures[f'grid_{table.slug}']})"]
    return "\n\n".join([*parts, *conventions(metrics)]) + "\n"


def header(tables: Sequence[Table], runs: Sequence[Run]) -> str:
    """What was run on what, by which code, when; all of it from records and manifest, so that rendering is deterministic."""
    records = [r for table in tables for r in (*table.skipped, *(r for row in table.rows for r in row.records))]
    dates = sorted(r.created[:19].replace("T", " ") for r in records)
    facts = {
        "Suite": _each(records, "suite"),
        "Dataset": _each(records, "dataset") + _hashes(run.get("dataset_sha256") for run in runs),
        "Prior": _each(records, "prior") + _hashes(r.weights_sha256 for r in records),
        "Images per task": _image_counts(tables, runs),
        "Seed": _each(records, "seed"),
        "Device": ", ".join(distinct(f"{r.device} ({r.threads} thread{'s' * (r.threads != 1)}, {r.dtype})" for r in records)),
        "Versions": ", ".join(distinct(f"{k} {v}" for r in records for k, v in sorted(r.versions.items()))),
        "Commit": ", ".join(distinct(r.commit[:12] for r in records if r.commit)),
        "Recorded": f"{dates[0]} to {dates[-1]} UTC, {len(records)} records",
    }
    titles = distinct(run["title"] for run in runs if run.get("title")) or distinct(r.suite for r in records)
    lines = [f"# {escape(', '.join(titles))}", ""]
    rows = [_row([name, escape(text)]) for name, text in facts.items() if text]
    lines += [rows[0], "|:--|:--|", *rows[1:]]
    commands = distinct(str(run["command"]) for run in runs if run.get("command"))
    return "\n".join([*lines, *(["", "```sh", *commands, "```"] if commands else [])])


def _each(records: Iterable[Record], name: str) -> str:
    return ", ".join(distinct(getattr(r, name) for r in records))


def _hashes(values: Iterable[str | None]) -> str:
    found = distinct(value[:12] for value in values if value)
    return f" (sha256 {', '.join(found)})" if found else ""


def _image_counts(tables: Sequence[Table], runs: Sequence[Run]) -> str:
    counts = sorted({len(table.images) for table in tables if table.images}) or [0]
    planned = max((run.get("n_images") or len(run.get("images", ())) for run in runs), default=0)
    text = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return text + (f", of {planned} asked for" if planned > counts[0] else "")


def summary(tables: Sequence[Table], metrics: Sequence[Metric], scores: Sequence[Scores]) -> list[str]:
    """One matrix for PSNR and one for LPIPS, where they exist: rows by tasks."""
    judged = [(table, s) for table, s in zip(tables, scores, strict=True) if table.rows]
    if len(judged) < 2:
        return []
    parts = ["## At a glance"]
    rows = {row.name: row for table, _ in reversed(judged) for row in table.rows}
    names = distinct(row.name for table, _ in judged for row in table.rows)
    for metric in [m for m in metrics if m.name in ("psnr", "lpips")]:
        if not any(score.interval for _, s in judged for score in s[metric.name].values()):
            continue
        lines = [_row([metric.label + ARROWS[metric.better], *(escape(table.title) for table, _ in judged)])]
        lines += ["|:--|" + "--:|" * len(judged)]
        for name in names:
            cells = [_number(metric, s[metric.name].get(name), rows[name].head.baseline, small=False) for _, s in judged]
            lines += [_row([_label(rows[name]), *cells])]
        parts += ["\n".join(lines)]
    return parts


def section(table: Table, metrics: Sequence[Metric], scores: Scores) -> list[str]:
    """One task: what was measured, the table, and the notes without which it must not be read."""
    head = table.head
    params = ", ".join(f"{k} {plain(v)}" for k, v in head.operator_params.items())
    samples = max((row.samples for row in table.rows), default=1)
    facts = [
        code(head.operator) + (f" ({escape(params)})" if params else ""),
        f"σ = {head.sigma:g} for images in [−1, 1] ({head.sigma / 2:g} in [0, 1] units)",
        f"{len(table.images)} images of {escape(head.dataset)}" + (f", {samples} samples each" if samples > 1 else ""),
        f"prior {escape(head.prior)}",
    ]
    shown = [m for m in metrics if any(s.interval for s in scores[m.name].values())]
    body = [_grid(table, shown, scores)] if table.rows else []
    remarks = "\n".join(f"- {note}" for note in notes(table, metrics, scores))
    return [f"## {escape(table.title)}", "; ".join(facts) + ".", *body, *([remarks] if remarks else [])]


def _grid(table: Table, shown: Sequence[Metric], scores: Scores) -> str:
    memory = any(row.memory for row in table.rows)
    biased = len(table.images) < ENOUGH_FOR_FID
    titles = ["Solver", *(m.label + "†" * (m.name == "fid" and biased) + ARROWS[m.better] for m in shown)]
    titles += ["NFE", "s / image", *["Memory"] * memory, "n"]
    lines = [_row(titles), "|:--|" + "--:|" * (len(titles) - 1)]
    for row in table.rows:
        cells = [_label(row) + _small(escape(row.head.preset or ""))]
        cells += [_number(m, scores[m.name][row.name], row.head.baseline) for m in shown]
        cells += [_cost(row), _time(row, table), *[f"{row.memory:.0f} MB" if row.memory else "–"] * memory]
        failed = sum(row.failures.values())
        lines += [_row([*cells, str(len(row.solved)) + _small(f"**{failed} failed**" if failed else "")])]
    return "\n".join(lines)


def _small(text: str) -> str:
    """A second line in small print; the spaces do not break."""
    return f"<br><sub>{text.replace(' ', NBSP)}</sub>" if text else ""


def _half(interval: Interval) -> float:
    """The larger half of an interval that need not be symmetric."""
    return max(interval.high - interval.mean, interval.mean - interval.low)


def _number(metric: Metric, score: Score | None, baseline: bool, small: bool = True) -> str:
    if score is None or score.interval is None:
        return "–"
    text = metric.show(score.interval.mean).replace("-", "−")
    if score.partial:
        text = f"({text})"
    elif baseline:
        text = f"*{text}*" + "°" * (score.mark == "beats")
    elif score.mark:
        text = f"**{text}**" + "⁼" * (score.mark == "tie")
    half = _half(score.interval)
    return text + (_small(f"± {metric.show(half)}") if small and math.isfinite(half) else "")


def _cost(row: Row) -> str:
    nfe, vjps = row.mean("nfe"), row.mean("vjps")
    if nfe is None:
        return "–"
    return count(nfe) + (_small(f"+ {count(vjps)} vjps") if vjps else "")


def _time(row: Row, table: Table) -> str:
    if not row.seconds:
        return "–"
    interval = bootstrap_interval(row.seconds)
    text = seconds(interval.mean)
    half = f"{_half(interval):.{len(text.partition('.')[2])}f}"
    known = interval.n > 2 and text[0] != "<" and float(half) > 0
    return text + "‡" * (row.timing != table.timing) + (_small(f"± {half}") if known else "")


def _label(row: Row) -> str:
    return f"*{escape(row.name)}*" if row.head.baseline else escape(row.name)


def _row(cells: Iterable[Any]) -> str:
    return "| " + " | ".join(re.sub(r"\s*\n\s*", " ", str(cell)) for cell in cells) + " |"
