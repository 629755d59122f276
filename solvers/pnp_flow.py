"""Plug-and-play with a flow's denoiser."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

from bench.solver import (
    Count,
    Measurement,
    Noise,
    NoiseModel,
    NonNegative,
    Positive,
    Prior,
    Solver,
    Step,
    flow_levels,
    squared_norm,
)


@dataclass(frozen=True)
class PnPFlow(Solver):
    """PnP-Flow (Martin, Gagneux, Hagemann & Steidl, ICLR 2025, arXiv 2410.02423).

        x = 0
        for tau = 0, 1/N, ..., 1 - 1/N:
            u     = x - lr (1 - tau)^a A^T (A x - y) / ||A||^2          gradient step
            x_tau = tau u + (1 - tau) z                                 interpolation
            x     = E[x0 | x_tau], its mean over ``draws`` of z         denoising

    ||A|| is the largest singular value. For a nonlinear A it is 1, and A^T is the adjoint of the derivative.
    ``steps`` counts network evaluations, so N = ``steps / draws``, rounded down, at least one. The start does
    not matter: nothing of it is left at tau = 0. sigma is not used. Where noise is not Gaussian, its score in
    units of y stands for y - A x.

    The result is an estimate, not a sample: on Gaussians it has a tenth of the posterior's variance.
    """

    paper: ClassVar[str] = "2410.02423"
    needs_gradient: ClassVar[bool] = True
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)

    steps: Count = 500
    draws: Count = 5
    """Draws of z that a step averages over, one network evaluation each (remark 3 of the paper)."""
    lr: Positive = 1.0
    """Step of the first gradient, in units of 1 / ||A||^2: below 2 it is stable."""
    a: NonNegative = 0.5
    """How fast the gradient steps fall, the paper's alpha: 0 leaves them as they are."""

    def yields(self) -> int:
        """The number of times N."""
        return max(self.steps // self.draws, 1)

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the estimate after every time; N ``draws`` NFE, no vjp of the network."""
        (y, A, _), model = measurement, measurement.noise
        draws = min(self.draws, self.steps)
        x = torch.zeros(len(y), *prior.shape, dtype=y.real.dtype, device=y.device)
        unit = squared_norm(A, x)
        for t in flow_levels(prior.schedule, self.yields())[:-1]:
            Ax, pull = A.vjp(x)
            u = x + self.lr * (1 - t.tau) ** self.a * pull(model.residual(Ax, y)) / unit
            estimates = torch.zeros_like(x)
            for _ in range(draws):
                noised = t.tau * u + (1 - t.tau) * noise.like(u)
                estimates = estimates + prior.denoise(t.scale * noised, t.level)
            x = estimates / draws
            yield Step(x, x)
