"""Moment matching posterior sampling."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

import torch

from bench.solver import (
    ConjugateGradients,
    Count,
    Measurement,
    Neutral,
    Noise,
    NonNegative,
    Prior,
    Solver,
    Spacing,
    Step,
    Steps,
    UnitInterval,
    ddim,
    fresh_noise,
    per_image,
)


@dataclass(frozen=True)
class MMPS(Solver):
    """MMPS (Rozet, Andry, Lanusse & Louppe, NeurIPS 2024, arXiv 2405.13712v5, section 4.2, eqs. 19-22).

        x ~ N(0, I)
        for t -> s:  x0  = E[x0 | x],  V = Cov[x0 | x] = sigma_t^2 / alpha_t (dx0/dx)^T
                     v   = (sigma^2 I + A V A^T)^-1 (y - A x0)    k iterations of conjugate gradients from 0
                     x0' = x0 + V A^T v
                     x   = DDIM step from x with x0'

    There is no step size. With as many iterations as A has rank it is exact for every Gaussian prior, but for
    the size of its steps. A nonlinear A is replaced by its derivative at x0. Every V A^T p that an iteration
    forms is kept, so that V A^T v costs no pullback more.

    The Jacobian of a network is neither symmetric nor positive. An image whose next iteration would not lower
    the quadratic of the system keeps the v that it has; a record's note ``refused`` counts the steps where
    that was so.
    """

    paper: ClassVar[str] = "2405.13712"
    needs_gradient: ClassVar[bool] = True

    steps: Steps = 100
    spacing: Spacing = "leading"
    eta: UnitInterval = 1.0
    """Share of fresh noise of the DDIM steps: 0 none, 1 that of ancestral steps."""
    iterations: Count = 3
    """Iterations of conjugate gradients k; each costs one pullback."""
    sigma_min: NonNegative = 1e-3
    """Least sigma, in units of y; without noise in y the system is singular in the end."""
    clip: Annotated[bool, Neutral(False)] = False
    """Clip the corrected x0 to [-1, 1], so that a step that is far too long does not lose the image."""

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every level; ``steps`` NFE, ``iterations`` vjps at each."""
        y, A, _ = measurement
        sigma = torch.as_tensor(measurement.sigma, dtype=y.real.dtype, device=y.device)
        variance = sigma.clamp_min(self.sigma_min) ** 2
        levels = prior.schedule.levels(self.steps, self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        for t, s in pairwise(levels):
            x0, pull_x0 = prior.vjp(x, t)
            Ax0, adjoint = A.vjp(x0)
            _, push = A.jvp(x0)
            cg = ConjugateGradients(y - Ax0, guarded=True)
            for _ in range(self.iterations):
                V_At_p = t.gamma * pull_x0(adjoint(cg.p))
                length = cg.step(variance * cg.p + push(V_At_p))
                x0 = x0 + per_image(length, x0) * V_At_p
            del pull_x0
            x0 = x0.clamp(-1, 1) if self.clip else x0
            x = ddim(x, x0, t, s, self.eta, fresh_noise(noise, x, s))
            yield Step(x, x0, {"refused": cg.refused.to(x0)})
