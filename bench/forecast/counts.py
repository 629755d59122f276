"""Network evaluations and backward passes of a whole run, counted without the network."""

from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bench.exact.problems import is_exact
from bench.plan.cell import Cell, Job
from bench.prior import Prior, Pullback
from bench.run.inputs import measure, solver_inputs
from bench.run.solve import solve
from bench.schedule import Level
from bench.solver import Solver, particles
from bench.suites.methods import parameters

VARIANCE = 0.25
NUMBERS, LONGEST, SHORTEST = 2**22, 2000, 20
"""A count is of the whole run up to so many numbers in all states of an image and so many steps; a run of
the least steps is always made."""
COUNT_SECONDS = 60.0
"""After which a count, or a short run for its seconds, is given up."""


class Counts(NamedTuple):
    """What a reconstruction asks of the network, or one of the samples that make a record."""

    nfe: float
    vjps: float


class FreePrior(Prior):
    """N(0, VARIANCE) with the shape and the schedule of another prior, as one that costs nothing.

    Args:
        like: the other prior, whose type of numbers and labels are left alone.
        learned: whether it knows a variance, too: 0 everywhere.
    """

    def __init__(self, like: Prior, device: torch.device, learned: bool = False) -> None:
        self.name, self.shape, self.schedule = like.name, like.shape, like.schedule
        self.dtype, self.device, self.learned = torch.float32, device, learned

    def _gain(self, t: Level) -> float | Tensor:
        return t.alpha * VARIANCE / (t.alpha**2 * VARIANCE + t.sigma**2)

    def moments(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None]:
        return x * self._gain(t), torch.zeros_like(x) if self.learned else None

    def moments_vjp(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None, Pullback]:
        x0, v = self.moments(x, t)
        return x0, v, lambda u: u * self._gain(t)


def shortened(cell: Cell, steps: int) -> Solver:
    """The solver of a cell with at most so many steps; its own, where its steps are no parameter."""
    if not is_longer(cell, steps):
        return cell.solver
    changes: dict[str, Any] = {"steps": steps}
    return replace(cell.solver, **changes)


def is_longer(cell: Cell, steps: int) -> bool:
    """Whether the solver of a cell makes more than so many steps, and can be asked for fewer."""
    asked = "steps" in parameters(type(cell.solver)) and not cell.solver.baseline
    return asked and (cell.steps or 0) > steps


def count_calls(cell: Cell) -> Counts:
    """Counts on the first image of a cell, with a prior that costs nothing in place of a network.

    Evaluations often come in groups, such as several draws of a step, so that few steps say little of many:
    the whole run is counted where it is short or its images are small. Longer ones lie on the line through
    two shorter ones.

    Raises:
        Exception: whatever the solver raises.
    """
    if not (is_exact(cell.prior.name) or isinstance(cell.prior, FreePrior)):
        cell = replace(cell, prior=FreePrior(cell.prior, cell.prior.device))
    most = NUMBERS // torch.Size(cell.prior.shape).numel()
    longest = max(SHORTEST, min(most, LONGEST))
    if cell.steps is None or not is_longer(cell, longest):
        return _count(cell, cell.solver)
    half = longest // 2
    first, second = (_count(cell, shortened(cell, steps)) for steps in (half, 2 * half))
    further = cell.steps / half - 2
    return Counts(
        second.nfe + further * (second.nfe - first.nfe), second.vjps + further * (second.vjps - first.vjps)
    )


def _count(cell: Cell, solver: Solver) -> Counts:
    images = cell.images[:1]
    rows = 1 if cell.samples_per_problem == 1 else particles(solver)
    one = replace(cell, samples_per_problem=1)
    given = solver_inputs(one, measure(cell.task, cell.data, images), [Job(images[0], 0, "")])
    outcome = solve(solver, *given, limit=COUNT_SECONDS)
    return Counts(float(outcome.nfe.mean()) / rows, float(outcome.vjps.mean()) / rows)
