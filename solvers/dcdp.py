"""Decoupled data consistency and purification."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import torch

from bench.solver import (
    CLEAN,
    Count,
    Measurement,
    Noise,
    NoiseModel,
    Positive,
    Prior,
    Solver,
    Step,
    UnitInterval,
    probability_flow,
    squared_norm,
)


@dataclass(frozen=True)
class DCDP(Solver):
    """DCDP (Li, Kwon, Alkhouri, Ravishankar & Qu, arXiv 2403.06054).

        x = 0
        for t from ``high`` to ``low``, N equidistant levels:
            p   = 0, then ``inner`` times                                        data consistency
                  p = 0.9 p + A^T (A(x) - y) / ||A||^2,  x = x - lr p
            x_t = alpha_t x + sigma_t z                                          diffusion purification
            x   = probability-flow ODE from x_t down to the clean image

    p is the momentum. ||A|| is the largest singular value. For a nonlinear A it is 1, and A^T is the adjoint
    of the derivative. ``steps`` counts network evaluations: the ODE takes ``ode_steps`` of DDIM, whose noise
    ratios fall from that of t, equidistant in the seventh root. N is ``steps / ode_steps``, rounded down, at
    least one. With ``ode_steps`` 1, x is the posterior mean E[x0 | x_t].

    sigma is not used: many steps on x fit the noise in y, and the ODE has to remove it. Where noise is not
    Gaussian, its score in units of y stands for y - A(x).
    """

    paper: ClassVar[str] = "2403.06054"
    needs_gradient: ClassVar[bool] = True
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)

    steps: Count = 100
    ode_steps: Count = 10
    """Network evaluations of a purification."""
    inner: Count = 100
    """Gradient steps before each purification; each costs one A and one A^T."""
    lr: Positive = 0.01
    """Step of the descent, in units of 1 / ||A||^2: below 3.8 it is stable for a linear A."""
    high: UnitInterval = 0.4
    """First level t, as a share of the schedule's levels."""
    low: UnitInterval = 0.0
    """Last level t, as a share of the schedule's levels; 0 is the least noisy one."""
    clip: bool = True
    """Clip every estimate of the ODE to [-1, 1]."""

    def yields(self) -> int:
        """The number of purifications N."""
        return max(self.steps // self.ode_steps, 1)

    def quick(self, n: int) -> Self:
        return replace(
            super().quick(n), ode_steps=min(self.ode_steps, max(n // 5, 1)), inner=min(self.inner, n)
        )

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields x after every purification; N ``ode_steps`` NFE, no vjp of the network."""
        (y, A, _), model = measurement, measurement.noise
        schedule = prior.schedule
        x = 0 * noise.new(prior.shape)  # 0, in the dtype and on the device of the noise
        unit = squared_norm(A, x)
        for share in np.linspace(self.high, self.low, self.yields()):
            p = torch.zeros_like(x)
            for _ in range(self.inner):
                Ax, pull = A.vjp(x)
                p = 0.9 * p - pull(model.residual(Ax, y)) / unit
                x = x.add(p, alpha=-self.lr)  # x - lr p
            t = schedule.level(max(round(share * schedule.T), 1) - 1)
            levels = schedule.between(t.ratio, schedule.ratio_range[0], min(self.ode_steps, self.steps))
            x = levels[0].alpha * x + levels[0].sigma * noise.like(x)
            x = probability_flow(x, [*levels, CLEAN], prior, self.clip)
            yield Step(x, x)
