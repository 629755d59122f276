"""What stands below a table: failures, gaps, unequal settings, papers; and the conventions at the end of the
page.
"""

from collections.abc import Iterable, Mapping, Sequence

from bench.certify.certificates import UNCERTIFIED, certification_status
from bench.names import counted
from bench.records.record import Record
from bench.report.columns import SET_METRICS, Metric
from bench.report.planned import Run
from bench.report.scores import ENOUGH_FOR_FID, Reference, Scores, gap
from bench.report.tables import Row, Table
from bench.report.text import citation, code, distinct, escape, plain
from bench.stats.comparisons import FEWEST
from bench.stats.intervals import Interval

WORDS = {"out_of_memory": "out of memory", "timeout": "over the time limit"}


def notes(table: Table, metrics: Sequence[Metric], scores: Scores, anchor: Reference | None) -> list[str]:
    """All notes of one table but its `sources`, as Markdown without bullets."""
    few = table.head.samples_per_problem == 1 and 0 < max((len(row.solved) for row in table.rows), default=0) < FEWEST
    return [
        *([f"Fewer than {FEWEST} images cannot tell rows apart: nothing is ranked."] if few else []),
        *_variants(table),
        *_unusual(table, anchor),
        *privileged({code(row.name): row.records for row in table.rows}),
        *_incomplete(table, metrics, scores),
        *_strangers(table),
        *_reference_mode(table),
        *_timings(table),
        *_unavailable(table, metrics, scores),
        *[f"Skipped: {code(r.label)}: {escape(r.reason or 'no reason given')}." for r in table.skipped],
        *([f"Not run yet: {', '.join(code(label) for label in table.pending)}."] if table.pending else []),
    ]


def sources(tables: Sequence[Table]) -> list[str]:
    """What the rows of some tables rest on: papers, and which code of each solver stands against closed-form
    laws.
    """
    records = [r for table in tables for r in (*(row.head for row in table.rows), *table.skipped)]
    codes = _codes(r for table in tables for row in table.rows if not row.head.baseline for r in row.records)
    return [*_papers(records), *_certificates(codes)]


def certified(row: Row) -> str:
    """The state of the code behind a row, also where its records are of several; "" for a baseline."""
    if row.head.baseline:
        return ""
    return "certified" if all(certification_status(r)[0] for r in _codes(row.records)) else "uncertified"


def _codes(records: Iterable[Record]) -> list[Record]:
    """One record of each code of each solver."""
    return list({(r.solver, r.source_sha256, r.code_sha256, r.solver_rev): r for r in records}.values())


def _certificates(codes: Sequence[Record]) -> list[str]:
    found = dict.fromkeys((r.solver, *certification_status(r)) for r in codes)
    texts = {
        word: ", ".join(f"{code(name)} ({why})" for name, certified, why in found if certified == state)
        for word, state in (("Certified", True), ("Uncertified", False))
    }
    limits = {"Certified": f". Not certified: {UNCERTIFIED}"}
    return [f"{word}: {text}{limits.get(word, '')}." for word, text in texts.items() if text]


def absent(tables: Sequence[Table], metrics: Sequence[Metric], scores: Sequence[Scores]) -> dict[str, str]:
    """Metric -> reason, where no row of any table has it and for one reason: said once, not below each
    table.
    """
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
            facts = [{k: plain(v) for k, v in _facts(row).items() if v is not None} for row in rows]
            keys = [
                k for k in dict.fromkeys(k for f in facts for k in f) if len({f.get(k) for f in facts}) > 1
            ]
            texts = [
                ", ".join(f"{k} {f.get(k, 'absent')}" for k in keys) or f"cell {r.head.cell[:8]}"
                for f, r in zip(facts, rows, strict=True)
            ]
            listed = "; ".join(
                f"{row.name.removeprefix(label).strip()} {text}"
                for row, text in zip(rows, texts, strict=True)
            )
            found.append(f"{code(label)} names {len(rows)} configurations, kept apart: {escape(listed)}.")
    return found


def _facts(row: Row) -> dict[str, object]:
    r = row.head
    source = r.source_sha256[:8] if r.source_sha256 else None
    code_of = {"solver": r.solver, "revision": r.solver_rev, "source": source, "preset": r.preset}
    return code_of | r.params | {"dtype": r.dtype, "version": r.versions.get("diffusion-inverse-bench")}


def _unusual(table: Table, anchor: Reference | None) -> list[str]:
    """Rows that are about fewer images than the others, compared with the best of those; and images left
    out.
    """
    found = []
    for n, rows in table.blocks[1:]:
        why = (
            "by design"
            if all(r.planned for r in rows)
            else "recorded, and no manifest says how many were asked for"
        )
        gaps = [text for row in rows if anchor and (text := _against(table, row, anchor))]
        compared = f". Paired, on the same images: {'; '.join(gaps)}" if gaps else ""
        found.append(
            f"{', '.join(code(row.name) for row in rows)}: {counted(n, 'image')} {why}; not ranked{compared}."
        )
    extra = [f"{code(row.name)} {row.extra}" for row in table.rows if row.extra]
    return found + (
        [f"Images left out here, as the other rows do not have them: {', '.join(extra)}."] if extra else []
    )


def _against(table: Table, row: Row, anchor: Reference) -> str:
    metric, name = anchor.metric, anchor.row.name
    found = (
        gap(row.scores(metric.name), anchor.row.scores(metric.name), 1)
        if row.name not in table.strangers
        else None
    )
    return _difference(metric, row.name, name, found, 1) if found and not row.head.baseline else ""


def privileged(rows: Mapping[str, Sequence[Record]]) -> list[str]:
    """Rows that knew more than y, and what it was; by their names as they are printed."""
    groups: dict[tuple[tuple[str, float], ...], list[str]] = {}
    for name, records in rows.items():
        if any(r.privileged for r in records):
            guides = {(r.guidance["classifier"][:12], r.guidance["scale"]) for r in records if r.guidance}
            groups.setdefault(tuple(sorted(guides)), []).append(name)
    told = [
        f"{', '.join(names)}: the prior was told the class of each true image"
        + "".join(f", and guided by classifier {sha256} with scale {scale:g}" for sha256, scale in guides)
        for guides, names in groups.items()
    ]
    return [f"Privileged: {'; '.join(told)}."] if told else []


def _incomplete(table: Table, metrics: Sequence[Metric], scores: Scores) -> list[str]:
    """Rows that did not finish all their images, and how they compare over those that they share with the
    best row.
    """
    found = []
    for row in [row for row in table.rows if not row.complete]:
        parts = [f"{n} {WORDS.get(status, status)}" for status, n in row.failures.most_common()]
        lost = (
            f"{sum(row.failures.values())} of {len(row.records)} reconstructions failed ({', '.join(parts)})"
        )
        todo = f"{row.missing} of {len(row.images)} images not run"
        facts = " and ".join([lost] * bool(parts) + [todo] * bool(row.missing))
        shared = _over_shared(row, metrics, scores)
        compared = f" Paired over the shared images: {shared}." if shared else ""
        found.append(f"{code(row.name)}: {facts}; not ranked.{compared}{_first_reason(row)}")
    return found


def _over_shared(row: Row, metrics: Sequence[Metric], scores: Scores) -> str:
    """The difference to the best row, in the first metric that has one."""
    for metric in (m for m in metrics if m.better and m.name not in SET_METRICS):
        best = next((name for name, score in scores[metric.name].items() if score.mark == "best"), None)
        if best:
            found = scores[metric.name][row.name].gap
            return _difference(metric, row.name, best, found, metric.better) if found else ""
    return ""


def _difference(metric: Metric, name: str, other: str, gap: Interval, sign: int) -> str:
    """The gap in the metric's own direction, "a − b: PSNR +0.10 [+0.02, +0.18] (n 32)"."""
    low, high = sorted((sign * gap.low, sign * gap.high))
    mean, low, high = (metric.show(value, "+") for value in (sign * gap.mean, low, high))
    return f"{code(name)} − {code(other)} {metric.label} {mean} \\[{low}, {high}\\] (n {gap.n})"


def _first_reason(row: Row) -> str:
    reasons = distinct(r.reason for r in row.records if r.status != "ok" and r.reason)
    more = f" (and {len(reasons) - 1} other reasons)" if len(reasons) > 1 else ""
    return f" Reason: {escape(reasons[0].rstrip('.'), 160)}{more}." if reasons else ""


def _reference_mode(table: Table) -> list[str]:
    """Which rows repeat bit by bit, where not all do: the others depend on batch and threads in the last
    digits.
    """
    made = {row.name: sum(r.is_deterministic for r in row.records) for row in table.rows}
    sizes = {row.name: len(row.records) for row in table.rows}
    if made == sizes or not any(made.values()):
        return []
    parts = [
        code(name) + (f" {n} of {sizes[name]}" if n < sizes[name] else "") for name, n in made.items() if n
    ]
    return [f"Partly in reference mode: {', '.join(parts)}; the other records were made by ordinary runs."]


def _strangers(table: Table) -> list[str]:
    return [
        f"**{code(name)} saw other measurements than the other rows on {counted(n, 'image')}: not ranked.**"
        for name, n in table.strangers.items()
    ]


def _timings(table: Table) -> list[str]:
    """Which seconds must not be compared."""
    rows = [row for row in table.rows if row.seconds]
    names, usual = ("batch", "device", "threads", "network"), table.timing
    odd = [
        f"{code(row.name)} "
        + ", ".join(f"{n} {v}" for n, v, u in zip(names, row.timing, usual, strict=True) if v != u)
        for row in rows
        if row.timing != usual
    ]
    if not odd:
        return []
    here = ", ".join(f"{n} {v}" for n, v in zip(names, usual, strict=True) if v != "plain")
    return [f"‡ Seconds compare only at equal batch, device and threads (here {here}): {'; '.join(odd)}."]


def _unavailable(table: Table, metrics: Sequence[Metric], scores: Scores) -> list[str]:
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
            if (score := scores[metric.name][row.name]).interval and metric.name not in SET_METRICS
            if score.interval.n < len(row.solved)
        ]
        found += (
            [f"{metric.label} is missing or not finite on some images: {', '.join(gaps)}."] if gaps else []
        )
        if metric.name == "fid" and any(
            s.interval and s.interval.n < ENOUGH_FOR_FID for s in scores["fid"].values()
        ):
            found.append(
                f"† FID of fewer than {ENOUGH_FOR_FID} images is biased and not ranked; KID is not biased."
            )
    return found


def _papers(records: Sequence[Record]) -> list[str]:
    papers: dict[str, list[str]] = {}
    for r in records:
        if r.paper:
            papers.setdefault(r.paper, []).append(r.solver)
    links = [f"{escape(', '.join(distinct(solvers)))} {citation(paper)}" for paper, solvers in papers.items()]
    return [f"Papers: {'; '.join(links)}."] if links else []


GIVEN = (
    "Images are in [−1, 1] from dataset to solver; metrics see them clipped and mapped to [0, 1]. σ is the standard deviation "
    "of the noise in y in [−1, 1] units: 0.1 here is 0.05 where a paper works in [0, 1].",
    "The rows of a table saw the same measurements: noise, masks and kernels depend on seed, dataset, image and task only, and "
    "each record carries a hash of its y, which is compared here.",
)
COUNTED = (
    "Intervals: 95 % of the mean over images, bias-corrected accelerated bootstrap, 2000 resamples, fixed seed; several "
    "samples of an image are averaged first.",
    f"Ranking: among rows with the table's usual number of images. Two rows are compared over the images that both finished, "
    f"at least {FEWEST}, by the mean of the per-image differences; the best row is ahead of each other one so. Where rows have "
    "other images none may be: then it is the one with the smallest worst deficit.",
    "NFE: network evaluations per image; vjps: backward passes through the network per image.",
)
TRUTHS = (
    "FID and KID compare the reconstructions of a row (its own images, first samples) with the true images of the same row. "
    "KID is the squared MMD with kernel (x·y / d + 1)³ over pairs of different images, hence unbiased at any n though both "
    "sets show the same images; its interval is ± 1.96 jackknife errors, and rows tie within their joint error."
)
REFERENCE = (
    "FID and KID compare the reconstructions of a row (its own images, first samples) with {named}. KID is the squared MMD "
    "with kernel (x·y / d + 1)³, unbiased if the two sets are independent, and biased downwards where they show equal images; "
    "its interval is ± 1.96 jackknife errors, and rows tie within their joint error."
)
LAST = (
    "n: images on which every sample succeeded; failed: reconstructions that did not. Failures are never averaged over in "
    "silence: a row with failed or missing images is put in brackets and not ranked."
)


def conventions(metrics: Sequence[Metric], runs: Sequence[Run], more: Sequence[str] = ()) -> list[str]:
    """How to read every number of the page."""
    clock = distinct(run["seconds"] for run in runs if run.get("seconds"))
    seconds = "Seconds: the solver's clock of a batch divided by its size, over batches of the commonest size; interval over batches"
    lines = [
        *GIVEN,
        *[f"{m.label}: {escape(m.note.rstrip('.'), 1000)}." for m in metrics if m.note],
        *COUNTED[:2],
        *_compared(runs),
        COUNTED[2],
        ". ".join([seconds, *(f"The clock: {escape(text.rstrip('.'), 1000)}" for text in clock)]) + ".",
        *more,
        LAST,
    ]
    return ["## Conventions", "\n".join(f"- {line}" for line in lines)]


def _compared(runs: Sequence[Run]) -> list[str]:
    """What the sets of FID and KID are, for each kind of run."""
    references = [(run.get("sets") or {}).get("reference") for run in runs] or [None]
    named = [
        f"the {r['n']} images of {escape(r['dataset'])} (list {r['list'][:12]})" if r else ""
        for r in references
    ]
    return [REFERENCE.format(named=text) if text else TRUTHS for text in distinct(named)]
