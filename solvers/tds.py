"""Twisted diffusion sampling: sequential Monte Carlo with the guidance as its proposal."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Self

import torch
from torch import Tensor

from bench.solver import (
    Count,
    Measurement,
    Noise,
    Prior,
    Solver,
    Spacing,
    Step,
    Steps,
    SVDOperator,
    ddim,
    ddim_coefficients,
    dot,
    resample,
    vjp_once,
)


@dataclass(frozen=True)
class TDS(Solver):
    """TDS (Wu, Trippe, Naesseth, Blei & Cunningham, NeurIPS 2023, arXiv 2306.17775, algorithm 1).

        x ~ N(0, I) for each particle,  w = p(y | x)
        for t -> s:  resample the particles where their effective number 1 / sum w^2 is below half of them
                     x' = ancestral step from x with the score of the prior plus the gradient of log p(y | x)
                     w  = w p(x' | x) p(y | x') / (p(y | x) q(x' | x))

    q is the density of that step, p the same without the gradient, and the twist is
    p(y | x) = N(y; A x0, r_t^2 A A^T + sigma^2 I) with x0 = E[x0 | x] and
    r_t^2 = sigma_t^2 / (alpha_t^2 + sigma_t^2), for linear A. For many particles TDS is exact at any number
    of steps but for the last one, which adds no noise. It collapses onto a few particles where y has many
    entries. Resampling is systematic, by one uniform number per image.
    """

    paper: ClassVar[str] = "2306.17775"
    needs: ClassVar = SVDOperator
    baseline: ClassVar[bool] = True

    steps: Steps = 100
    particles: Count = 100
    """P, per image; the steps are (B, P, *shape). Each makes all ``steps``."""
    spacing: Spacing = "leading"

    def quick(self, n: int) -> Self:
        return replace(super().quick(n), particles=min(self.particles, 8))

    def solve(self, measurement: Measurement[SVDOperator], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields all particles after every level, equally weighted in the end.

        ``steps`` NFE and vjps per particle.
        """
        B, P = len(measurement.y), self.particles
        y, A, sigma = measurement
        y, A = y.repeat_interleave(P, 0), A.repeat_interleave(P)
        levels = prior.schedule.levels(self.steps, self.spacing)
        x, log_w = levels[0].std * noise.new((P, *prior.shape)).flatten(0, 1), y.real.new_zeros(B * P)
        for t, s in pairwise(levels):
            x0, _, pull = vjp_once(prior, x, t)
            r, v = y - A(x0), t.variance
            g = pull(A.pinv(r, damping=sigma**2 / v)) / v
            log_p = log_twist(A, r, v, sigma)
            kept, log_w = resample((log_w + log_p).view(B, P), noise.uniform(()), P / 2)
            x, x0, g, log_p = x[kept], x0[kept], g[kept], log_p[kept]
            c1, c2 = ddim_coefficients(t, s, 1.0)
            if s.sigma == 0:
                final = log_w - log_p + log_twist(A, y - A(x0), 0.0, sigma)
                kept, _ = resample(final.view(B, P), noise.uniform(()), P)
                x = x0 = x0[kept]
            else:
                z = noise.new((P, *prior.shape)).flatten(0, 1)
                shift = t.sigma**2 * (s.alpha / t.alpha - c2 / t.sigma) * g
                x = ddim(x, x0, t, s, 1.0, z) + shift
                log_w = log_w - log_p - dot(shift, 2 * c1 * z + shift) / (2 * c1**2)
            yield Step(x.unflatten(0, (B, P)), x0.unflatten(0, (B, P)))


def log_twist(A: SVDOperator, r: Tensor, v: float, sigma: float) -> Tensor:
    """Log N(r; 0, v A A^T + sigma^2 I), (B, *m) -> (B,), up to what all particles share."""
    variance = v * A.s**2 + sigma**2
    return -0.5 * (A.Ut(r) ** 2 * torch.where(variance > 0, 1 / variance, 0)).flatten(1).sum(1)
