"""A short run of a cell without its network: the solver's own work, beside a count of the whole run."""

import contextlib
from typing import NamedTuple

import torch

from bench.forecast.counts import COUNT_SECONDS, count_calls, is_longer, shortened
from bench.forecast.work import Ledger, Work
from bench.plan.cell import Cell, Job
from bench.run.inputs import measure, solver_inputs
from bench.run.score_samples import as_samples
from bench.run.solve import Outcome, solve

SHORT = 10
"""Steps of the run whose work is taken for a share of the whole run's."""
NUMBERS = 2**17
"""In the images of a batch of this run: larger batches cost in proportion."""


class CellTrial(NamedTuple):
    """What a whole run of a cell costs beside the network's time, for one image."""

    nfe: float
    vjps: float
    rest: Work
    """The work of the solver and the operator, counted; nothing where it was timed."""
    seconds: float | None
    """The same in seconds, where it was timed."""


def try_cell(cell: Cell, batch: int, timed: bool) -> CellTrial | None:
    """Runs a cell's solver for a few steps and counts its whole run; None where it fails.

    Args:
        cell: with a prior that costs nothing, on the device where it runs.
        batch: images solved together, fewer where they are large.
        timed: whether the device of the cell is the one that is asked about.
    """
    n = cell.samples_per_problem
    most = max(1, NUMBERS // torch.Size(cell.data.shape).numel())
    images = cell.images[: min(batch, most) if n == 1 else 1]
    ledger = Ledger()
    try:
        nfe, vjps = count_calls(cell)
        short = _run(cell, images, contextlib.nullcontext() if timed else ledger)
    except (Exception, SystemExit):  # noqa: BLE001 - a solver may raise anything; the run itself will say what
        return None
    scale = whole_over(cell, short, nfe, SHORT)
    seconds = short.seconds * n * scale if timed else None
    return CellTrial(nfe, vjps, ledger.work * (scale / len(images)), seconds)


def whole_over(cell: Cell, short: Outcome, nfe: float, steps: int) -> float:
    """How many times as long the whole run of a cell is as one of so many steps.

    Args:
        nfe: of the whole run.
    """
    if not is_longer(cell, steps):
        return 1.0
    made = float(short.nfe.mean())
    return nfe / made if made else (cell.steps or steps) / steps


def _run(cell: Cell, images: tuple[str, ...], watched: contextlib.AbstractContextManager[object]) -> Outcome:
    jobs = [Job(image, 0, "") for image in images]
    given = solver_inputs(cell, measure(cell.task, cell.data, images), jobs)
    with watched:
        outcome = solve(shortened(cell, SHORT), *given, limit=COUNT_SECONDS)
    if cell.samples_per_problem > 1:
        outcome = as_samples(outcome, cell.samples_per_problem, cell.data.shape)
    return outcome
