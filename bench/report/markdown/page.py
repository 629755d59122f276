"""report.md of image suites: header, overview, tasks, conventions."""

from collections.abc import Iterable, Sequence
from itertools import chain, starmap
from operator import attrgetter
from typing import NamedTuple

from bench.names import counted
from bench.records.manifest import RunManifest
from bench.records.record import Record
from bench.report.across.ranks import Across
from bench.report.across.section import NOTE as ACROSS
from bench.report.across.section import section as across_section
from bench.report.columns import Column
from bench.report.markdown.conventions import conventions, operator_table
from bench.report.markdown.figures import Shown, figure, of_task
from bench.report.markdown.notes import absent
from bench.report.markdown.section import section
from bench.report.markdown.summary import summary
from bench.report.ranking import Judged
from bench.report.samples import diversity, success
from bench.report.tables import Table, records_of
from bench.report.text import distinct, escape, sentence, table_line
from bench.system.versions import short_commit

LEGEND = (
    "**Bold**: the best mean. **Bold**⁼: no row is shown to be better, which is no proof of being as good: "
    "the difference that would be seen stands below each table. **Bold**≈: equivalent to the best mean, "
    "within the margin that stands there too. ʷ: at least one row is shown to be better. All pairs of the "
    "ranked rows of a task are compared at once, so that with 95 % certainty no mark of a column is wrong. "
    "No mark: not compared. *Italic*: baseline, not ranked. °: not ranked, but better than the best. "
    "(Brackets): failed or missing images, not ranked. \\[Small print\\]: 95 % interval of the mean over "
    "the row's images; two of them that overlap say nothing of a difference."
)
FEWER = (
    " Rows for which the suite asks for other images come last and are not ranked. The line above them "
    "shows the ranked row with the best {metric}, on just their images. Read their numbers against that "
    "line, not against the column: other images are easier or harder."
)


class Damage(NamedTuple):
    """What of run folders is not as it should be.

    Attributes:
        lines: of journals, that could not be read.
        pictures: names of those that could not be read.
        trajectories: files of them that could not be read.
        conflicts: a sentence about keys of which folders have different results; "" without any.
    """

    lines: int = 0
    pictures: Sequence[str] = ()
    trajectories: int = 0
    conflicts: str = ""

    def remarks(self) -> list[str]:
        """A paragraph for each kind."""
        found = []
        if self.lines:
            lines = f"**{self.lines} damaged journal lines were skipped**"
            found.append(f"{lines}; running the suite again fills the gaps.")
        if self.pictures:
            first = ", ".join(map(escape, self.pictures[:3])) + (", ..." if len(self.pictures) > 3 else "")
            pictures = counted(len(self.pictures), "damaged picture")
            found.append(f"**{pictures} below objects/**, shown as not kept: {first}.")
        if self.trajectories:
            files = counted(self.trajectories, "damaged file")
            found.append(f"**{files} of trajectories below objects/**, shown as not kept.")
        if self.conflicts:
            found.append(f"**{escape(self.conflicts, 1000)}.**")
        return found


def document(
    judged: Sequence[Judged],
    columns: Sequence[Column],
    runs: Sequence[RunManifest],
    figures: Shown,
    damage: Damage,
    across: Sequence[Across] = (),
) -> str:
    """The whole page.

    Args:
        judged: the tables in order, with all that was computed of them.
        columns: their metrics.
        runs: the manifests.
        figures: those of a task are named by a kind in `OF_TASK` and the table's slug.
        damage: what could not be read.
        across: the average ranks of each suite.
    """
    tables = [one.table for one in judged]
    parts = [header(tables, runs)]
    parts += damage.remarks()
    missing = absent(judged, columns)
    parts += _gaps(columns, missing)
    columns = [column for column in columns if column.name not in missing]
    parts += [*summary(judged, columns), _legend(judged)]
    for suite in across:
        parts += across_section([suite], columns)
        title = f"Average ranks: {escape(suite.suite)}"
        parts += figure(f"average_ranks_{suite.suite}", title, "Numbers: the table above.", figures)
    parts += figure("trajectories", "PSNR and misfit after every step", "Numbers: trajectories.csv.", figures)
    for one in judged:
        parts += section(one, columns)
        for kind in ("cost", "grid", "extremes"):
            parts += of_task(kind, one.table, figures)
        parts += diversity.section(one.table, one.spreads)
        parts += of_task("ranks", one.table, figures)
    has_spreads = any(one.spreads for one in judged)
    more = [diversity.NOTE] if has_spreads else []
    if across:
        more.append(ACROSS)
    if any(success.successes(table) for table in tables):
        more.append(success.NOTE)
    parts += conventions(columns, runs, more)
    return "\n\n".join([*parts, *operator_table(runs)]) + "\n"


def _gaps(columns: Sequence[Column], missing: dict[str, str]) -> list[str]:
    """Metrics that no row has, together where the reason is the same."""
    labels: dict[str, list[str]] = {}
    for column in columns:
        if column.name in missing:
            labels.setdefault(missing[column.name], []).append(column.label)
    return [f"Not available: {', '.join(found)} ({sentence(reason)})." for reason, found in labels.items()]


def _legend(judged: Sequence[Judged]) -> str:
    """How to read the marks, and the lines of yardsticks where there are any."""
    for one in judged:
        if one.yardstick:
            return f"<sub>{LEGEND}{FEWER.format(metric=one.yardstick.column.label)}</sub>"
    return f"<sub>{LEGEND}</sub>"


def header(tables: Sequence[Table], runs: Sequence[RunManifest]) -> str:
    """What was run on what, by which code, when.

    All of it is from records and manifests, so that equal records give equal pages.
    """
    records: list[Record] = []
    for table in tables:
        records += [*table.skipped, *records_of([table])]
    titles = distinct(run.title for run in runs if run.title)
    rows = []
    for name, text in _facts(tables, records, runs).items():
        if text:
            rows.append(table_line([name, escape(text)]))
    title = ", ".join(titles) or _each(records, "suite")
    lines = [f"# {escape(title)}", "", rows[0], "|:--|:--|", *rows[1:]]
    commands = distinct(run.command for run in runs if run.command)
    if commands:
        lines += ["", "```sh", *commands, "```"]
    return "\n".join(lines)


def _facts(tables: Sequence[Table], records: Sequence[Record], runs: Sequence[RunManifest]) -> dict[str, str]:
    """Name -> text of the header's lines; empty texts are left out there."""
    dates = sorted(map(_moment, records))
    rows = list(chain.from_iterable(table.rows for table in tables))
    devices = dict.fromkeys(map(attrgetter("device", "threads", "dtype"), records))
    commits = filter(None, dict.fromkeys(map(attrgetter("commit"), records)))
    return {
        "Suite": _each(records, "suite"),
        "Dataset": _each(records, "dataset") + _hashes(run.dataset_sha256 for run in runs),
        "Prior": _each(records, "prior") + _hashes(map(attrgetter("weights_sha256"), records)),
        "Run folders": ", ".join(distinct(chain.from_iterable(row.folders for row in rows))),
        "Images per task": _image_counts(tables),
        "Seed": _each(records, "seed"),
        "Device": ", ".join(distinct(starmap(_device, devices))),
        "Deterministic mode": _deterministic_share(records),
        "Versions": _versions(records),
        "Commit": ", ".join(distinct(map(short_commit, commits))),
        "Recorded": f"{dates[0]} to {dates[-1]} UTC, {counted(len(records), 'record')}",
    }


def _device(device: str, threads: int, dtype: str) -> str:
    """The device and what decides about rounding.

    A run never uses TF32 (`bench.system.device.full_precision`), which a GPU's user asks.
    """
    tf32 = "" if device.startswith("cpu") else ", no TF32"
    state = ", state in float32" if dtype in ("bfloat16", "float16") else ""
    return f"{device} ({counted(threads, 'thread')}, {dtype}{state}{tf32})"


def _versions(records: Sequence[Record]) -> str:
    """Each library once, with all its versions."""
    versions: dict[str, dict[str, None]] = {}
    for record in {id(record.versions): record for record in records}.values():  # mostly shared
        for name, version in record.versions.items():
            versions.setdefault(name, {})[version] = None
    return ", ".join(f"{name} {' or '.join(found)}" for name, found in sorted(versions.items()))


def _deterministic_share(records: Sequence[Record]) -> str:
    """How many records were made bit by bit reproducibly; "" for none. Skipped ones were not made at all."""
    made = [record for record in records if record.status != "skipped"]
    n = sum(record.is_deterministic for record in made)
    share = "all records" if n == len(made) else f"{n} of {len(made)} records"
    return f"{share}: one image at a time, on one thread, with deterministic kernels" if n else ""


def _each(records: Iterable[Record], name: str) -> str:
    """The distinct values of a field."""
    return ", ".join(distinct(dict.fromkeys(map(attrgetter(name), records))))


def _hashes(values: Iterable[str | None]) -> str:
    """The beginnings of distinct hashes, in parentheses; "" where none is known."""
    found = _short(values)
    return f" (sha256 {', '.join(found)})" if found else ""


def _short(hashes: Iterable[str | None]) -> list[str]:
    """The beginnings of distinct hashes; those that are not known are left out."""
    return distinct(value[:12] for value in hashes if value)


def _moment(record: Record) -> str:
    """When a record was made, to the second."""
    return record.created[:19].replace("T", " ")


def _image_counts(tables: Sequence[Table]) -> str:
    """The usual number, the rows that differ, and how many were attempted where that is less."""
    usual: set[int] = set()
    others: dict[int, dict[str, None]] = {}
    missing = planned = 0
    for table in tables:
        if table.rows:
            usual.add(table.usual)
        for name, n in table.unusual.items():
            others.setdefault(n, {})[name] = None
        for row in table.rows:
            missing += row.missing
            planned += len(row.images)
    least, most = min(usual, default=0), max(usual, default=0)
    text = str(least) if least == most else f"{least} to {most}"
    for n in sorted(others):
        text += f"; {n} for {', '.join(others[n])}"
    return text + (f" ({missing} of {planned} reconstructed images still missing)" if missing else "")
