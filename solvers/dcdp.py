"""Decoupled data consistency and purification."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from bench.solver import (
    CLEAN,
    Count,
    LinearOperator,
    Measurement,
    Noise,
    NoiseModel,
    Positive,
    Prior,
    Solver,
    Step,
    UnitInterval,
    ddim,
    per_image,
)

MOMENTUM = 0.9


@dataclass(frozen=True)
class DCDP(Solver):
    """DCDP (Li, Kwon, Alkhouri, Ravishankar & Qu, arXiv 2403.06054).

        x = 0
        for T = high, ..., low, one after another of N, equidistant:
            k times:  m = 0.9 m + A^T (A(x) - y) / ||A||^2,  x = x - step m        from m = 0
            x_T = alpha_T x + sigma_T z
            x   = probability-flow ODE from x_T down to the clean image

    ||A|| is the largest singular value of a linear A; it is 1 of another, whose A^T is the adjoint of its
    derivative. T counts in shares of the schedule's levels. ``steps`` counts network evaluations: the ODE
    takes ``levels`` steps of DDIM, whose noise ratios fall from that of T, equidistant in the seventh root.
    N is ``steps / levels``, rounded down, at least one. With one level x is the posterior mean of x_T, and
    at T = 0 also with more: all are the schedule's first level, between which the state does not move.

    sigma is not used: many steps on x fit the noise in y, and the ODE has to remove it. Where noise is not
    Gaussian, its score in units of y stands for y - A(x).

    Preset ``official``: the authors' steps for each task. Not reproduced: levels at equidistant indices.
    """

    paper: ClassVar[str] = "2403.06054"
    needs_gradient: ClassVar[bool] = True
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)

    steps: Count = 100
    levels: Count = 10
    """Network evaluations of a purification, the ODE."""
    inner: Count = 100
    """Gradient steps between two purifications, k."""
    step: Positive = 0.01
    """Their size, in units of 1 / ||A||^2: below 3.8 it is stable for a linear A."""
    high: UnitInterval = 0.4
    low: UnitInterval = 0.0
    clip: bool = True

    def yields(self) -> int:
        """The number of purifications N."""
        return max(self.steps // self.levels, 1)

    def quick(self, n: int) -> Self:
        return replace(super().quick(n), levels=min(self.levels, max(n // 5, 1)), inner=min(self.inner, n))

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields x after every purification; N ``levels`` NFE, no vjp of the network."""
        x = 0 * noise.new(prior.shape)
        for share in np.linspace(self.high, self.low, self.yields()):
            x = self.fitted(x, measurement)
            x = self.purified(x, share, prior, noise)
            yield Step(x, x)

    def fitted(self, x: Tensor, measurement: Measurement) -> Tensor:
        """x, (B, *shape), after the gradient steps on ||A(x) - y||^2."""
        (y, A, _), model = measurement, measurement.noise
        unit: float | Tensor = 1.0
        if isinstance(A, LinearOperator):
            largest = A.norm().clamp_min(torch.finfo(x.dtype).tiny ** 0.5)  # A may be 0
            unit = per_image(largest, x) ** 2
        x = x.clone()
        optimiser = torch.optim.SGD([x], lr=self.step, momentum=MOMENTUM)
        for _ in range(self.inner):
            Ax, pull = A.vjp(x)
            x.grad = -pull(model.residual(Ax, y)) / unit
            optimiser.step()
        return x

    def purified(self, x: Tensor, share: float, prior: Prior, noise: Noise) -> Tensor:
        """x, (B, *shape), noised to a share of the schedule's levels and carried back by the ODE."""
        index = max(round(share * prior.schedule.T), 1) - 1
        high, (smallest, _) = prior.schedule.level(index).ratio, prior.schedule.ratio_range
        levels = prior.schedule.between(high, smallest, min(self.levels, self.steps))
        x = levels[0].alpha * x + levels[0].sigma * noise.like(x)
        for t, s in pairwise([*levels, CLEAN]):
            x0 = prior.denoise(x, t)
            x = ddim(x, x0.clamp(-1, 1) if self.clip else x0, t, s, 0.0, x)
        return x
