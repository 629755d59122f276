"""A paper's table in its own form: methods by metrics, our number over theirs in each cell."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from bench.report.numbers import short
from bench.report.papers.compare import Comparison, Line
from bench.report.papers.published import METRICS, Published, PublishedEntry
from bench.report.text import ARROWS, distinct, escape, table_head, table_line
from bench.stats.metric import printed

SIGNS = {
    "reproduced": "=",
    "differs": "≠",
    "not comparable": "×",
    "unverified source": "?",
    "no records": "·",
}
"""Verdict -> what stands before its word, so that no verdict is by a colour or a sign alone."""
FIELDS = (
    *("source", "task", "method", "metric", "ours", "ours_low", "ours_high", "ours_n"),
    *("published", "published_n", "read", "difference", "verdict", "reasons"),
)
"""The columns of the listing."""


def table(published: Published, entry: PublishedEntry, lines: Sequence[Line]) -> str:
    """The table of one problem, as Markdown."""
    titles = [METRICS[metric].label + ARROWS[METRICS[metric].better] for metric in entry.metrics]
    rows = table_head(["Method", *titles])
    numbered = {text: i for i, text in enumerate(reasons(lines), 1)}
    for line in lines:
        found = dict(zip(map(attrgetter("metric"), line.comparisons), line.comparisons, strict=True))
        printed = entry.printed(line.row)
        cells = [escape(published.label(line.row))]
        for metric in entry.metrics:
            one = found.get(metric)
            verdict = _verdict(one, entry.n, numbered) if one else []
            cells.append(_cell(one, printed[metric], verdict, entry.status_of(line.row, metric)))
        rows.append(table_line(cells))
    return "\n".join(rows)


def _cell(comparison: Comparison | None, printed: str, verdict: Sequence[str], status: str) -> str:
    """Ours, theirs below it, and below both the verdict and where theirs was read."""
    if comparison is None:
        return "–"
    ours = ours_text(comparison) or ("–" if comparison.verdict else "")
    words = [*verdict, *([f"({status})"] if status != "verbatim" else [])]
    return "<br>".join([ours, printed, *([f"<sub>{' '.join(words)}</sub>"] if words else [])])


def _verdict(comparison: Comparison, n: int | None, numbered: Mapping[str, int]) -> list[str]:
    """Sign and word, the difference, how few our images are, and the numbers of the reasons.

    Few images are easily reproduced.
    """
    words = [SIGNS[comparison.verdict], comparison.verdict] if comparison.verdict else []
    if text := difference_text(comparison):
        words.append(text)
    ours = comparison.ours
    if ours and n and comparison.difference is not None and ours.n < n:
        words.append(f"({ours.n} of {n} images)")
    for i in sorted(numbered[reason] for reason in comparison.reasons if reason in numbered):
        words.append(f"({i})")
    return words


def ours_text(comparison: Comparison) -> str:
    """Our mean with its interval; "" where there is none."""
    if comparison.ours is None:
        return ""
    spec = METRICS[comparison.metric].format
    mean, low, high, _ = comparison.ours
    text = printed(mean, spec)
    return text if math.isnan(low) else f"{text} \\[{printed(low, spec)}, {printed(high, spec)}\\]"


def difference_text(comparison: Comparison) -> str:
    """Ours minus theirs, with its sign; "" where the two are not comparable."""
    value = comparison.difference
    return "" if value is None else printed(value, METRICS[comparison.metric].format, "+")


def reasons(lines: Iterable[Line]) -> list[str]:
    """Why numbers are not comparable, distinct reasons in order."""
    found: list[str] = []
    for line in lines:
        for comparison in line.comparisons:
            if comparison.verdict == "not comparable":
                found += comparison.reasons
    return distinct(found)


def listing(published: Published, compared: Iterable[tuple[PublishedEntry, Sequence[Line]]]) -> bytes:
    """Every number of the paper on a line of a CSV file, in the paper's printed unit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    for entry, lines in compared:
        for line in lines:
            printed = entry.printed(line.row)
            for one in line.comparisons:
                names = [entry.source, entry.title, published.label(line.row), METRICS[one.metric].label]
                numbers = one.ours or (None, None, None, None)
                status = entry.status_of(line.row, one.metric)
                theirs = [printed[one.metric], entry.n, status]
                found = [one.difference, one.verdict, "; ".join(one.reasons)]
                writer.writerow(map(short, (*names, *numbers, *theirs, *found)))
    return text.getvalue().encode()
