"""The tables that the command line prints."""

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from bench.names import counted
from bench.plan.cell import Cell
from bench.records.record import AnyRecord
from bench.run.progress import duration
from bench.stats.comparisons import shared_means

if TYPE_CHECKING:
    from bench.forecast.dry_run import Forecast
    from bench.verify.repeat import Repeat


class TableColumn(NamedTuple):
    """A metric as a column of a table: the name in records, the title, and the format of its values."""

    metric: str
    title: str
    spec: str


COLUMNS = (
    TableColumn("psnr", "PSNR", ".2f"),
    TableColumn("ssim", "SSIM", ".3f"),
    TableColumn("lpips", "LPIPS", ".3f"),
)
"""Metrics of each image."""
SET_COLUMNS = (
    TableColumn("mmd", "MMD", ".3f"),
    TableColumn("var_ratio_measured", "var A", ".2f"),
    TableColumn("var_ratio_unmeasured", "var 0", ".2f"),
    TableColumn("calibration", "calib", ".2f"),
)
"""Metrics of several samples of an image that are scored as one set: the distance to the posterior, the
variance over the posterior's in measured and unmeasured directions, and the error of the mean over what they
claim."""


def repeat_table(repeats: Sequence["Repeat"]) -> str:
    """A line per cell: median and largest deviation of the printed metrics, and the verdict."""
    tasks, labels = 0, 0
    known: set[str] = set()
    for r in repeats:
        tasks, labels = max(tasks, len(r.task)), max(labels, len(r.label))
        known.update(r.deviation)
    columns = [column for column in (*COLUMNS, *SET_COLUMNS) if column.metric in known]
    titles = "".join(f"{column.title + ' median, max':>20}" for column in columns)
    lines = [f"{'':{tasks}}  {'':{labels}}{'n':>4}{titles}"]
    for r in repeats:
        gaps = "".join(deviation(r, column.metric) for column in columns)
        lines.append(f"{r.task:{tasks}}  {r.label:{labels}}{r.n:4}{gaps}  {verdict(r)}")
    return "\n".join(lines)


def deviation(repeat: "Repeat", metric: str) -> str:
    """Median and largest deviation of a metric, 20 characters."""
    found = repeat.deviation.get(metric)
    return f"{'-':>20}" if found is None else f"{found[0]:12.1g}{found[1]:8.1g}"


def verdict(repeat: "Repeat") -> str:
    """Whether a row was reproduced, what must be equal and is not, and whether its code is another one."""
    words = "reproduced" if repeat.reproduced else "differs"
    if repeat.changed and not repeat.reproduced:
        words += f": {', '.join(repeat.changed)}"
    return f"{words}, other code" if repeat.code_changed else words


def score_table(cells: Sequence[Cell], records: Iterable[AnyRecord]) -> str:
    """A table per task, a line per row: what is done, and what befell the other images.

    Means over images, and medians over problems that are scored by sets of samples, as reports have them.
    """
    by_cell: dict[str, list[AnyRecord]] = {}
    for record in records:
        by_cell.setdefault(record.cell, []).append(record)
    by_task: dict[str, list[Cell]] = {}
    for cell in cells:
        by_task.setdefault(cell.task.name, []).append(cell)
    width = max((len(cell.label) for cell in cells), default=0)
    lines = []
    for task, own in by_task.items():
        by_sets = own[-1].samples_per_problem > 1
        columns = SET_COLUMNS if by_sets else COLUMNS
        titles = "".join(f"{column.title:>8}" for column in columns)
        lines += [
            "",
            f"{task}, medians" if by_sets else task,
            f"  {'':{width}}{'n':>5}{titles}{'NFE':>7}{'s/image':>9}",
        ]
        for cell in own:
            lines.append(f"  {cell.label:{width}}{scores(by_cell.get(cell.id, []), columns)}")
    return "\n".join(lines[1:])


def below_baseline(cells: Sequence[Cell], records: Iterable[AnyRecord]) -> Iterator[str]:
    """A line for each row that a baseline beats in PSNR on the images of both."""
    values: dict[str, dict[str, float]] = {}
    for record in records:
        if (value := record.metrics.get("psnr")) is not None:
            values.setdefault(record.cell, {})[f"{record.image} {record.sample}"] = value
    for cell in cells:
        for base in cells:
            if cell.solver.baseline or not base.solver.baseline or cell.task.name != base.task.name:
                continue
            means = shared_means(values.get(cell.id, {}), values.get(base.id, {}))
            if means and means[0] < means[1]:
                than = f"{means[0]:z.2f} dB is below {base.label}'s {means[1]:z.2f} on the same images"
                yield f"warning: {cell.task.name}: {cell.label}: PSNR {than}: prior or settings do not fit"


def scores(records: Sequence[AnyRecord], columns: Sequence[TableColumn]) -> str:
    """What follows a row's label: the number of images, means, and the statuses of the other images."""
    ok = [r for r in records if r.status == "ok"]
    notes = "  ".join(other_statuses(records))
    if not ok:
        return f"{0:5}  {notes or 'nothing yet'}"
    means = "".join(f"{middle(ok, column):>8}" for column in columns)
    nfe = sum(r.nfe for r in ok) / len(ok)
    seconds = sum(r.seconds or 0 for r in ok) / len(ok)
    line = f"{len(ok):5}{means}{nfe:7.0f}{short(seconds):>9}"
    return f"{line}  {notes}" if notes else line


def middle(records: Sequence[AnyRecord], column: TableColumn) -> str:
    """The mean or median of a metric, in brackets where some records lack it; "-" where all do."""
    values = [value for r in records if (value := r.metrics.get(column.metric)) is not None]
    if not values:
        return "-"
    found = statistics.median(values) if column in SET_COLUMNS else sum(values) / len(values)
    text = format(found, f"z{column.spec}")
    return text if len(values) == len(records) else f"({text})"


def other_statuses(records: Sequence[AnyRecord]) -> list[str]:
    """A note for each status other than ok, such as "2 diverged: not finite", with the first reason."""
    first: dict[str, AnyRecord] = {}
    counts: Counter[str] = Counter()
    for record in records:
        if record.status != "ok":
            first.setdefault(record.status, record)
            counts[record.status] += 1
    notes = []
    for status, n in counts.items():
        number = "" if status == "skipped" else f"{n} "
        notes.append(f"{number}{status}: {first[status].reason}".strip())
    return notes


def forecast_table(rows: Sequence["Forecast"]) -> str:
    """A line per cell, and the total."""
    tasks, labels = 0, 0
    for row in rows:
        tasks, labels = max(tasks, len(row.cell.task.name)), max(labels, len(row.cell.label))
    lines = [f"{'task':{tasks}}  {'row':{labels}}{'done':>6}{'missing':>9}{'NFE':>7}{'s/image':>9}  time"]
    for row in rows:
        lines.append(f"{row.cell.task.name:{tasks}}  {row.cell.label:{labels}}{outlook(row)}")
    return "\n".join([*lines, total(rows)])


def total(rows: Sequence["Forecast"]) -> str:
    """What the rows that can be solved need together."""
    missing, done, seconds, more = 0, 0, 0.0, ""
    for row in rows:
        if row.cell.reason is not None:
            continue
        missing += row.missing
        done += row.done
        if row.seconds is None:
            more = " and what is marked ?"
        else:
            seconds += row.seconds * row.missing
    time = f"about {duration(seconds)}{more} of solver time"
    return f"{counted(missing, 'reconstruction')} missing, {done} done; {time}"


def outlook(row: "Forecast") -> str:
    """What follows a row's label: done, missing, evaluations, seconds per image and for all."""
    if row.cell.reason is not None:
        return f"  skipped: {row.cell.reason}"
    nfe = "?" if row.nfe is None else f"{row.nfe:.0f}"
    if row.seconds is None:
        cost, time = "?", duration(None)
    elif row.missing:
        cost, time = short(row.seconds), duration(row.seconds * row.missing)
    else:
        cost, time = "", ""
    return f"{row.done:6}{row.missing:9}{nfe:>7}{cost:>9}  {time if row.missing else ''}"


def short(seconds: float) -> str:
    """Three digits, without powers of ten."""
    if seconds >= 100:
        return f"{seconds:.0f}"
    return f"{seconds:.3g}" if seconds >= 0.001 else "<0.001"
