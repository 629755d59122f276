"""report.md: tables that read well on a repository's page, with everything needed to judge the numbers below
them.
"""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from bench.names import counted
from bench.records.record import Record
from bench.report import diversity
from bench.report.columns import Metric
from bench.report.diversity import Spread
from bench.report.notes import absent, certified, conventions, notes, sources
from bench.report.planned import Run
from bench.report.scores import ENOUGH_FOR_FID, Reference, Score, Scores
from bench.report.tables import Row, Table
from bench.report.text import code, count, distinct, escape, plain, seconds
from bench.stats.intervals import bootstrap_interval

NBSP = "\u00a0"
ARROWS = {1: NBSP + "↑", -1: NBSP + "↓", 0: ""}
LEGEND = (
    "**Bold**: best. **Bold**⁼: not told apart from the best. Two rows are compared over the images that both have: the paired "
    "95 % bootstrap interval of the difference holds 0 (not corrected for many comparisons). *Italic*: baseline, not ranked. "
    "°: not ranked, but better than the best by the same interval. (Brackets): failed or missing images, not ranked. "
    "\\[Small print\\]: 95 % interval of the mean over the row's images."
)
FEWER = (
    " Rows for which the suite asks for other images stand last and are not ranked, below a reference: the row above with the "
    "best {metric}, over just their images. Read their numbers against that line, not against the column: other images are "
    "easier or harder."
)


def document(
    tables: Sequence[Table],
    metrics: Sequence[Metric],
    scores: Sequence[Scores],
    anchors: Sequence[Reference | None],
    spreads: Sequence[dict[str, Spread]],
    runs: Sequence[Run],
    figures: dict[str, str],
    n_bad: int = 0,
) -> str:
    """The whole page.

    Args:
        tables: in order.
        metrics: the columns.
        scores: of each table.
        anchors: the reference row of each table, where it needs one.
        spreads: the diversity of each table's rows, where there are several samples.
        runs: of the manifests.
        figures: ``grid_<slug>`` or ``ranks_<slug>`` of a table, or the name of a plot -> file name beside the
            page.
        n_bad: damaged journal lines that were skipped.
    """
    damaged = (
        [f"**{n_bad} damaged journal lines were skipped**; running the suite again fills the gaps."]
        if n_bad
        else []
    )
    missing = absent(tables, metrics, scores)
    labels = {
        reason: ", ".join(m.label for m in metrics if missing.get(m.name) == reason)
        for reason in missing.values()
    }
    gaps = [f"Not available: {text} ({escape(reason.rstrip('.'))})." for reason, text in labels.items()]
    metrics = [m for m in metrics if m.name not in missing]
    reference = next((anchor for anchor in anchors if anchor), None)
    legend = f"<sub>{LEGEND}{FEWER.format(metric=reference.metric.label) if reference else ''}</sub>"
    parts = [header(tables, runs), *damaged, *gaps, *summary(tables, metrics, scores, anchors), legend]
    parts += [
        f"![{name.replace('_', ' ')}]({path})"
        for name, path in figures.items()
        if not name.startswith(("grid_", "ranks_"))
    ]
    for table, judged, anchor, spread in zip(tables, scores, anchors, spreads, strict=True):
        parts += section(table, metrics, judged, anchor)
        if f"grid_{table.slug}" in figures:
            parts += [f"![Reconstructions: {escape(table.title)}]({figures[f'grid_{table.slug}']})"]
        parts += diversity.section(table, spread)
        if f"ranks_{table.slug}" in figures:
            parts += [f"![Ranks of the truth: {escape(table.title)}]({figures[f'ranks_{table.slug}']})"]
    extra = [diversity.NOTE] if any(spreads) else []
    return "\n\n".join([*parts, *conventions(metrics, runs, extra), *operator_table(runs)]) + "\n"


def header(tables: Sequence[Table], runs: Sequence[Run]) -> str:
    """What was run on what, by which code, when; all of it from records and manifest, so that rendering is
    deterministic.
    """
    records = [
        r for table in tables for r in (*table.skipped, *(r for row in table.rows for r in row.records))
    ]
    dates = sorted(r.created[:19].replace("T", " ") for r in records)
    facts = {
        "Suite": _each(records, "suite"),
        "Dataset": _each(records, "dataset") + _hashes(run.get("dataset_sha256") for run in runs),
        "Prior": _each(records, "prior") + _hashes(r.weights_sha256 for r in records),
        "Images per task": _image_counts(tables),
        "Seed": _each(records, "seed"),
        "Device": ", ".join(distinct(map(_device, records))),
        "Reference mode": _share_in_reference_mode(records),
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


def _device(r: Record) -> str:
    """With what decides about rounding; a run never uses TF32 (`bench.system.device.full_precision`), which a
    GPU's user asks.
    """
    tf32 = "" if r.device.startswith("cpu") else ", no TF32"
    state = ", state in float32" if r.dtype in ("bfloat16", "float16") else ""
    return f"{r.device} ({counted(r.threads, 'thread')}, {r.dtype}{state}{tf32})"


def _share_in_reference_mode(records: Sequence[Record]) -> str:
    """How many records were made bit by bit reproducibly; "" for none. What was skipped was not made at
    all.
    """
    made = [r for r in records if r.status != "skipped"]
    n = sum(r.is_deterministic for r in made)
    share = "all records" if n == len(made) else f"{n} of {len(made)} records"
    return f"{share}: one image at a time, on one thread, with deterministic kernels" if n else ""


def _each(records: Iterable[Record], name: str) -> str:
    return ", ".join(distinct(getattr(r, name) for r in records))


def _hashes(values: Iterable[str | None]) -> str:
    found = distinct(value[:12] for value in values if value)
    return f" (sha256 {', '.join(found)})" if found else ""


def _image_counts(tables: Sequence[Table]) -> str:
    """The usual number, the rows that differ, and how many were attempted where that is less."""
    usual = sorted({table.usual for table in tables if table.rows}) or [0]
    text = str(usual[0]) if len(usual) == 1 else f"{usual[0]} to {usual[-1]}"
    others: dict[int, list[str]] = {}
    for name, n in (item for table in tables for item in table.unusual.items()):
        others.setdefault(n, []).append(name)
    text += "".join(f"; {n} for {', '.join(distinct(names))}" for n, names in sorted(others.items()))
    missing = sum(row.missing for table in tables for row in table.rows)
    planned = sum(len(row.images) for table in tables for row in table.rows)
    return text + (f" ({missing} of {planned} reconstructed images still missing)" if missing else "")


def summary(
    tables: Sequence[Table],
    metrics: Sequence[Metric],
    scores: Sequence[Scores],
    anchors: Sequence[Reference | None],
) -> list[str]:
    """One matrix for PSNR and one for LPIPS, where they exist: rows by tasks."""
    judged = [
        (table, s, anchor) for table, s, anchor in zip(tables, scores, anchors, strict=True) if table.rows
    ]
    if len(judged) < 2:
        return []
    parts = ["## At a glance"]
    rows = {row.name: row for table, _, _ in reversed(judged) for row in table.rows}
    fewer = {name: n for table, _, _ in reversed(judged) for name, n in table.unusual.items()}
    names = distinct(row.name for table, _, _ in judged for row in table.rows)
    for metric in [m for m in metrics if m.name in ("psnr", "lpips")]:
        if not any(score.interval for _, s, _ in judged for score in s[metric.name].values()):
            continue
        lines = [
            _row([metric.label + ARROWS[metric.better], *(escape(table.title) for table, _, _ in judged)])
        ]
        lines += ["|:--|" + "--:|" * len(judged)]
        for n in (0, *sorted(set(fewer.values()), reverse=True)):
            if n:
                over = [
                    anchor.over.get(n, {}).get(metric.name) if anchor else None for _, _, anchor in judged
                ]
                lines += [
                    _row(
                        [
                            f"<sub>reference, {counted(n, 'image')}</sub>",
                            *(_reference(metric, score) for score in over),
                        ]
                    )
                ]
            for name in (name for name in names if fewer.get(name, 0) == n):
                cells = [
                    _number(metric, s[metric.name].get(name), rows[name].head.baseline, small=False)
                    for _, s, _ in judged
                ]
                lines += [_row([_label(rows[name]) + _small(counted(n, "image") if n else ""), *cells])]
        parts += ["\n".join(lines)]
    return parts


def _reference(metric: Metric, score: Score | None) -> str:
    """A number of the reference row: in small print, since it is not another result."""
    return _small(metric.show(score.interval.mean)).removeprefix("<br>") if score and score.interval else ""


def section(table: Table, metrics: Sequence[Metric], scores: Scores, anchor: Reference | None) -> list[str]:
    """One task: what was measured, the table, and the notes without which it must not be read."""
    head = table.head
    params = ", ".join(f"{k} {plain(v)}" for k, v in head.operator_params.items() if v is not None)
    samples = max((row.samples for row in table.rows), default=1)
    facts = [
        code(head.operator)
        + (f" ({escape(params)})" if params else "")
        + f", revision {head.operator_rev}" * (head.operator_rev > 1)
        + (f", source {head.operator_sha256[:8]}" if head.operator_sha256 else ""),
        f"σ = {head.sigma:g} for images in [−1, 1] ({head.sigma / 2:g} in [0, 1] units)",
        f"{counted(table.usual, 'image')} of {escape(head.dataset)}"
        + (f", {samples} samples each" if samples > 1 else ""),
        f"prior {escape(head.prior)}",
    ]
    shown = [m for m in metrics if any(s.interval for s in scores[m.name].values())]
    body = [_grid(table, shown, scores, anchor)] if table.rows else []
    remarks = "\n".join(f"- {note}" for note in (*notes(table, metrics, scores, anchor), *sources([table])))
    return [f"## {escape(table.title)}", "; ".join(facts) + ".", *body, *([remarks] if remarks else [])]


def _grid(table: Table, shown: Sequence[Metric], scores: Scores, anchor: Reference | None) -> str:
    memory = any(row.memory for row in table.rows)
    biased = any(
        score.interval and score.interval.n < ENOUGH_FOR_FID for score in scores.get("fid", {}).values()
    )
    titles = ["Solver", *(m.label + "†" * (m.name == "fid" and biased) + ARROWS[m.better] for m in shown)]
    titles += ["NFE", "s / image", *["Memory"] * memory, "n", "failed"]
    lines = [_row(titles), "|:--|" + "--:|" * (len(titles) - 1)]
    for n, rows in table.blocks:
        if anchor and n in anchor.over:
            label = f"<sub>reference: {escape(anchor.row.name)}, {counted(n, 'image')}</sub>"
            cells = [label, *(_reference(m, anchor.over[n].get(m.name)) for m in shown)]
            lines += [_row(cells + [""] * (len(titles) - len(cells)))]
        for row in rows:
            about = [escape(row.head.preset)] * bool(row.head.preset) + [counted(n, "image")] * (
                row.name in table.unusual
            )
            about += [state] if (state := certified(row)) else []
            cells = [_label(row) + _small(", ".join(about))]
            cells += [_number(m, scores[m.name][row.name], row.head.baseline) for m in shown]
            cells += [
                _cost(row),
                _time(row, table),
                *[f"{row.memory:.0f} MB" if row.memory else "–"] * memory,
            ]
            failed = sum(row.failures.values())
            lines += [_row([*cells, len(row.solved), f"**{failed}**" if failed else "0"])]
    return "\n".join(lines)


def _small(text: str) -> str:
    """A second line in small print; the spaces do not break."""
    return f"<br><sub>{text.replace(' ', NBSP)}</sub>" if text else ""


def _number(metric: Metric, score: Score | None, baseline: bool, small: bool = True) -> str:
    if score is None or score.interval is None:
        return "–"
    text = metric.show(score.interval.mean)
    if score.partial:
        text = f"({text})"
    elif baseline:
        text = f"*{text}*"
    elif score.mark in {"best", "tie"}:
        text = f"**{text}**" + "⁼" * (score.mark == "tie")
    text += "°" * (score.mark == "beats")
    low, high = score.interval.low, score.interval.high
    return text + (
        _small(f"\\[{metric.show(low)}, {metric.show(high)}\\]") if small and math.isfinite(low) else ""
    )


def _cost(row: Row) -> str:
    nfe, vjps = row.mean("nfe"), row.mean("vjps")
    if nfe is None:
        return "–"
    return count(nfe) + (_small(f"+ {count(vjps)} vjps") if vjps else "")


def _time(row: Row, table: Table) -> str:
    if not row.seconds:
        return "–"
    mean, low, high, n = bootstrap_interval(row.seconds)
    text = seconds(mean)
    digits = len(text.partition(".")[2])
    ends = [f"{end:.{digits}f}" for end in (low, high)]
    known = n > 2 and text[0] != "<" and ends != [text, text]
    return text + "‡" * (row.timing != table.timing) + (_small(f"\\[{', '.join(ends)}\\]") if known else "")


def _label(row: Row) -> str:
    return f"*{escape(row.name)}*" if row.head.baseline else escape(row.name)


def _row(cells: Iterable[Any]) -> str:
    return "| " + " | ".join(re.sub(r"\s*\n\s*", " ", str(cell)) for cell in cells) + " |"


def operator_table(runs: Sequence[Run]) -> list[str]:
    """A table with one line per task; nothing where no manifest knows (those written before operators said
    it).
    """
    tasks = [task for run in runs for task in run.get("tasks", ())]
    if not any("conventions" in task for task in tasks):
        return []
    lines = dict.fromkeys(_line(task) for task in tasks)
    head = ["| Task | σ in \\[−1, 1\\] | σ in \\[0, 1\\] | Operator | What it is |", "|:--|--:|--:|:--|:--|"]
    return ["### Operators", "\n".join([*head, *lines])]


def _line(task: dict) -> str:
    facts = "; ".join(f"{topic}: {text}" for topic, text in task.get("conventions", {}).items())
    cells = [
        escape(task["name"]),
        f"{task['sigma']:g}",
        f"{task['sigma'] / 2:g}",
        code(task["operator"]),
        escape(facts) or "–",
    ]
    return f"| {' | '.join(cells)} |"
