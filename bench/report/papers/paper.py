"""A paper's tables with our records beside its numbers, and for what is not recorded, what it takes to
compute it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.names import counted
from bench.records.files import StoreError
from bench.records.journal import read_records
from bench.records.manifest import read_manifest
from bench.report.markdown.notes import privileged
from bench.report.papers.compare import Cell, Line, Records, compare
from bench.report.papers.published import FILE, METRICS, Entry, Published, load_published
from bench.report.scores import Sets
from bench.report.tables import build
from bench.report.text import citation, code, distinct, escape

TFLOPS = 50.0
"""What a GPU is assumed to sustain, 10^12 operations per second in half precision: an assumption, not a
measurement."""
DTYPE = "float16"
"""Of the planned commands, so that the hours are theirs. bfloat16 has 8 bits: at the highest noise levels,
where x0 is the difference of numbers a hundred times as large, its x0 is ten times as far off."""
WITH_BACKWARD = 2.0
"""Cost of an evaluation with the gradient to its input, in evaluations; counted for both networks, see
published.toml."""
IMAGES = 1000
"""Images of a row of which the paper does not say how many it took."""


@dataclass(frozen=True)
class Planned:
    """A row that is not recorded yet."""

    title: str
    command: str
    images: int
    nfe: int
    backward: bool
    hours: float


def paper_page(
    name: str, folders: Sequence[Path] = (), ms_per_nfe: float | None = None, path: Path = FILE
) -> str:
    """The page, as Markdown.

    Args:
        name: of a paper in the file of published numbers.
        folders: run folders, put together.
        ms_per_nfe: assumed milliseconds of one evaluation of the network on one image; by default from the
            operations of the network and `TFLOPS`.
        path: the file of published numbers.

    Raises:
        PublishedError: no such paper, or a mistake in the file.
        StoreError: a folder that does not exist or cannot be read.
    """
    published = load_published(path)
    entries, records = published.of(name), _records(folders)
    lines = [compare(published, entry, records) for entry in entries]
    records.sets.save()
    paper = published.papers[name]
    parts = [f"# {escape(paper.title)}", f"{citation(paper.id)}. {_count(lines)}.", LEGEND]
    for entry, found in zip(entries, lines, strict=True):
        parts += [
            *_heading(entry, entries),
            f"### {escape(entry.title)}",
            _facts(entry),
            _table(published, entry, found),
        ]
        parts += [notes] if (notes := _notes(published, entry, found)) else []
    missing = [
        (entry, line.row)
        for entry, found in zip(entries, lines, strict=True)
        for line in found
        if line.missing
    ]
    return "\n\n".join([*parts, *plan(published, missing, ms_per_nfe)]) + "\n"


def _records(folders: Sequence[Path]) -> Records:
    absent = [str(folder) for folder in folders if not folder.is_dir()]
    if absent:
        raise StoreError(f"no run folder {absent[0]}; run a suite first")
    found = read_records(*folders)[0] if folders else []
    runs = sorted(
        (run for folder in folders for run in read_manifest(folder)), key=lambda run: run.get("created") or ""
    )
    return Records(build(found, runs), Sets(list(folders) or [Path()], runs), runs)


LEGEND = (
    "<sub>Ours: mean over images \\[95 % interval\\]. **reproduced**: the paper's number is within the interval, up to its "
    "rounding. **differs**: it is not. *not comparable*: a convention differs, for the reasons given, and no difference is "
    "printed. *unverified source* †: the number was not found word for word in the paper, so that it is never called "
    "reproduced. Intervals are about which images were taken; a paper states none, and its own spread comes on top.</sub>"
)


def _count(lines: Iterable[Sequence[Line]]) -> str:
    verdicts = Counter(
        cell.verdict for found in lines for line in found for cell in line.cells if cell.verdict
    )
    return "; ".join(f"{n} {verdict}" for verdict, n in verdicts.most_common()).capitalize() or "No numbers"


def _heading(entry: Entry, entries: Sequence[Entry]) -> list[str]:
    first = next(e for e in entries if e.source == entry.source)
    return [f"## {escape(entry.source)}"] if entry is first else []


def _facts(entry: Entry) -> str:
    std = entry.noise_std
    noise = (
        "σ not known" if std is None else f"σ = {std:g} for images in [−1, 1] ({std / 2:g} in [0, 1] units)"
    )
    about = ", ".join(f"{key} {value}" for key, value in entry.params.items())
    operator = code(entry.operator) + (f" ({escape(about)})" if about else "")
    images = escape(entry.dataset or entry.images)
    number = f"{counted(entry.n, 'image')}: " if entry.n and entry.dataset else ""
    statuses = distinct([entry.status, *(f"{METRICS[m].label} {s}" for m, s in entry.statuses.items())])
    return (
        f"{operator}; {noise}; {number}{images}; prior {escape(entry.prior)}; source {', '.join(statuses)}."
    )


def _table(published: Published, entry: Entry, lines: Sequence[Line]) -> str:
    rows = ["| Method | Metric | Ours | Published | Difference | Verdict |", "|:--|:--|--:|--:|--:|:--|"]
    places = {text: i for i, text in enumerate(_reasons(lines), 1)}
    for line in lines:
        name = escape(published.label(line.row))
        for cell in line.cells:
            dagger = "†" * (entry.status_of(cell.metric) != "verbatim")
            verdict = _verdict(cell, entry.n) + "".join(
                f" ({i})" for i in sorted(places[text] for text in cell.reasons if text in places)
            )
            printed = entry.rows[line.row].split()[entry.metrics.index(cell.metric)]
            columns = [
                name,
                METRICS[cell.metric].label,
                _ours(cell),
                printed + dagger,
                _difference(cell),
                verdict,
            ]
            rows.append("| " + " | ".join(columns) + " |")
    return "\n".join(rows)


def _verdict(cell: Cell, there: int | None) -> str:
    """With the number of images where it is smaller than the paper's, since few are easily reproduced."""
    marks = {"reproduced": "**", "differs": "**", "not comparable": "*", "unverified source": "*"}
    mark = marks.get(cell.verdict, "")
    origin = f" ({cell.reasons[0]})" if cell.verdict == "unverified source" else ""
    compared = cell.ours.n if cell.difference is not None else None
    few = f", {compared} of {there} images" if compared and there and compared < there else ""
    return f"{mark}{cell.verdict or '–'}{mark}{origin}{few}"


def _ours(cell: Cell) -> str:
    if cell.ours is None:
        return "–"
    spec = METRICS[cell.metric].format
    mean, low, high = (f"{value:{spec}}".replace("-", "−") for value in cell.ours[:3])
    return mean + (f" \\[{low}, {high}\\]" if cell.ours.low == cell.ours.low else "")


def _difference(cell: Cell) -> str:
    value = cell.difference
    return "–" if value is None else f"{value:+{METRICS[cell.metric].format}}".replace("-", "−")


def _reasons(lines: Iterable[Line]) -> list[str]:
    return distinct(
        text for line in lines for c in line.cells if c.verdict == "not comparable" for text in c.reasons
    )


def _notes(published: Published, entry: Entry, lines: Sequence[Line]) -> str:
    """The reasons, which row of ours was taken, which of these knew more than y, and known differences."""
    notes = [f"({i}) {escape(text)}." for i, text in enumerate(_reasons(lines), 1)]
    taken = [
        f"{escape(published.label(line.row))}: {code(line.ours[1].name)} of {escape(line.ours[0].head.suite)}, "
        f"{escape(line.ours[0].title)}, {counted(len(line.ours[1].solved), 'image')}"
        for line in lines
        if line.ours
    ]
    notes += [f"Ours is {'; '.join(taken)}."] if taken else []
    notes += privileged(
        {escape(published.label(line.row)): line.ours[1].records for line in lines if line.ours}
    )
    return "\n".join(f"- {note}" for note in [*notes, *map(escape, entry.caveats)])


def plan(published: Published, missing: Sequence[tuple[Entry, str]], ms_per_nfe: float | None) -> list[str]:
    """The commands that compute what is missing, with their cost."""
    if not missing:
        return []
    notes = [
        f"Not planned: {_about(published, *row)} ({escape(why)})."
        for row in missing
        if (why := row[0].skipped(row[1]))
    ]
    missing = [(entry, name) for entry, name in missing if not entry.skipped(name)]
    notes += [
        f"Not comparable, once recorded: {_about(published, entry, name)} ({escape(why)})."
        for entry, name in missing
        if (why := entry.rows_differ.get(name))
    ]
    parts = ["## Plan"]
    if missing:
        found = list(
            {row.command: row for row in (_planned(published, *row, ms_per_nfe) for row in missing)}.values()
        )
        lines = ["| Problem | Images | NFE | GPU hours, estimated |", "|:--|--:|--:|--:|"]
        lines += [
            f"| {escape(r.title)} | {r.images} | {r.nfe}{' + vjps' * r.backward} | {_short(r.hours)} |"
            for r in found
        ]
        lines += [f"| **in all** |  |  | **{_short(sum(r.hours for r in found))}** |"]
        parts += ["Not recorded yet, with other settings, or of fewer images:", "\n".join(lines)]
        parts += [
            _assumption(published, missing, ms_per_nfe),
            "\n".join(["```sh", *(r.command for r in found), "```"]),
        ]
    return parts + ["\n".join(f"- {note}" for note in distinct(notes))] * bool(notes)


def _about(published: Published, entry: Entry, name: str) -> str:
    return f"{escape(published.label(name))}, {escape(entry.title)}"


def _planned(published: Published, entry: Entry, name: str, ms_per_nfe: float | None) -> Planned:
    solver, steps = published.method(name)
    about, images = published.solvers[solver], entry.n or IMAGES
    label = f"{solver}-{entry.preset.get(solver, 'official')}-{about.steps}"
    label += f".steps={steps}" * (steps != about.steps)
    limit = f" --images {images}" * (images != IMAGES)
    command = f"python -m bench run --suite {entry.suite} --task {entry.task} --solver {label}{limit} --device cuda --dtype {DTYPE}"
    evaluations = images * steps * (WITH_BACKWARD if about.backward else 1.0)
    hours = evaluations * milliseconds(published, entry.prior, ms_per_nfe) / 3.6e6
    return Planned(
        f"{published.label(name)}: {entry.title}, {entry.suite}",
        command,
        images,
        steps,
        about.backward,
        hours,
    )


def milliseconds(published: Published, prior: str, ms_per_nfe: float | None) -> float:
    """Of one evaluation on one image, as asked or assumed."""
    return ms_per_nfe if ms_per_nfe is not None else published.priors[prior].tflop / TFLOPS * 1000


def _short(hours: float) -> str:
    return f"{hours:.1f}" if hours >= 1 else f"{hours:.2g}"


def _assumption(published: Published, missing: Sequence[tuple[Entry, str]], ms_per_nfe: float | None) -> str:
    priors = distinct(entry.prior for entry, _ in missing)
    each = ", ".join(f"{milliseconds(published, prior, ms_per_nfe):.3g} ms for {prior}" for prior in priors)
    why = (
        "as given" if ms_per_nfe is not None else f"the network's operations at an assumed {TFLOPS:g} TFLOP/s"
    )
    return (
        f"<sub>An estimate, not a measurement: images x NFE x the time of an evaluation, which is taken to be {escape(each)} "
        f"({why}; `--ms-per-nfe` sets it; float32 takes longer); an evaluation with a vjp counts as {WITH_BACKWARD:g}. "
        "Operators, metrics and files are not counted. `python -m bench run --dry-run ...` measures a few steps on your "
        "machine.</sub>"
    )
