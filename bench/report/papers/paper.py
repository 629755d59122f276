"""A paper's tables with our records beside its numbers, and the plan for what is not recorded."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.names import counted
from bench.records.files import check_run_folder
from bench.records.journal import read_records
from bench.records.manifest import read_manifests
from bench.report.markdown.notes import privileged
from bench.report.papers.compare import Comparison, Line, Recorded, compare, known_differences
from bench.report.papers.plan import plan
from bench.report.papers.published import FILE, METRICS, Entry, Published, load_published
from bench.report.scores import Sets
from bench.report.tables import build
from bench.report.text import citation, code, distinct, escape

LEGEND = (
    "<sub>Ours: mean over images \\[95 % interval\\]. **reproduced**: the paper's number is within the "
    "interval, up to its rounding. **differs**: it is not. *not comparable*: a convention differs, for the "
    "reasons given, and no difference is printed. *unverified source*: the number was not found word for "
    "word in the paper, so that it is never called reproduced. Intervals are about which images were taken; "
    "a paper states none, and its own spread comes on top. Where the number was read: *verbatim*, in the "
    "paper or a file of its authors; *quoted*, in copies only, which agree; *third-party*, in another paper "
    "that measured or took it; *unverified*, nowhere: from memory.</sub>"
)
MARKS = {"reproduced": "**", "differs": "**", "not comparable": "*", "unverified source": "*"}
"""Verdict -> what Markdown sets it between."""


def paper_page(
    name: str, folders: Sequence[Path] = (), ms_per_nfe: float | None = None, path: Path = FILE
) -> str:
    """The page, as Markdown.

    Args:
        name: of a paper in the file of published numbers.
        folders: run folders, put together.
        ms_per_nfe: assumed milliseconds of one evaluation of the network on one image; by default from the
            operations of the network and `bench.report.papers.plan.TFLOPS`.
        path: the file of published numbers.

    Raises:
        PublishedError: no such paper, or a mistake in the file.
        StoreError: a folder that does not exist or cannot be read.
    """
    published = load_published(path)
    entries, recorded = published.of(name), _recorded(folders)
    compared = [(entry, compare(published, entry, recorded)) for entry in entries]
    recorded.sets.save()
    paper = published.papers[name]
    verdicts = _count([line for _, lines in compared for line in lines])
    parts = [f"# {escape(paper.title)}", f"{citation(paper.id)}. {verdicts}.", LEGEND]
    sources: set[str] = set()
    missing = []
    for entry, lines in compared:
        if entry.source not in sources:
            parts.append(f"## {escape(entry.source)}")
            sources.add(entry.source)
        parts += _section(published, entry, lines)
        missing += [(entry, line.row) for line in lines if line.missing]
    return "\n\n".join([*parts, *plan(published, missing, ms_per_nfe)]) + "\n"


def _recorded(folders: Sequence[Path]) -> Recorded:
    for folder in folders:
        check_run_folder(folder)
    records = read_records(*folders)[0] if folders else []
    runs = [run for folder in folders for run in read_manifests(folder)]
    runs.sort(key=lambda run: run.created or "")
    return Recorded(build(records, runs), Sets(list(folders) or [Path()], runs), runs)


def _count(lines: Iterable[Line]) -> str:
    """How often each verdict was given, the commonest first."""
    verdicts: Counter[str] = Counter()
    for line in lines:
        verdicts.update(comparison.verdict for comparison in line.comparisons if comparison.verdict)
    counts = "; ".join(f"{n} {verdict}" for verdict, n in verdicts.most_common())
    return counts.capitalize() or "No numbers"


def _section(published: Published, entry: Entry, lines: Sequence[Line]) -> list[str]:
    """The parts about one table: title, conventions, numbers, and notes if there are any."""
    parts = [f"### {escape(entry.title)}", _facts(entry), _table(published, entry, lines)]
    notes = _notes(published, entry, lines)
    if notes:
        parts.append("\n".join(f"- {note}" for note in notes))
    return parts


def _facts(entry: Entry) -> str:
    """The conventions of a table, in one line."""
    std = entry.noise_std
    noise = "σ not known"
    if std is not None:
        noise = f"σ = {std:g} for images in [−1, 1] ({std / 2:g} in [0, 1] units)"
    operator = code(entry.operator)
    if entry.params:
        about = ", ".join(f"{key} {value}" for key, value in entry.params.items())
        operator += f" ({escape(about)})"
    images = escape(entry.dataset or entry.images)
    if entry.n and entry.dataset:
        images = f"{counted(entry.n, 'image')}: {images}"
    return f"{operator}; {noise}; {images}; prior {escape(entry.prior)}."


def _table(published: Published, entry: Entry, lines: Sequence[Line]) -> str:
    rows = [
        "| Method | Metric | Ours | Published | Read | Difference | Verdict |",
        "|:--|:--|--:|--:|:--|--:|:--|",
    ]
    numbered = {text: i for i, text in enumerate(_reasons(lines), 1)}
    for line in lines:
        method = escape(published.label(line.row))
        printed = entry.printed(line.row)
        for comparison in line.comparisons:
            metric = comparison.metric
            columns = [
                method,
                METRICS[metric].label,
                _ours(comparison),
                printed[metric],
                entry.status_of(line.row, metric),
                _difference(comparison),
                _verdict(comparison, entry.n, numbered),
            ]
            rows.append("| " + " | ".join(columns) + " |")
    return "\n".join(rows)


def _verdict(comparison: Comparison, n: int | None, numbered: dict[str, int]) -> str:
    """The verdict, the numbers of its reasons, and our number of images where it is smaller than theirs, n.

    Few images are easily reproduced.
    """
    mark = MARKS.get(comparison.verdict, "")
    text = f"{mark}{comparison.verdict or '–'}{mark}"
    if comparison.verdict == "unverified source":
        text += f" ({comparison.reasons[0]})"
    ours = comparison.ours
    if ours and n and comparison.difference is not None and ours.n < n:
        text += f", {ours.n} of {n} images"
    for i in sorted(numbered[reason] for reason in comparison.reasons if reason in numbered):
        text += f" ({i})"
    return text


def _ours(comparison: Comparison) -> str:
    """Our mean with its interval."""
    if comparison.ours is None:
        return "–"
    spec = METRICS[comparison.metric].format
    mean, low, high = (f"{value:{spec}}".replace("-", "−") for value in comparison.ours[:3])
    return mean if math.isnan(comparison.ours.low) else f"{mean} \\[{low}, {high}\\]"


def _difference(comparison: Comparison) -> str:
    value = comparison.difference
    return "–" if value is None else f"{value:+{METRICS[comparison.metric].format}}".replace("-", "−")


def _reasons(lines: Iterable[Line]) -> list[str]:
    """Why numbers are not comparable, distinct reasons in order."""
    found: list[str] = []
    for line in lines:
        for comparison in line.comparisons:
            if comparison.verdict == "not comparable":
                found += comparison.reasons
    return distinct(found)


def _notes(published: Published, entry: Entry, lines: Sequence[Line]) -> list[str]:
    """The reasons, which rows of ours were taken, which of these knew more than y, and known differences."""
    numbered = _reasons(lines)
    notes = [f"({i}) {escape(text)}." for i, text in enumerate(numbered, 1)]
    labels = {line.row: published.label(line.row) for line in lines if published.method(line.row)[0]}
    said = {text.removeprefix("solver: ") for text in numbered}
    for text in known_differences(entry, labels):
        if text not in said and text.partition(": ")[2] not in said:
            notes.append(f"Not comparable: {escape(text)}.")
    taken, records = [], {}
    for line in lines:
        if line.ours:
            table, row = line.ours
            method = escape(published.label(line.row))
            place = f"{escape(table.head.suite)}, {escape(table.title)}"
            taken.append(f"{method}: {code(row.name)} of {place}, {counted(len(row.solved), 'image')}")
            records[method] = row.records
    if taken:
        notes.append(f"Ours is {'; '.join(taken)}.")
    return [*notes, *privileged(records), *map(escape, entry.caveats)]
