"""What the command line prints: the scores of a run, and what a run would do."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from bench import environment
from bench.blocks import as_block
from bench.plan import Cell, Job
from bench.prepare import Plan
from bench.progress import Estimator, duration
from bench.records import Record
from bench.solving import Outcome, solve, warm_up

PROBE_STEPS = 3
COLUMNS = (("psnr", "PSNR", ".2f"), ("ssim", "SSIM", ".3f"), ("lpips", "LPIPS", ".3f"))
OF_BLOCKS = (("mmd", "MMD", ".3f"), ("var_ratio_measured", "var A", ".2f"), ("var_ratio_unmeasured", "var 0", ".2f"))
"""Of blocks of samples: distance to the posterior, and variance over its own in measured and unmeasured directions."""


class Row(NamedTuple):
    """A line of the forecast."""

    cell: Cell
    done: int
    missing: int
    nfe: float | None
    seconds: float | None


def score_table(cells: Sequence[Cell], records: Iterable[Record]) -> str:
    """A block per task, a line per row: means over the images that are done, and what became of the others."""
    by_cell: dict[str, list[Record]] = {}
    for record in records:
        by_cell.setdefault(record.cell, []).append(record)
    width = max((len(cell.label) for cell in cells), default=0)
    lines = []
    blocks = {cell.task.name: cell.block for cell in cells}
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


def forecast(plan: Plan, records: Sequence[Record]) -> list[Row]:
    """What is done and missing in each cell; costs from earlier records of the row, else from a few steps on one batch."""
    done = plan.done(records)
    estimator = Estimator(records)
    nfe = {record.label: float(record.nfe) for record in records if record.status == "ok"}
    rows = []
    with environment.full_precision():
        for cell in plan.cells:
            missing = len(plan.missing(cell, done))
            if missing and cell.reason is None and (cell.label, cell.prior.name) not in estimator.by_row:
                outcome, scale = probe(plan, cell)
                if outcome is not None:
                    estimator.by_row[cell.label, cell.prior.name] = [outcome.seconds * cell.block * scale]
                    nfe[cell.label] = outcome.nfe * scale
            total = len(plan.missing(cell, set()))
            seconds = estimator.per_image(cell) if missing else 0.0
            rows.append(Row(cell, total - missing, missing, nfe.get(cell.label), seconds))
    return rows


def probe(plan: Plan, cell: Cell) -> tuple[Outcome | None, float]:
    """A run of a few steps on one batch and the factor by which the whole run is longer; None where the solver fails."""
    scale, solver = 1.0, cell.solver
    if cell.steps and cell.steps > PROBE_STEPS and not solver.baseline:
        scale, solver = cell.steps / PROBE_STEPS, replace(solver, steps=PROBE_STEPS)
    jobs = [Job(image, 0, "") for image in cell.images[: plan.options.batch if cell.block == 1 else 1]]
    measured = cell.task.measure(cell.data, [job.image for job in jobs])
    try:
        warm_up(solver, *cell.inputs(measured, jobs))
        outcome = solve(solver, *cell.inputs(measured, jobs))
        return outcome if cell.block == 1 else as_block(outcome, cell.block, cell.data.shape), scale
    except (Exception, SystemExit):  # noqa: BLE001 - a solver may raise anything; the run itself will say what
        return None, scale


def forecast_table(rows: Sequence[Row]) -> str:
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
        [*lines, f"{missing} reconstructions missing, {done} done; about {duration(sum(known))}{more} of solver time"]
    )


def short(seconds: float) -> str:
    """Three digits, without powers of ten."""
    return f"{seconds:.0f}" if seconds >= 100 else f"{seconds:.3g}" if seconds >= 0.001 else "<0.001"
