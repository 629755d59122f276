"""A block of samples of one problem, scored as a set by its distance to the exact posterior."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from bench.exact import distances
from bench.exact.distances import Problem
from bench.exact.distances.metrics import BANDS
from bench.exact.problems import frequencies, hartley
from bench.plan.cell import Cell
from bench.run.failures import scoring
from bench.run.inputs import Measured
from bench.run.solve import Outcome


def as_block(outcome: Outcome, block: int, shape: Sequence[int]) -> Outcome:
    """The outcome of a batch whose rows are all one problem, particles included, as (block, *shape); costs
    are per sample.
    """
    share = len(outcome.x) / block
    costs = {name: round(getattr(outcome, name) * share) for name in ("nfe", "vjps", "operator_calls")}
    return replace(outcome, x=outcome.x.reshape(block, *shape), seconds=outcome.seconds * share, **costs)


def divergence(outcome: Outcome) -> str | None:
    """What became of a block that is not finite as a whole."""
    lost = [at for at in outcome.diverged if at is not None]
    return (
        f"{len(lost)} of {len(outcome.diverged)} samples not finite, the first at step {min(lost)}"
        if lost
        else None
    )


class BlockScorer:
    """Distances to the exact posterior, and errors to the truth, in float64 on the CPU.

    The problems of one task are kept prepared, since all its solvers are scored on them.
    """

    def __init__(self) -> None:
        self.task = ""
        self.problems: dict[str, Problem] = {}

    def __call__(self, samples: Tensor, cell: Cell, image: str, measured: Measured) -> dict[str, float]:
        """(n, *shape) float64, all of one problem -> those of `METRICS` that apply.

        Raises:
            ScoringError: one cannot be computed.
        """
        if cell.task.name != self.task:
            self.task, self.problems = cell.task.name, {}
        if image not in self.problems:
            name = f"{cell.task.seed}/{cell.task.name}/{image}"
            y, A, sigma = measured.measurement
            with scoring("the exact posterior"):
                self.problems[image] = distances.pose(cell.data.prior, A, y, sigma, measured.x, name)
        problem = self.problems[image]
        with scoring("distances to the posterior"):
            values = distances.score(samples, problem)
        with scoring("errors to the truth"):
            values |= errors(samples, measured.x[0])
        with scoring("variance by frequency"):
            return values | bands(samples, problem) if samples.ndim == 4 else values


def errors(samples: Tensor, x: Tensor) -> dict[str, float]:
    """How far one sample and the mean of all are from the truth; images have a PSNR too."""
    squares = {"sample": (samples - x).square().mean(), "mean": (samples.mean(0) - x).square().mean()}
    if samples.ndim < 4:
        return {f"rmse_{name}": value.sqrt().item() for name, value in squares.items()}
    each = (samples - x).square().flatten(1).mean(1)
    return {"psnr_sample": psnr(each).mean().item(), "psnr_mean": psnr(squares["mean"]).item()}


def psnr(square: Tensor) -> Tensor:
    """Of a mean squared error in [-1, 1] units, dB."""
    return -10 * (square / 4).log10()


def bands(samples: Tensor, problem: Problem) -> dict[str, float]:
    """Variance over the posterior's by spatial frequency, (n, 1, side, side); empty bands are absent."""
    side = samples.shape[-1]
    H, f = hartley(side), frequencies(side).flatten()
    exact = torch.einsum("ij,jk,ki->i", H, problem.posterior.covariance[0], H)
    ratio = (samples.flatten(1) @ H).var(0) / exact
    inside = [(low <= f) & (f < high) for low, high in pairwise(BANDS)]
    return {f"var_band_{i}": ratio[band].mean().item() for i, band in enumerate(inside) if band.any()}
