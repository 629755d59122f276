"""The tables that the command line prints."""

from collections import Counter
from collections.abc import Iterable, Sequence

from bench.plan.cell import Cell
from bench.records.record import Record
from bench.run.forecast import Forecast
from bench.run.progress import duration
from bench.verify.repeat import Repeat


def repeat_table(repeats: Sequence[Repeat]) -> str:
    """A line per cell: median and largest deviation of the printed metrics, and the verdict."""
    tasks, labels = (max(len(getattr(r, name)) for r in repeats) for name in ("task", "label"))
    columns = [c for c in (*COLUMNS, *OF_BLOCKS) if any(c[0] in r.deviation for r in repeats)]
    lines = [
        f"{'':{tasks}}  {'':{labels}}{'n':>4}"
        + "".join(f"{title + ' median, max':>20}" for _, title, _ in columns)
    ]
    for r in repeats:
        gaps = "".join(
            "{:12.1g}{:8.1g}".format(*r.deviation[c[0]]) if c[0] in r.deviation else f"{'-':>20}"
            for c in columns
        )
        verdict = (
            "reproduced" if r.reproduced else "differs" + (f": {', '.join(r.changed)}" if r.changed else "")
        )
        lines.append(
            f"{r.task:{tasks}}  {r.label:{labels}}{r.n:4}{gaps}  {verdict}{', other code' if r.code_changed else ''}"
        )
    return "\n".join(lines)


COLUMNS = (("psnr", "PSNR", ".2f"), ("ssim", "SSIM", ".3f"), ("lpips", "LPIPS", ".3f"))
OF_BLOCKS = (
    ("mmd", "MMD", ".3f"),
    ("var_ratio_measured", "var A", ".2f"),
    ("var_ratio_unmeasured", "var 0", ".2f"),
)
"""Of blocks of samples: distance to the posterior, and variance over its own in measured and unmeasured
directions."""


def score_table(cells: Sequence[Cell], records: Iterable[Record]) -> str:
    """A block per task, a line per row: means over the images that are done, and what became of the
    others.
    """
    by_cell: dict[str, list[Record]] = {}
    for record in records:
        by_cell.setdefault(record.cell, []).append(record)
    width = max((len(cell.label) for cell in cells), default=0)
    lines = []
    blocks = {cell.task.name: cell.samples_per_problem for cell in cells}
    for task in dict.fromkeys(cell.task.name for cell in cells):
        columns = COLUMNS if blocks[task] == 1 else OF_BLOCKS
        titles = "".join(f"{title:>8}" for _, title, _ in columns)
        lines += ["", f"{task}", f"  {'':{width}}{'n':>5}{titles}{'NFE':>7}{'s/image':>9}"]
        for cell in cells:
            if cell.task.name == task:
                lines.append(f"  {cell.label:{width}}{_scores(by_cell.get(cell.id, []), columns)}")
    return "\n".join(lines[1:])


def _scores(records: Sequence[Record], columns: Sequence[tuple[str, str, str]]) -> str:
    ok = [r for r in records if r.status == "ok"]
    others = Counter(r.status for r in records if r.status != "ok")
    notes = "  ".join(
        f"{n if status != 'skipped' else ''} {status}: {next(r.reason for r in records if r.status == status)}".strip()
        for status, n in others.items()
    )
    if not ok:
        return f"{0:5}  {notes or 'nothing yet'}"
    text = f"{len(ok):5}"
    for name, _, spec in columns:
        values = [r.metrics[name] for r in ok if r.metrics.get(name) is not None]
        text += f"{format(sum(values) / len(values), spec) if values else '-':>8}"
    seconds = sum(r.seconds or 0 for r in ok) / len(ok)
    return f"{text}{sum(r.nfe for r in ok) / len(ok):7.0f}{short(seconds):>9}{'  ' + notes if notes else ''}"


def forecast_table(rows: Sequence[Forecast]) -> str:
    """One line per cell, and the total."""
    tasks = max(len(row.cell.task.name) for row in rows)
    labels = max(len(row.cell.label) for row in rows)
    lines = [f"{'task':{tasks}}  {'row':{labels}}{'done':>6}{'missing':>9}{'NFE':>7}{'s/image':>9}  time"]
    for cell, done, missing, nfe, seconds in rows:
        left = f"{cell.task.name:{tasks}}  {cell.label:{labels}}"
        if cell.reason is not None:
            lines.append(f"{left}  skipped: {cell.reason}")
            continue
        cost = "?" if seconds is None else short(seconds) if missing else ""
        time = duration(None if seconds is None else seconds * missing) if missing else ""
        lines.append(f"{left}{done:6}{missing:9}{'?' if nfe is None else f'{nfe:.0f}':>7}{cost:>9}  {time}")
    active = [row for row in rows if row.cell.reason is None]
    known = [row.seconds * row.missing for row in active if row.seconds is not None]
    more = "" if len(known) == len(active) else " and what is marked ?"
    missing, done = sum(row.missing for row in active), sum(row.done for row in active)
    return "\n".join(
        [
            *lines,
            f"{missing} reconstructions missing, {done} done; about {duration(sum(known))}{more} of solver time",
        ]
    )


def short(seconds: float) -> str:
    """Three digits, without powers of ten."""
    return f"{seconds:.0f}" if seconds >= 100 else f"{seconds:.3g}" if seconds >= 0.001 else "<0.001"
