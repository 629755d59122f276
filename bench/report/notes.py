"""What stands below a table: failures, gaps, unequal settings, papers; and the conventions at the end of the page."""

from collections.abc import Sequence

from bench.report.scores import ENOUGH_FOR_FID, Score
from bench.report.tables import Metric, Row, Table
from bench.report.text import citation, code, distinct, escape, plain
from bench.stats import FEWEST, paired_difference

WORDS = {"out_of_memory": "out of memory", "timeout": "over the time limit"}


def notes(table: Table, metrics: Sequence[Metric], scores: dict[str, dict[str, Score]]) -> list[str]:
    """All notes of one table, as Markdown without bullets."""
    few = 0 < len(table.images) < FEWEST
    return [
        *([f"Fewer than {FEWEST} images cannot tell rows apart: nothing is ranked."] if few else []),
        *_variants(table),
        *_incomplete(table, metrics, scores),
        *_strangers(table),
        *_timings(table),
        *_unavailable(table, metrics, scores),
        *[f"Skipped: {code(r.label)}: {escape(r.reason or 'no reason given')}." for r in table.skipped],
        *([f"Not run yet: {', '.join(code(label) for label in table.pending)}."] if table.pending else []),
        *_papers(table),
    ]


def absent(tables: Sequence[Table], metrics: Sequence[Metric], scores: Sequence[dict[str, dict[str, Score]]]) -> dict[str, str]:
    """Metric -> reason, where no row of any table has it and for one reason: said once, not below each table."""
    found = {}
    for metric in metrics:
        judged = [s[metric.name][row.name] for t, s in zip(tables, scores, strict=True) for row in t.rows]
        reasons = distinct(score.reason for score in judged)
        if judged and not any(score.interval for score in judged) and len(reasons) == 1:
            found[metric.name] = reasons[0]
    return found


def _variants(table: Table) -> list[str]:
    """What tells apart the rows that share a label; they are never averaged together."""
    labels: dict[str, list[Row]] = {}
    for row in table.rows:
        labels.setdefault(row.head.label, []).append(row)
    found = []
    for label, rows in labels.items():
        if len(rows) > 1:
            facts = [{k: plain(v) for k, v in _facts(row).items()} for row in rows]
            keys = [k for k in dict.fromkeys(k for f in facts for k in f) if len({f.get(k) for f in facts}) > 1]
            texts = [
                ", ".join(f"{k} {f.get(k, 'absent')}" for k in keys) or f"cell {r.head.cell[:8]}"
                for f, r in zip(facts, rows, strict=True)
            ]
            listed = "; ".join(f"{row.name.removeprefix(label).strip()} {text}" for row, text in zip(rows, texts, strict=True))
            found.append(f"{code(label)} names {len(rows)} configurations, kept apart: {escape(listed)}.")
    return found


def _facts(row: Row) -> dict[str, object]:
    r = row.head
    return {"solver": r.solver, "preset": r.preset, **r.params, "dtype": r.dtype, "bench": r.versions.get("bench")}


def _incomplete(table: Table, metrics: Sequence[Metric], scores: dict[str, dict[str, Score]]) -> list[str]:
    """Rows that did not finish all images, and how they compare over those that they share with the best row."""
    found = []
    for row in table.rows:
        parts = [f"{n} {WORDS.get(status, status)}" for status, n in row.failures.most_common()]
        lost = (
            f"{sum(row.failures.values())} of {len(row.records)} reconstructions failed ({', '.join(parts)})" if parts else ""
        )
        missing = len(table.images) - len(row.attempted)
        todo = f"{missing} of {len(table.images)} images not run" if missing else ""
        if lost or todo:
            shared = _over_common(table, row, metrics, scores)
            found.append(
                f"{code(row.name)}: {' and '.join(t for t in (lost, todo) if t)}; not ranked.{shared}{_first_reason(row)}"
            )
    return found


def _first_reason(row: Row) -> str:
    reasons = distinct(r.reason for r in row.records if r.status != "ok" and r.reason)
    more = f" (and {len(reasons) - 1} other reasons)" if len(reasons) > 1 else ""
    return f" Reason: {escape(reasons[0].rstrip('.'), 160)}{more}." if reasons else ""


def _over_common(table: Table, row: Row, metrics: Sequence[Metric], scores: dict[str, dict[str, Score]]) -> str:
    metric = next((m for m in metrics if m.better and any(s.mark == "best" for s in scores[m.name].values())), None)
    if metric is None or row.name in table.strangers:
        return ""
    best = next(r for r in table.rows if scores[metric.name][r.name].mark == "best")
    ours, theirs = row.scores(metric.name), best.scores(metric.name)
    images = [image for image in ours if image in theirs]
    if len(images) < FEWEST:
        return ""
    mean, low, high, n = paired_difference([ours[i] for i in images], [theirs[i] for i in images])
    gap, low, high = (f"{metric.scale * v:+{metric.format}}".replace("-", "−") for v in (mean, low, high))
    return f" Over the {n} images it shares with {code(best.name)}: {metric.label} {gap} \\[{low}, {high}\\]."


def _strangers(table: Table) -> list[str]:
    return [
        f"**{code(name)} saw other measurements than the other rows on {n} images: not ranked.**"
        for name, n in table.strangers.items()
    ]


def _timings(table: Table) -> list[str]:
    """Which seconds must not be compared."""
    rows = [row for row in table.rows if row.seconds]
    names, usual = ("batch", "device", "threads"), table.timing
    odd = [
        f"{code(row.name)} " + ", ".join(f"{n} {v}" for n, v, u in zip(names, row.timing, usual, strict=True) if v != u)
        for row in rows
        if row.timing != usual
    ]
    if not odd:
        return []
    here = ", ".join(f"{n} {v}" for n, v in zip(names, usual, strict=True))
    return [f"‡ Seconds compare only at equal batch, device and threads (here {here}): {'; '.join(odd)}."]


def _unavailable(table: Table, metrics: Sequence[Metric], scores: dict[str, dict[str, Score]]) -> list[str]:
    found = []
    for metric in metrics:
        reasons: dict[str, list[str]] = {}
        for row in table.rows:
            if scores[metric.name][row.name].interval is None:
                reasons.setdefault(scores[metric.name][row.name].reason, []).append(row.name)
        for reason, names in reasons.items():
            who = "" if len(names) == len(table.rows) else f" for {', '.join(code(n) for n in names)}"
            found.append(f"{metric.label} unavailable{who}: {escape(reason.rstrip('.'))}.")
        gaps = [
            f"{code(row.name)} {len(row.solved) - score.interval.n}"
            for row in table.rows
            if (score := scores[metric.name][row.name]).interval and metric.name not in ("fid", "kid")
            if score.interval.n < len(row.solved)
        ]
        found += [f"{metric.label} is missing or not finite on some images: {', '.join(gaps)}."] if gaps else []
        if metric.name == "fid" and len(table.images) < ENOUGH_FOR_FID and any(s.interval for s in scores["fid"].values()):
            found.append(
                f"† FID of {len(table.images)} images is biased (below {ENOUGH_FOR_FID}) and not ranked; KID is not biased."
            )
    return found


def _papers(table: Table) -> list[str]:
    papers: dict[str, list[str]] = {}
    for r in [row.head for row in table.rows] + list(table.skipped):
        if r.paper:
            papers.setdefault(r.paper, []).append(r.solver)
    links = [f"{escape(', '.join(distinct(solvers)))} {citation(paper)}" for paper, solvers in papers.items()]
    return [f"Papers: {'; '.join(links)}."] if links else []


CONVENTIONS = (
    "Images are in [−1, 1] from dataset to solver; metrics see them clipped and mapped to [0, 1]. σ is the standard deviation "
    "of the noise in y in [−1, 1] units: 0.1 here is 0.05 where a paper works in [0, 1].",
    "The rows of a table saw the same measurements: noise, masks and kernels depend on seed, dataset, image and task only, and "
    "each record carries a hash of its y, which is compared here.",
    "Intervals: 95 % of the mean over images, bias-corrected accelerated bootstrap, 2000 resamples, fixed seed; several "
    "samples of an image are averaged first.",
    "FID and KID compare the reconstructions of a row (first samples) with the true images of the same row. KID is the squared "
    "MMD with kernel (x·y / d + 1)³ over pairs of different images, hence unbiased though both sets show the same images; its "
    "interval is ± 1.96 jackknife errors.",
    "NFE: network evaluations per image; vjps: backward passes through the network per image.",
    "Seconds: the solver's clock of a batch divided by its size, without metrics, files and warm-up, over batches of the "
    "commonest size; interval over batches.",
    "n: images on which every sample succeeded. Failures are counted, never averaged over in silence: a row with failed or "
    "missing images is put in brackets and not ranked.",
)


def conventions(metrics: Sequence[Metric]) -> list[str]:
    """How to read every number of the page."""
    lines = [
        *CONVENTIONS[:2],
        *[f"{m.label}: {escape(m.note.rstrip('.'), 1000)}." for m in metrics if m.note],
        *CONVENTIONS[2:],
    ]
    return ["## Conventions", "\n".join(f"- {line}" for line in lines)]
