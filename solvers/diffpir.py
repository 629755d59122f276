"""Denoising diffusion models for plug-and-play image restoration."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from bench.solver import (
    Level,
    LinearOperator,
    Measurement,
    Noise,
    NonNegative,
    Positive,
    Prior,
    Solver,
    Spacing,
    Step,
    Steps,
    UnitInterval,
)


@dataclass(frozen=True)
class DiffPIR(Solver):
    """DiffPIR (Zhu et al., CVPR workshops 2023, arXiv 2305.08995, algorithm 1), for any linear A.

        x ~ N(0, I)
        for t -> s:  x0  = E[x0 | x]
                     x0' = argmin_u ||A u - y||^2 + rho_t ||u - x0||^2
                         = x0 + A^T (A A^T + rho_t I)^-1 (y - A x0)
                     eps = (x - alpha_t x0') / sigma_t
                     x   = alpha_s x0' + sigma_s (sqrt(1 - zeta) eps + sqrt(zeta) z)

    with rho_t = lam sigma^2 / r_t^2. lam = 1 makes x0' the posterior mean for p(x0 | x_t) = N(x0, r_t^2 I);
    without noise in y, rho = 0 and A x0' = y.
    """

    paper: ClassVar[str] = "2305.08995"
    needs: ClassVar = LinearOperator

    steps: Steps = 100
    spacing: Spacing = "quad"
    lam: Positive = 1.0
    zeta: UnitInterval = 0.3
    """Share of the noise variance that is refreshed."""
    spread: Literal["ratio", "variance"] = "ratio"
    """r_t: sigma_t / alpha_t as published, or its square sigma_t^2 / (alpha_t^2 + sigma_t^2), which is exact
    for a N(m, I) prior."""
    sigma_min: NonNegative = 0.0
    """Floor of sigma in rho."""
    clip: bool = True
    """Clip x0 to [-1, 1] before the proximal step."""
    returned: Literal["estimate", "state"] = "estimate"
    """The last x0', or the state from which the network made it, in variance-preserving units."""

    def solve(self, measurement: Measurement[LinearOperator], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every level; ``steps`` NFE, no vjp."""
        y, A, sigma = measurement
        levels = prior.schedule.levels(self.steps, self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        for t, s in pairwise(levels):
            x0 = prior.denoise(x, t)
            if self.clip:
                x0 = x0.clamp(-1, 1)
            x0 = x0 + A.pinv(y - A(x0), damping=self.rho(t, sigma))
            eps = (x - t.alpha * x0) / t.sigma
            if s.sigma > 0:
                x = s.alpha * x0 + s.sigma * ((1 - self.zeta) ** 0.5 * eps + self.zeta**0.5 * noise.like(x))
            elif self.returned == "estimate":
                x = x0
            else:
                x = x / t.std
            yield Step(x, x0)

    def rho(self, t: Level[float], sigma: float) -> float:
        """The weight of the denoised image in the proximal step at level t."""
        r = t.ratio if self.spread == "ratio" else t.variance**0.5
        return self.lam * (max(sigma, self.sigma_min) / r) ** 2
