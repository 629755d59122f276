"""A paper's tables with our records beside its numbers, and the plan for what is not recorded."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.names import counted
from bench.records.exchange.conflicts import read_together, told
from bench.records.manifest import read_manifests
from bench.report.markdown.notes import privileged
from bench.report.papers.compare import Line, Recorded, compare, known_differences
from bench.report.papers.layout import listing, reasons, table
from bench.report.papers.plan import plan
from bench.report.papers.published import FILE, Published, PublishedEntry, load_published
from bench.report.scores import Sets
from bench.report.tables import build
from bench.report.text import citation, code, escape, one_line

LEGEND = (
    "<sub>In a cell: ours, the mean over images \\[95 % interval\\]; below it the paper's number; below both "
    "the verdict. **= reproduced**: the paper's number is within the interval, up to its rounding. "
    "**≠ differs**: it is not. **× not comparable**: a convention differs, for the reasons given, and no "
    "difference is printed. **? unverified source**: the number was not found word for word in the paper, so "
    "that it is never called reproduced. **· no records**: nothing is recorded of it. Intervals are about "
    "which images were taken; a paper states none, and its own spread comes on top. Where the number was "
    "read: *quoted*, in copies only, which agree; *third-party*, in another paper that measured or took it; "
    "*unverified*, nowhere: from memory. Without such a word: in the paper or a file of its authors.</sub>"
)


class PaperReport(NamedTuple):
    """A paper's page, as Markdown, and every number of it on a line of a CSV file.

    Attributes:
        conflicts: a line about keys of which folders have different results; "" without any.
    """

    page: str
    listing: bytes
    conflicts: str


def paper_report(
    name: str, folders: Sequence[Path] = (), ms_per_nfe: float | None = None, path: Path = FILE
) -> PaperReport:
    """The paper's own tables with our numbers over theirs.

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
    entries, (recorded, conflicts) = published.of(name), _recorded(folders)
    compared = [(entry, compare(published, entry, recorded)) for entry in entries]
    recorded.sets.save()
    paper = published.papers[name]
    verdicts = _count([line for _, lines in compared for line in lines])
    parts = [f"# {escape(paper.title)}", f"{citation(paper.id)}. {verdicts}.", LEGEND]
    parts += [f"**{escape(conflicts, 1000)}.**"] if conflicts else []
    parts += [f"Of the paper's tables this page lacks {escape(text)}." for text in paper.lacks]
    sources: set[str] = set()
    missing = []
    for entry, lines in compared:
        if entry.source not in sources:
            parts.append(f"## {escape(entry.source)}")
            sources.add(entry.source)
        parts += _section(published, entry, lines)
        missing += [(entry, line.row) for line in lines if line.missing]
    page = "\n\n".join([*parts, *plan(published, missing, ms_per_nfe)]) + "\n"
    return PaperReport(page, listing(published, compared), conflicts)


def _recorded(folders: Sequence[Path]) -> tuple[Recorded, str]:
    """What the folders have, and a line about keys on which they disagree."""
    records, conflicts = read_together(folders)
    runs = [run for folder in folders for run in read_manifests(folder)]
    runs.sort(key=lambda run: run.created or "")
    recorded = Recorded(build(records, runs), Sets(list(folders) or [Path()], runs), runs)
    return recorded, one_line(told(conflicts))


def _count(lines: Iterable[Line]) -> str:
    """How often each verdict was given, the commonest first."""
    verdicts: Counter[str] = Counter()
    for line in lines:
        verdicts.update(comparison.verdict for comparison in line.comparisons if comparison.verdict)
    counts = "; ".join(f"{n} {verdict}" for verdict, n in verdicts.most_common())
    return counts.capitalize() or "No numbers"


def _section(published: Published, entry: PublishedEntry, lines: Sequence[Line]) -> list[str]:
    """The parts about one table: title, conventions, numbers, and notes if there are any."""
    parts = [f"### {escape(entry.title)}", _facts(entry), table(published, entry, lines)]
    notes = _notes(published, entry, lines)
    if notes:
        parts.append("\n".join(f"- {note}" for note in notes))
    return parts


def _facts(entry: PublishedEntry) -> str:
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


def _notes(published: Published, entry: PublishedEntry, lines: Sequence[Line]) -> list[str]:
    """The reasons, which rows of ours were taken, which of these knew more than y, and known differences."""
    numbered = reasons(lines)
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
