"""A short run of a cell without its network: evaluations, backward passes and the solver's own work."""

import contextlib
from typing import NamedTuple

import torch

from bench.forecast.work import Ledger, Work
from bench.plan.cell import Cell, Job
from bench.run.forecast import PROBE_SECONDS, shortened
from bench.run.inputs import measure, solver_inputs
from bench.run.score_samples import as_samples
from bench.run.solve import Outcome, solve

SHORT, LONG = 5, 10
"""Network evaluations of the two runs from which longer ones are extrapolated."""
NUMBERS = 2**17
"""In the images of a batch of these runs: larger batches cost in proportion."""


class CellTrial(NamedTuple):
    """What a whole run of a cell costs beside the network's time, for one image."""

    nfe: float
    vjps: float
    rest: Work
    """The work of the solver and the operator, counted; nothing where it was timed."""
    seconds: float | None
    """The same in seconds, where it was timed."""


def try_cell(cell: Cell, batch: int, timed: bool) -> CellTrial | None:
    """Runs a cell's solver twice for a few steps; None where it fails.

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
        short, _ = _run(cell, images, SHORT, contextlib.nullcontext())
        long, scale = _run(cell, images, LONG, contextlib.nullcontext() if timed else ledger)
    except (Exception, SystemExit):  # noqa: BLE001 - a solver may raise anything; the run itself will say what
        return None
    nfe, vjps = (_whole(cell, short, long, name, scale) for name in ("nfe", "vjps"))
    seconds = long.seconds * n * scale if timed else None
    return CellTrial(nfe, vjps, ledger.work * (scale / len(images)), seconds)


def _run(
    cell: Cell, images: tuple[str, ...], steps: int, watched: contextlib.AbstractContextManager[object]
) -> tuple[Outcome, float]:
    """Solves with so many steps; the factor by which the cell's own run is longer."""
    solver, scale = shortened(cell, steps)
    jobs = [Job(image, 0, "") for image in images]
    given = solver_inputs(cell, measure(cell.task, cell.data, images), jobs)
    with watched:
        outcome = solve(solver, *given, limit=PROBE_SECONDS)
    if cell.samples_per_problem > 1:
        outcome = as_samples(outcome, cell.samples_per_problem, cell.data.shape)
    return outcome, scale


def _whole(cell: Cell, short: Outcome, long: Outcome, name: str, scale: float) -> float:
    """A count of the cell's own run, per image, on the line through those of the short runs."""
    first, second = float(getattr(short, name).mean()), float(getattr(long, name).mean())
    if scale == 1.0 or cell.steps is None:
        return second
    return second + (second - first) * (cell.steps - LONG) / (LONG - SHORT)
