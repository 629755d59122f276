"""Samples of one problem, scored as a set by their distance to the exact posterior, or to its score."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from bench.exact import distances
from bench.exact.distances import Problem
from bench.exact.distances.metrics import BANDS
from bench.exact.distances.moments import calibration
from bench.exact.distances.stein import learned_score, median_square, stein_discrepancy
from bench.exact.prior import ExactPrior
from bench.exact.problems import ExactImages, frequencies, hartley
from bench.operators.base import LinearOperator, moved
from bench.plan.cell import Cell
from bench.prior import Prior
from bench.run.failures import scoring
from bench.run.inputs import Measured
from bench.run.solve import Outcome
from bench.solver import Measurement

AT_ONCE = 8
"""Samples whose score a network is asked for together."""


def as_samples(outcome: Outcome, n: int, shape: Sequence[int]) -> Outcome:
    """The outcome of a batch whose rows are all one problem, particles included, as (n, *shape).

    Costs become those of one sample, and notes the mean of the rows, as (1,).
    """
    share = len(outcome.x) / n
    notes = {name: mean_row(values) for name, values in outcome.notes.items()}
    return replace(
        outcome,
        x=outcome.x.reshape(n, *shape),
        nfe=mean_row(outcome.nfe) * share,
        vjps=mean_row(outcome.vjps) * share,
        operator_calls=mean_row(outcome.operator_calls) * share,
        seconds=outcome.seconds * share,
        notes=notes,
    )


def mean_row(values: np.ndarray) -> np.ndarray:
    """The mean of (B,), as (1,)."""
    return values.mean(keepdims=True)


def divergence(outcome: Outcome) -> str | None:
    """Why samples cannot be scored as a set; None where all of them are finite."""
    lost = [at for at in outcome.diverged if at is not None]
    if not lost:
        return None
    return f"{len(lost)} of {len(outcome.diverged)} samples not finite, the first at step {min(lost)}"


class SampleScorer:
    """Distances to the posterior, and errors to the truth, in float64 on the CPU.

    The exact posteriors of one task are kept prepared, since all its solvers are scored on them. Where the
    prior is a network there is none: what needs no more than its score and the truth is left.
    """

    def __init__(self) -> None:
        self.task = ""
        self.problems: dict[str, Problem] = {}

    def __call__(self, samples: Tensor, cell: Cell, image: str, measured: Measured) -> dict[str, float]:
        """Scores samples of one problem.

        Args:
            samples: (n, *shape) float64.

        Returns:
            Those of `bench.exact.distances.metrics.METRICS` that apply.

        Raises:
            ScoringError: a metric cannot be computed.
        """
        if not isinstance(cell.prior, ExactPrior):
            return without_posterior(samples, cell.prior, measured)
        if cell.task.name != self.task:
            self.task, self.problems = cell.task.name, {}
        if image not in self.problems:
            self.problems[image] = self._pose(cell, image, measured)
        problem = self.problems[image]
        with scoring("distances to the posterior"):
            values = distances.score(samples, problem)
        with scoring("errors to the truth"):
            values |= errors(samples, measured.x[0])
        with scoring("variance by frequency"):
            return values | bands(samples, problem) if samples.ndim == 4 else values

    def _pose(self, cell: Cell, image: str, measured: Measured) -> Problem:
        y, A, sigma = measured.measurement
        name = f"{cell.task.seed}/{cell.task.name}/{image}"
        with scoring("the exact posterior"):
            assert isinstance(cell.data, ExactImages) and isinstance(A, LinearOperator)
            return distances.pose(cell.data.prior, A, y, sigma, measured.x, name)


def without_posterior(samples: Tensor, prior: Prior, measured: Measured) -> dict[str, float]:
    """Scores of samples, (n, *shape), where only a network's score of the posterior is known.

    ``ksd`` is absent where A has no gradient, and where all samples are equal, which leaves no bandwidth.

    Raises:
        ScoringError: a metric cannot be computed.
    """
    flat, (y, A, _) = samples.flatten(1), measured.measurement
    with scoring("errors to the truth"):
        values = errors(samples, measured.x[0])
        error = (flat.mean(0) - measured.x[0].flatten()).square().sum().item()
        values["calibration"] = calibration(error, flat)
    ell2 = median_square(flat)
    if A.differentiable and ell2 > 0:
        with scoring("distance to the network's score"):
            there = moved(y, prior.device, prior.dtype), A.to(prior.device, prior.dtype)
            given = Measurement(*there, noise=measured.measurement.noise)
            parts = []
            for part in samples.split(AT_ONCE):
                parts.append(learned_score(moved(part, prior.device, prior.dtype), prior, given))
            score = moved(torch.cat(parts), "cpu", flat.dtype)
            values["ksd"] = stein_discrepancy(flat, score.flatten(1), ell2)
    return values


def errors(samples: Tensor, x: Tensor) -> dict[str, float]:
    """How far one sample and the mean of all are from the truth: the PSNR of images, the RMSE of vectors."""
    of_samples, of_mean = (samples - x).square(), (samples.mean(0) - x).square().mean()
    if samples.ndim < 4:
        return {"rmse_sample": of_samples.mean().sqrt().item(), "rmse_mean": of_mean.sqrt().item()}
    each = of_samples.flatten(1).mean(1)
    return {"psnr_sample": psnr(each).mean().item(), "psnr_mean": psnr(of_mean).item()}


def psnr(square: Tensor) -> Tensor:
    """The PSNR, dB, of a mean squared error of images in [-1, 1]."""
    return -10 * (square / 4).log10()


def bands(samples: Tensor, problem: Problem) -> dict[str, float]:
    """Variance over the posterior's by spatial frequency, (n, 1, side, side); empty bands are absent."""
    side = samples.shape[-1]
    H, f = hartley(side), frequencies(side).flatten()
    exact = torch.einsum("ij,jk,ki->i", H, problem.posterior.covariance[0], H)
    ratio = (samples.flatten(1) @ H).var(0) / exact
    values = {}
    for i, (low, high) in enumerate(pairwise(BANDS)):
        band = (low <= f) & (f < high)
        if band.any():
            values[f"var_band_{i}"] = ratio[band].mean().item()
    return values
