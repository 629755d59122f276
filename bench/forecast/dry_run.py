"""What a run would do, and how long it would take."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bench.forecast.counts import COUNT_SECONDS, Counts, count_calls, is_longer, shortened
from bench.forecast.trial import whole_over
from bench.plan.cell import Cell, Job
from bench.plan.plan import Plan
from bench.records.record import AnyRecord
from bench.run.inputs import measure, solver_inputs
from bench.run.progress import Estimator, Mean
from bench.run.score import make_scorer
from bench.run.score_samples import as_samples
from bench.run.solve import Outcome, solve, warm_up
from bench.system.device import full_precision

PROBE_STEPS = 3
Costly = tuple[str, str, int | None]
"""Row, prior and steps."""


class Forecast(NamedTuple):
    """What a run would do in a cell."""

    cell: Cell
    done: int
    missing: int
    nfe: float | None
    seconds: float | None


def forecast(plan: Plan, records: Sequence[AnyRecord]) -> list[Forecast]:
    """What is done and missing in each cell, and what it costs.

    Costs come from earlier records of the row with as many steps, else from a count and a few steps on one
    batch. Records of other settings say nothing of these.
    """
    done = plan.done(records, make_scorer(plan.suite, plan.cells).available)
    cells = {cell.id: cell for cell in plan.cells}
    own = [record for record in records if record.cell in cells and record.status == "ok"]
    estimator, cost = Estimator(own), learn(own, cells)
    nfe = {record.cell: float(record.nfe) for record in own}
    counted: dict[Costly, float] = {costly(cells[cell]): calls for cell, calls in nfe.items()}
    rows = []
    with full_precision():
        for cell in plan.cells:
            missing, row = len(plan.missing(cell, done)), costly(cell)
            if missing and cell.reason is None and row not in cost:
                probed = probe(plan, cell)
                if probed is not None:
                    counts, each = probed
                    cost[row].add(each * cell.samples_per_problem)
                    counted[row] = counts.nfe
            total = len(plan.missing(cell, set()))
            known = row in cost and cell.reason is None
            seconds = cost[row].value if known else estimator.per_image(cell)
            calls = nfe.get(cell.id, counted.get(row))
            rows.append(Forecast(cell, total - missing, missing, calls, seconds if missing else 0.0))
    return rows


def costly(cell: Cell) -> Costly:
    """What cells of like cost have in common: the row, the prior, and its steps, which may differ by task."""
    return cell.label, cell.prior.name, cell.steps


def learn(records: Sequence[AnyRecord], cells: Mapping[str, Cell]) -> dict[Costly, Mean]:
    """The mean seconds of an image, or of a problem with all its samples, of such cells."""
    cost: dict[Costly, Mean] = defaultdict(Mean)
    for record in records:
        if record.seconds is not None:
            cost[costly(cells[record.cell])].add(record.seconds * record.samples_per_problem)
    return cost


def probe(plan: Plan, cell: Cell) -> tuple[Counts, float] | None:
    """Counts a reconstruction of a cell, and runs a few steps on one batch for its seconds.

    Returns:
        The counts and the seconds of an image, or of one of the samples that make a record; None where the
        solver fails.
    """
    n = cell.samples_per_problem
    solver = shortened(cell, PROBE_STEPS)
    images = cell.images[: plan.options.batch if n == 1 else 1]
    jobs = [Job(image, 0, "") for image in images]
    measured = measure(cell.task, cell.data, images)
    if plan.options.fast:
        cell.prior.speed_up(plan.options.batch)
    try:
        warm_up(solver, *solver_inputs(cell, measured, jobs))
        outcome = solve(solver, *solver_inputs(cell, measured, jobs), limit=COUNT_SECONDS)
        if n > 1:
            outcome = as_samples(outcome, n, cell.data.shape)
    except (Exception, SystemExit):  # noqa: BLE001 - a solver may raise anything; the run itself will say what
        return None
    counts = counts_of(cell, outcome)
    return counts, outcome.seconds * whole_over(cell, outcome, counts.nfe, PROBE_STEPS)


def counts_of(cell: Cell, outcome: Outcome) -> Counts:
    """What a reconstruction of a cell asks of the network.

    In proportion to a probe where it cannot be counted: a solver may need more than `FreePrior` gives.
    """
    try:
        return count_calls(cell)
    except Exception:  # noqa: BLE001 - see above
        scale = (cell.steps or 0) / PROBE_STEPS if is_longer(cell, PROBE_STEPS) else 1.0
        return Counts(float(outcome.nfe.mean()) * scale, float(outcome.vjps.mean()) * scale)
