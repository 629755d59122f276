"""Denoising diffusion null-space models."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch

from bench.solver import (
    LinearOperator,
    Measurement,
    Noise,
    Operator,
    Prior,
    Solver,
    Spacing,
    Step,
    Steps,
    SVDOperator,
    UnitInterval,
    fresh_noise,
)


@dataclass(frozen=True)
class DDNM(Solver):
    """DDNM and DDNM+ (Wang, Yu & Zhang, ICLR 2023, arXiv 2212.00490, algorithm 1; DDNM+, section 3.3).

        x ~ N(0, I)
        for t -> s:  x0  = E[x0 | x],  eps = (x - alpha_t x0) / sigma_t
                     x0' = x0 - A+ (A x0 - y)
                     x   = alpha_s x0' + sigma_s (sqrt(1 - eta^2) eps + eta z)

    That is DDNM, which satisfies A x = y in the end and takes y to be noiseless. Where sigma > 0, DDNM+
    corrects each coordinate of A = U S V^T only as far as the level's noise hides that of y,
    b = alpha_s sigma / S. With the bar for V^T, ybar = S^-1 U^T y and lam = sqrt(1 - eta^2) sigma_s / b, each
    coordinate of x_s becomes

        S = 0           alpha_s xbar0 + sigma_s (sqrt(1 - eta^2) epsbar + eta zbar)
        sigma_s <= b    alpha_s (xbar0 - lam (xbar0 - ybar)) + sigma_s eta zbar
        sigma_s >  b    alpha_s ybar + sqrt(sigma_s^2 - b^2) zbar

    and the result is x0, uncorrected. eta is the share of the noise level that is refreshed, not the eta of
    DDIM. With the same x_T and z, DDNM+ takes the path of DDRM with eta_b = 1.
    """

    paper: ClassVar[str] = "2212.00490"
    needs: ClassVar = LinearOperator

    steps: Steps = 100
    spacing: Spacing = "leading"
    eta: UnitInterval = 0.85
    plus: bool = True
    """Account for the noise in y, which needs an SVDOperator; False runs DDNM whatever sigma is."""

    def reject(self, A: Operator, prior: Prior) -> str | None:
        if self.plus and isinstance(A, LinearOperator) and not isinstance(A, SVDOperator):
            remedy = "plus = False takes y to be noiseless"
            return f"DDNM+ needs SVDOperator; {type(A).__name__} is LinearOperator ({remedy})"
        return super().reject(A, prior)

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every level; ``steps`` NFE, no vjp."""
        y, A, sigma = measurement
        keep = (1 - self.eta**2) ** 0.5
        levels = prior.schedule.levels(self.steps, self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        seen = A.s > 0 if self.plus and sigma > 0 else None
        for t, s in pairwise(levels):
            x0 = prior.denoise(x, t)
            eps = (x - t.alpha * x0) / t.sigma
            z = fresh_noise(noise, x, s)
            if seen is not None:
                # Where nothing is seen S is 0 and b infinite; what is 0 / 0 in ybar is left aside in the end.
                S, xbar0, epsbar = A.s, A.Vt(x0), A.Vt(eps)
                ybar = A.Ut(y) / S
                b = s.alpha * sigma / S
                hidden = s.sigma > b
                lam = torch.where(hidden, 1, keep * s.sigma / b)
                fresh = torch.where(hidden, (s.sigma**2 - b * b).clamp_min(0).sqrt(), s.sigma * self.eta)
                corrected = s.alpha * (xbar0 - lam * (xbar0 - ybar))
                free = s.alpha * xbar0 + s.sigma * keep * epsbar
                x = A.V(torch.where(seen, corrected, free) + fresh * A.Vt(z))
            else:
                x0 = x0 - A.pinv(A(x0) - y)
                x = s.alpha * x0 + s.sigma * (keep * eps + self.eta * z)
            yield Step(x, x0)
