"""The commands that compute what a paper's page lacks, with what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.papers.published import Published, PublishedEntry
from bench.report.text import distinct, escape

TFLOPS = 50.0
"""What a GPU is assumed to sustain, 10^12 operations per second in half precision: an assumption, not a
measurement."""
DTYPE = "float16"
"""Type of the planned commands, for which the hours hold.

bfloat16 has 8 bits: at the highest noise levels, where x0 is the difference of numbers a hundred times as
large, its x0 is ten times as far off."""
WITH_BACKWARD = 2.0
"""Cost of an evaluation with the gradient to its input, in evaluations; counted for both networks, see
published.toml."""
IMAGES = 1000
"""Images of a row whose paper does not say how many it took."""

Missing = tuple[PublishedEntry, str]
"""A paper's table and the row of it that is not recorded yet."""


@dataclass(frozen=True)
class PlannedRow:
    """A row that is not recorded yet: its command, and what it costs."""

    title: str
    command: str
    images: int
    nfe: int
    backward: bool
    hours: float


def plan(published: Published, missing: Sequence[Missing], ms_per_nfe: float | None) -> list[str]:
    """The parts of the page, in Markdown, about what is missing; none where nothing is."""
    if not missing:
        return []
    possible = [(entry, name) for entry, name in missing if not entry.skipped(name)]
    parts = ["## Plan"]
    if possible:
        rows = _planned_rows(published, possible, ms_per_nfe)
        commands = [row.command for row in rows]
        parts += [
            "Not recorded yet, with other settings, or of fewer images:",
            "\n".join(_costs(rows)),
            _assumption(published, possible, ms_per_nfe),
            "\n".join(["```sh", *commands, "```"]),
        ]
    notes = distinct([*_not_planned(published, missing), *_not_comparable(published, possible)])
    if notes:
        parts.append("\n".join(f"- {note}" for note in notes))
    return parts


def _planned_rows(
    published: Published, possible: Sequence[Missing], ms_per_nfe: float | None
) -> list[PlannedRow]:
    """One row for each command, as the last of those with that command has it."""
    by_command = {}
    for entry, name in possible:
        row = _planned_row(published, entry, name, ms_per_nfe)
        by_command[row.command] = row
    return list(by_command.values())


def _planned_row(
    published: Published, entry: PublishedEntry, name: str, ms_per_nfe: float | None
) -> PlannedRow:
    solver, steps = published.method(name)
    assert solver is not None, "only rows of our solvers are missing"
    about, images = published.solvers[solver], entry.n or IMAGES
    label = f"{solver}-{entry.preset.get(solver, 'official')}-{about.steps}"
    steps = steps or about.steps
    if steps != about.steps:
        label += f".steps={steps}"
    limit = f" --images {images}" if images != IMAGES else ""
    command = (
        f"python -m bench run --suite {entry.suite} --task {entry.task} --solver {label}{limit} "
        f"--device cuda --dtype {DTYPE}"
    )
    evaluations = images * steps * (WITH_BACKWARD if about.backward else 1.0)
    hours = evaluations * milliseconds(published, entry.prior, ms_per_nfe) / 3.6e6
    title = f"{published.label(name)}: {entry.title}, {entry.suite}"
    return PlannedRow(title, command, images, steps, about.backward, hours)


def milliseconds(published: Published, prior: str, ms_per_nfe: float | None) -> float:
    """Milliseconds of one evaluation on one image, as given, or assumed from the network's operations."""
    if ms_per_nfe is not None:
        return ms_per_nfe
    tflop = published.priors[prior].tflop
    assert tflop is not None, "networks of our suites have one"
    return tflop / TFLOPS * 1000


def _costs(rows: Sequence[PlannedRow]) -> list[str]:
    """The lines of the table of costs."""
    lines = ["| Problem | Images | NFE | GPU hours, estimated |", "|:--|--:|--:|--:|"]
    for row in rows:
        nfe = f"{row.nfe} + vjps" if row.backward else str(row.nfe)
        lines.append(f"| {escape(row.title)} | {row.images} | {nfe} | {_short(row.hours)} |")
    total = sum(row.hours for row in rows)
    return [*lines, f"| **in all** |  |  | **{_short(total)}** |"]


def _short(hours: float) -> str:
    return f"{hours:.1f}" if hours >= 1 else f"{hours:.2g}"


def _not_planned(published: Published, missing: Sequence[Missing]) -> list[str]:
    notes = []
    for entry, name in missing:
        reason = entry.skipped(name)
        if reason:
            notes.append(f"Not planned: {_about(published, entry, name)} ({escape(reason)}).")
    return notes


def _not_comparable(published: Published, possible: Sequence[Missing]) -> list[str]:
    notes = []
    for entry, name in possible:
        reason = entry.rows_differ.get(name)
        if reason:
            about = _about(published, entry, name)
            notes.append(f"Not comparable, once recorded: {about} ({escape(reason)}).")
    return notes


def _about(published: Published, entry: PublishedEntry, name: str) -> str:
    return f"{escape(published.label(name))}, {escape(entry.title)}"


def _assumption(published: Published, possible: Sequence[Missing], ms_per_nfe: float | None) -> str:
    each = []
    for prior in distinct(entry.prior for entry, _ in possible):
        each.append(f"{milliseconds(published, prior, ms_per_nfe):.3g} ms for {prior}")
    reason = f"the network's operations at an assumed {TFLOPS:g} TFLOP/s"
    if ms_per_nfe is not None:
        reason = "as given"
    return (
        "<sub>An estimate, not a measurement: images x NFE x the time of an evaluation, which is taken to be "
        f"{escape(', '.join(each))} ({reason}; `--ms-per-nfe` sets it; float32 takes longer); an evaluation "
        f"with a vjp counts as {WITH_BACKWARD:g}. Operators, metrics and files are not counted. "
        "`python -m bench run --dry-run ...` measures a few steps on your machine.</sub>"
    )
