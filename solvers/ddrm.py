"""Denoising diffusion restoration models."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor

from bench.solver import Measurement, Noise, Prior, Solver, Spacing, Step, Steps, SVDOperator, UnitInterval


@dataclass(frozen=True)
class DDRM(Solver):
    """DDRM (Kawar, Elad, Ermon & Song, NeurIPS 2022, arXiv 2201.11793, eqs. 7-8).

    It works in the coordinates of A = U S V^T. With the bar for V^T, eps = (x - alpha_t x0) / sigma_t,
    ``rho = sigma_s / alpha_s`` the next noise level of x / alpha, ybar = S^+ U^T y and z ~ N(0, I), each
    coordinate of x_s / alpha_s becomes

        S = 0               xbar0 + rho (sqrt(1 - eta^2) epsbar + eta z)
        S rho <  sigma      xbar0 + rho (sqrt(1 - eta^2) (S ybar - S xbar0) / sigma + eta z)
        S rho >= sigma      (1 - eta_b) xbar0 + eta_b ybar + sqrt(rho^2 - sigma^2 eta_b^2 / S^2) z

    and after the last level the result is x0, without a data-consistency step. eta is the share of the noise
    level that is refreshed, not the eta of DDIM.
    """

    paper: ClassVar[str] = "2201.11793"
    needs: ClassVar = SVDOperator

    steps: Steps = 20
    spacing: Spacing = "leading"
    eta: UnitInterval = 0.85
    eta_b: UnitInterval = 1.0

    def solve(self, measurement: Measurement[SVDOperator], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every level; ``steps`` NFE, no vjp."""
        y, A, sigma = measurement
        S = A.s
        # Without noise, ybar is trusted only where the pseudo-inverse is.
        known = A.kept if sigma == 0 else S > 0
        S = torch.where(known, S, 1)
        ybar = torch.where(known, A.Ut(y) / S, 0)
        signal = torch.where(known, S, -1)  # which no noise level makes loud where S = 0

        def loud(rho: float) -> Tensor:
            return signal * rho >= sigma

        def spread(rho: float, less: Tensor) -> Tensor:
            return (rho**2 + less).clamp_min(0).sqrt()

        levels = prior.schedule.levels(self.steps, self.spacing)
        T, z = levels[0], A.Vt(noise.new(prior.shape))
        first = ybar + spread(T.ratio, -((sigma / S) ** 2)) * z
        x = T.alpha * A.V(torch.where(loud(T.ratio), first, T.ratio * z))
        keep, held_y, less = (1 - self.eta**2) ** 0.5, self.eta_b * ybar, -((sigma * self.eta_b / S) ** 2)
        for t, s in pairwise(levels):
            x0 = prior.denoise(x, t)
            if s.sigma == 0:
                yield Step(x0, x0)
                return
            rho, z, xbar = s.ratio, A.Vt(noise.like(x)), A.Vt(x0)
            eps = A.Vt(x - t.alpha * x0) / t.sigma
            drift = torch.where(known, S * (ybar - xbar) / (sigma or 1), eps)
            quiet = xbar + rho * (keep * drift + self.eta * z)
            held = (1 - self.eta_b) * xbar + held_y + spread(rho, less) * z
            x = s.alpha * A.V(torch.where(loud(rho), held, quiet))
            yield Step(x, x0)
