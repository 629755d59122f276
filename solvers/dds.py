"""Decomposed diffusion sampling."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from torch import Tensor

from bench.solver import (
    ConjugateGradients,
    Count,
    LinearOperator,
    Measurement,
    Noise,
    Positive,
    Prior,
    Solver,
    Spacing,
    Step,
    Steps,
    UnitInterval,
    fresh_noise,
)

RELATIVE = 1e-6
"""Relative residual at which conjugate gradients end; below it they would amplify rounding by gamma."""


@dataclass(frozen=True)
class DDS(Solver):
    """DDS (Chung, Lee & Ye, ICLR 2024, arXiv 2303.05754).

        x ~ N(0, I)
        for t -> s:  x0  = E[x0 | x],  eps = (x - alpha_t x0) / sigma_t
                     x0' solves (I + gamma A^T A) x0' = x0 + gamma A^T y: k iterations of conjugate
                           gradients from x0
                     x   = alpha_s x0' + sigma_s (sqrt(1 - eta^2) eps + eta z)

    Converged, x0' minimises gamma ||y - A x0'||^2 + ||x0' - x0||^2, the same weight at all levels; as gamma
    grows it is DDNM. sigma is not used.
    """

    paper: ClassVar[str] = "2303.05754"
    needs: ClassVar = LinearOperator

    steps: Steps = 100
    spacing: Spacing = "leading"
    eta: UnitInterval = 0.85
    """Share of the noise level that is refreshed, which is not the eta of DDIM."""
    gamma: Positive = 1.0
    """Weight of the measurement against the prior's estimate, not divided by ||A||^2: it fits one A."""
    iterations: Count = 5
    """Iterations of conjugate gradients k; each costs one A and one A^T."""

    def solve(self, measurement: Measurement[LinearOperator], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every level; ``steps`` NFE, no vjp of the network."""
        y, A, _ = measurement
        keep = (1 - self.eta**2) ** 0.5
        levels = prior.schedule.levels(self.steps, self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        for t, s in pairwise(levels):
            x0 = prior.denoise(x, t)
            eps = (x - t.alpha * x0) / t.sigma
            x0 = x0 + self.correction(y - A(x0), A)
            x = s.alpha * x0 + s.sigma * (keep * eps + self.eta * fresh_noise(noise, x, s))
            yield Step(x, x0)

    def correction(self, r: Tensor, A: LinearOperator) -> Tensor:
        """What x0 moves by for the residual r, (B, *m) -> (B, *shape)."""
        cg = ConjugateGradients(self.gamma * A.adjoint(r), RELATIVE)
        for _ in range(self.iterations):
            cg.step(cg.p + self.gamma * A.adjoint(A(cg.p)))
        return cg.x
