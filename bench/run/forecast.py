"""What a run would do, and how long it would take."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from bench.plan.cell import Cell, Job
from bench.plan.plan import Plan
from bench.records.record import AnyRecord
from bench.run.inputs import measure, solver_inputs
from bench.run.progress import Estimator
from bench.run.score import make_scorer
from bench.run.score_samples import as_samples
from bench.run.solve import Outcome, solve, warm_up
from bench.solver import Solver
from bench.suites.methods import parameters
from bench.system.device import full_precision

PROBE_STEPS = 3
PROBE_SECONDS = 60.0
"""Per image, after which a probe is given up."""


class Forecast(NamedTuple):
    """What a run would do in a cell."""

    cell: Cell
    done: int
    missing: int
    nfe: float | None
    seconds: float | None


def forecast(plan: Plan, records: Sequence[AnyRecord]) -> list[Forecast]:
    """What is done and missing in each cell, and what it costs.

    Costs come from earlier records of the row, else from a few steps on one batch.
    """
    done = plan.done(records, make_scorer(plan.suite, plan.cells).available)
    estimator = Estimator(records)
    nfe = {record.label: float(record.nfe) for record in records if record.status == "ok"}
    rows = []
    with full_precision():
        for cell in plan.cells:
            missing, row = len(plan.missing(cell, done)), (cell.label, cell.prior.name)
            if missing and cell.reason is None and row not in estimator.by_row:
                outcome, scale = probe(plan, cell)
                if outcome is not None:
                    estimator.by_row[row].add(outcome.seconds * cell.samples_per_problem * scale)
                    nfe[cell.label] = float(outcome.nfe.mean()) * scale
            total = len(plan.missing(cell, set()))
            seconds = estimator.per_image(cell) if missing else 0.0
            rows.append(Forecast(cell, total - missing, missing, nfe.get(cell.label), seconds))
    return rows


def probe(plan: Plan, cell: Cell) -> tuple[Outcome | None, float]:
    """Runs a few steps on one batch.

    Returns:
        The outcome, None where the solver fails, and the factor by which the whole run is longer.
    """
    n = cell.samples_per_problem
    solver, scale = shortened(cell)
    images = cell.images[: plan.options.batch if n == 1 else 1]
    jobs = [Job(image, 0, "") for image in images]
    measured = measure(cell.task, cell.data, images)
    if plan.options.fast:
        cell.prior.speed_up(plan.options.batch)
    try:
        warm_up(solver, *solver_inputs(cell, measured, jobs))
        outcome = solve(solver, *solver_inputs(cell, measured, jobs), limit=PROBE_SECONDS)
        if n > 1:
            outcome = as_samples(outcome, n, cell.data.shape)
    except (Exception, SystemExit):  # noqa: BLE001 - a solver may raise anything; the run itself will say what
        return None, scale
    return outcome, scale


def shortened(cell: Cell, steps: int = PROBE_STEPS) -> tuple[Solver, float]:
    """The solver of a cell with so many steps, and the factor by which its own run is longer.

    One whose steps are no parameter cannot be shortened.
    """
    is_parameter = "steps" in parameters(type(cell.solver))
    if cell.solver.baseline or not is_parameter or not cell.steps or cell.steps <= steps:
        return cell.solver, 1.0
    changes: dict[str, Any] = {"steps": steps}
    return replace(cell.solver, **changes), cell.steps / steps
