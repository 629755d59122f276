"""What stands below a table: failures, gaps and unequal settings."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from bench.names import counted
from bench.records.record import Record
from bench.report.columns import SET_METRICS, Column
from bench.report.ranking import Judged, Yardstick
from bench.report.rows import unlike
from bench.report.scores import ENOUGH_FOR_FID, Score, Scores, any_known, is_biased
from bench.report.tables import Row, Table
from bench.report.text import code, codes, distinct, escape, plain, sentence
from bench.stats.comparisons import shared_means
from bench.stats.intervals import FEWEST, Interval
from bench.stats.metric import printed

WORDS = {"out_of_memory": "out of memory", "timeout": "over the time limit"}


def notes(table: Table, columns: Sequence[Column], scores: Scores, yardstick: Yardstick | None) -> list[str]:
    """All notes of one table but its sources, as Markdown without bullets."""
    found = [
        *_few(table),
        *_below_baseline(table),
        *_variants(table),
        *_unusual(table, scores, yardstick),
        *privileged({code(row.name): row.records for row in table.rows}),
        *_incomplete(table, columns, scores),
        *_so_far(table),
        *_strangers(table),
        *_partly_deterministic(table),
        *_timings(table),
        *_unavailable(table, columns, scores),
    ]
    for record in table.skipped:
        found.append(f"Skipped: {code(record.label)}: {escape(record.reason or 'no reason given')}.")
    if table.pending:
        found.append(f"Not run yet: {codes(table.pending)}.")
    return found


def absent(judged: Sequence[Judged], columns: Sequence[Column]) -> dict[str, str]:
    """Metric -> reason, where no row of any table has it and for one reason.

    It is said once for the page, not below each table.
    """
    found = {}
    for column in columns:
        scores: list[Score] = []
        for one in judged:
            scores += one.scores[column.name].values()
        reasons = distinct(score.reason for score in scores)
        if len(reasons) == 1 and not any_known(scores):
            found[column.name] = reasons[0]
    return found


def _few(table: Table) -> list[str]:
    """Whether the images are too few to rank anything; exact suites say it of their problems themselves."""
    most = max((len(row.solved) for row in table.rows), default=0)
    if table.samples_per_problem > 1 or not 0 < most < FEWEST:
        return []
    return [f"Fewer than {FEWEST} images cannot tell rows apart: nothing is ranked."]


def _below_baseline(table: Table) -> Iterator[str]:
    """The rows that a baseline beats in PSNR on the images of both: their settings do not fit the task."""
    for base in table.rows:
        if not base.head.baseline:
            continue
        found, known = [], base.scores("psnr")
        for row in table.rows:
            means = shared_means(row.scores("psnr"), known)
            if means and means[0] < means[1] and not row.head.baseline:
                ours, theirs = (printed(mean, ".2f") for mean in means)
                found.append(f"{code(row.name)} {ours} dB against {theirs}")
        if found:
            yield f"Below the baseline {code(base.name)} in PSNR, on the same images: {'; '.join(found)}."


def _variants(table: Table) -> Iterator[str]:
    """What tells apart the rows that share a label; they are never averaged together."""
    labels: dict[str, list[Row]] = {}
    for row in table.rows:
        labels.setdefault(row.head.label, []).append(row)
    for label, rows in labels.items():
        if len(rows) > 1:
            texts = []
            for row, text in zip(rows, _differences(rows), strict=True):
                letter = row.name.removeprefix(label).strip()
                texts.append(f"{letter} {text or f'cell {row.head.cell[:8]}'}")
            listed = escape("; ".join(texts))
            text = f"{code(label)} names {len(rows)} configurations, kept apart: {listed}."
            newest = {table.earlier[row.name] for row in rows if row.name in table.earlier}
            for name in newest:
                text += f" The newest run asks for {code(name)}; `report --newest` leaves earlier ones out."
            yield text


def _differences(rows: Sequence[Row]) -> list[str]:
    """The settings in which the rows differ, as a text for each row; "" where they differ in none."""
    facts = list(map(_facts, rows))
    names = dict.fromkeys(chain.from_iterable(facts))
    differing = [name for name in names if _varies(name, facts)]
    texts = []
    for one in facts:
        texts.append(", ".join(f"{name} {one.get(name, 'absent')}" for name in differing))
    return texts


def _varies(name: str, facts: Sequence[dict[str, str]]) -> bool:
    """Whether a setting differs between rows."""
    return len({one.get(name) for one in facts}) > 1


def _facts(row: Row) -> dict[str, str]:
    """The settings of a row as text; those that are None are left out."""
    head = row.head
    facts = {
        "solver": head.solver,
        "revision": head.solver_rev,
        "source": head.source_sha256[:8] if head.source_sha256 else None,
        "preset": head.preset,
        **head.params,
        "dtype": head.dtype,
        "version": head.versions.get("diffusion-inverse-bench"),
    }
    return {name: plain(value) for name, value in facts.items() if value is not None}


def _unusual(table: Table, scores: Scores, yardstick: Yardstick | None) -> Iterator[str]:
    """Rows about fewer images than the others, beside the best of those; and images left out."""
    for n, rows in table.by_images[1:]:
        by_design = all(row.planned for row in rows)
        why = "by design" if by_design else "recorded, and no manifest says how many were asked for"
        names, gaps = [], []
        for row in rows:
            names.append(row.name)
            if found := _to_yardstick(row, scores, yardstick):
                gaps.append(found)
        compared = f". Paired, on the same images: {'; '.join(gaps)}" if gaps else ""
        yield f"{codes(names)}: {counted(n, 'image')} {why}; not ranked{compared}."
    extra = [f"{code(row.name)} {row.extra}" for row in table.rows if row.extra]
    if extra:
        yield f"Images left out here, as the other rows do not have them: {', '.join(extra)}."


def _to_yardstick(row: Row, scores: Scores, yardstick: Yardstick | None) -> str:
    """The difference of a solver's row to the yardstick; "" where they do not compare."""
    if yardstick is None or row.head.baseline:
        return ""
    column = yardstick.column
    found = scores[column.name][row.name].gap
    return _difference(column, row.name, yardstick.row.name, found, column.better) if found else ""


def privileged(rows: Mapping[str, Sequence[Record]]) -> list[str]:
    """Rows that knew more than y, and what it was.

    Args:
        rows: name as it is printed -> records.
    """
    groups: dict[tuple[tuple[str, float], ...], list[str]] = {}
    for name, records in rows.items():
        if any(record.privileged for record in records):
            guides = {(r.guidance["classifier"][:12], r.guidance["scale"]) for r in records if r.guidance}
            groups.setdefault(tuple(sorted(guides)), []).append(name)
    told = []
    for guides_of_group, names in groups.items():
        text = f"{', '.join(names)}: the prior was told the class of each true image"
        for sha256, scale in guides_of_group:
            text += f", and guided by classifier {sha256} with scale {scale:g}"
        told.append(text)
    return [f"Privileged: {'; '.join(told)}."] if told else []


def _incomplete(table: Table, columns: Sequence[Column], scores: Scores) -> Iterator[str]:
    """Rows that did not finish all their images, beside the best row over those that both have."""
    for row in table.rows:
        if not row.complete:
            facts = []
            if row.failures:
                parts = [f"{n} {WORDS.get(status, status)}" for status, n in row.failures.most_common()]
                share = f"{row.n_failed} of {len(row.records)} reconstructions"
                facts.append(f"{share} failed ({', '.join(parts)})")
            if row.missing:
                facts.append(f"{row.missing} of {len(row.images)} images not run")
            shared = _to_best(row, columns, scores)
            compared = f" Paired over the shared images: {shared}." if shared else ""
            yield f"{code(row.name)}: {' and '.join(facts)}; not ranked.{compared}{_first_reason(row)}"


def _so_far(table: Table) -> Iterator[str]:
    """Rows that have fewer samples of an image than were asked for."""
    groups: dict[tuple[int, int], list[str]] = {}
    for row in table.rows:
        if row.so_far:
            groups.setdefault(row.so_far, []).append(row.name)
    for (made, asked), names in groups.items():
        yield f"{made} of {asked} reconstructions so far: {codes(names)}."


def _to_best(row: Row, columns: Sequence[Column], scores: Scores) -> str:
    """The difference to the best row, in the first metric that has one."""
    for column in columns:
        if column.better and column.name not in SET_METRICS:
            judged = scores[column.name]
            best = next((name for name, score in judged.items() if score.mark == "best"), None)
            if best:
                found = judged[row.name].gap
                return _difference(column, row.name, best, found, column.better) if found else ""
    return ""


def _difference(column: Column, name: str, other: str, gap: Interval, sign: int) -> str:
    """The gap in the metric's own direction, "a − b: PSNR +0.10 [+0.02, +0.18] (n 32)"."""
    low, high = sorted((sign * gap.low, sign * gap.high))
    ends = f"\\[{column.show(low, '+')}, {column.show(high, '+')}\\]"
    mean = column.show(sign * gap.mean, "+")
    return f"{code(name)} − {code(other)} {column.label} {mean} {ends} (n {gap.n})"


def _first_reason(row: Row) -> str:
    """Why the first record failed, and how many other reasons there are."""
    reasons = row.failure_reasons
    more = f" (and {len(reasons) - 1} other reasons)" if len(reasons) > 1 else ""
    return f" Reason: {sentence(reasons[0], 160)}{more}." if reasons else ""


def _partly_deterministic(table: Table) -> list[str]:
    """Which rows repeat bit by bit, where not all do.

    The others depend on batch and threads in the last digits.
    """
    partly = False
    parts = []
    for row in table.rows:
        made, n = sum(record.is_deterministic for record in row.records), len(row.records)
        partly = partly or made < n
        if made:
            parts.append(code(row.name) if made == n else f"{code(row.name)} {made} of {n}")
    if not (partly and parts):
        return []
    return [
        f"Partly in deterministic mode: {', '.join(parts)}; the other records were made by ordinary runs."
    ]


def _strangers(table: Table) -> Iterator[str]:
    """Rows whose measurements differ from those of most rows."""
    for name, n in table.strangers.items():
        other = f"saw other measurements than the other rows on {counted(n, 'image')}"
        yield f"**{code(name)} {other}: not ranked.**"


def _timings(table: Table) -> list[str]:
    """Which seconds must not be compared."""
    odd: dict[str, list[str]] = {}
    for row in table.rows:
        if row.seconds and row.timing != table.timing:
            odd.setdefault(unlike(row.timing, table.timing), []).append(row.name)
    if not odd:
        return []
    others = "; ".join(f"{codes(names)} {escape(text)}" for text, names in odd.items())
    rule = "‡ Timed otherwise: seconds compare only on one machine and build, at equal batch and threads"
    return [f"{rule} (here {escape(unlike(table.timing))}): {others}."]


def _unavailable(table: Table, columns: Sequence[Column], scores: Scores) -> Iterator[str]:
    """Which metrics are absent or incomplete, and why; and whether FID is biased."""
    for column in columns:
        judged = scores[column.name]
        yield from _reasons(table, column, judged)
        if column.name not in SET_METRICS:
            yield from _missing_values(table, column, judged)
        if column.name == "fid" and is_biased(judged):
            yield f"† FID of fewer than {ENOUGH_FOR_FID} images is biased and not ranked; KID is not biased."


def _reasons(table: Table, column: Column, judged: Mapping[str, Score]) -> Iterator[str]:
    """Each reason why rows lack a metric, with these rows where they are not all."""
    reasons: dict[str, list[str]] = {}
    for row in table.rows:
        if judged[row.name].interval is None:
            reasons.setdefault(judged[row.name].reason, []).append(row.name)
    for reason, names in reasons.items():
        who = "" if len(names) == len(table.rows) else f" for {codes(names)}"
        yield f"{column.label} unavailable{who}: {sentence(reason)}."


def _missing_values(table: Table, column: Column, judged: Mapping[str, Score]) -> Iterator[str]:
    """Rows that have a metric of some images only."""
    gaps = []
    for row in table.rows:
        interval = judged[row.name].interval
        if interval and interval.n < len(row.solved):
            gaps.append(f"{code(row.name)} {len(row.solved) - interval.n}")
    if gaps:
        yield f"{column.label} is missing or not finite on some images: {', '.join(gaps)}."
