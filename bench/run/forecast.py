"""What a run would do, and how long it would take."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from bench.plan.cell import Cell, Job
from bench.plan.plan import Plan
from bench.records.record import Record
from bench.run.inputs import measure, solver_inputs
from bench.run.progress import Estimator
from bench.run.score import make_scorer
from bench.run.score_samples import as_block
from bench.run.solve import Outcome, solve, warm_up
from bench.system.device import full_precision

PROBE_STEPS = 3


class Row(NamedTuple):
    """A line of the forecast."""

    cell: Cell
    done: int
    missing: int
    nfe: float | None
    seconds: float | None


def forecast(plan: Plan, records: Sequence[Record]) -> list[Row]:
    """What is done and missing in each cell; costs from earlier records of the row, else from a few steps on
    one batch.
    """
    done = plan.done(records, make_scorer(plan.suite, plan.cells).available)
    estimator = Estimator(records)
    nfe = {record.label: float(record.nfe) for record in records if record.status == "ok"}
    rows = []
    with full_precision():
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
    """A run of a few steps on one batch and the factor by which the whole run is longer; None where the
    solver fails.
    """
    scale, solver = 1.0, cell.solver
    if cell.steps and cell.steps > PROBE_STEPS and not solver.baseline:
        scale, solver = cell.steps / PROBE_STEPS, replace(solver, steps=PROBE_STEPS)
    jobs = [Job(image, 0, "") for image in cell.images[: plan.options.batch if cell.block == 1 else 1]]
    measured = measure(cell.task, cell.data, [job.image for job in jobs])
    try:
        warm_up(solver, *solver_inputs(cell, measured, jobs))
        outcome = solve(solver, *solver_inputs(cell, measured, jobs))
        return outcome if cell.block == 1 else as_block(outcome, cell.block, cell.data.shape), scale
    except (Exception, SystemExit):  # noqa: BLE001 - a solver may raise anything; the run itself will say what
        return None, scale
