"""Filtering posterior sampling, by sequential Monte Carlo."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, ClassVar, Self

import torch
from annotated_types import Gt, Le

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
    per_image,
    resample,
)


@dataclass(frozen=True)
class FPSSMC(Solver):
    """FPS-SMC (Dou & Song, ICLR 2024, openreview tplXNcHZs1, algorithm 2 of the appendix).

        x ~ N(0, I) for each particle,  y_T = A x of the first, with which all others agree: A x = y_T
        for t -> s:  x0  = E[x0 | x],  eps = (x - alpha_t x0) / sigma_t,  q = c sigma_s^2
                     y_s = alpha_s y + sqrt(1 - c) sigma_s / sigma_t (y_t - alpha_t y) + sqrt(q) A z
                     mu  = alpha_s x0 + sqrt(1 - c) sigma_s eps
                     resample by the weights N(y_s; A mu, q A A^T + alpha_s^2 sigma^2 I)       (eq. 13)
                     x   ~ N(mu, q I) N(y_s; A x, alpha_s^2 sigma^2 I)
        x = x0

    c is the share of the noise variance that each step draws anew. The weights do not depend on the x that
    is drawn, and so come before it. Where A measures nothing, a particle is an unguided sample of that
    sampler, which loses variance, however many there are.
    """

    paper: ClassVar[str] = "openreview:tplXNcHZs1"
    needs: ClassVar = SVDOperator

    steps: Steps = 100
    particles: Count = 1
    """P, per image; the steps are (B, P, *shape). Each makes all ``steps``."""
    spacing: Spacing = "leading"
    c: Annotated[float, Gt(0), Le(1)] = 0.95
    """Share of fresh noise, in variance; `c_rate` of the authors' code."""

    def quick(self, n: int) -> Self:
        return replace(super().quick(n), particles=min(self.particles, 4))

    def solve(self, measurement: Measurement[SVDOperator], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields all particles after every level, equally weighted; ``steps`` NFE per particle, no vjp."""
        B, P = len(measurement.y), self.particles
        y, A, sigma = measurement.select(torch.arange(B).repeat_interleave(P))
        keep = (1 - self.c) ** 0.5
        levels = prior.schedule.levels(self.steps, self.spacing)
        x = levels[0].std * noise.new((P, *prior.shape)).flatten(0, 1)
        y_t = A(x.unflatten(0, (B, P))[:, 0].repeat_interleave(P, 0))
        x = x - A.pinv(A(x) - y_t)
        for t, s in pairwise(levels):
            x0 = prior.denoise(x, t)
            q = self.c * s.sigma**2
            w = (s.alpha * per_image(sigma, x)) ** 2
            mu = s.alpha * x0 + keep * s.sigma / t.sigma * (x - t.alpha * x0)
            y_s = s.alpha * y + keep * s.sigma / t.sigma * (y_t - t.alpha * y)
            if s.sigma > 0:
                y_s = y_s + q**0.5 * A(noise.new(prior.shape).repeat_interleave(P, 0))
            if P > 1:
                r = A.Ut(y_s - A(mu))
                variance = q * A.s**2 + w
                log_w = -0.5 * (r**2 * torch.where(variance > 0, 1 / variance, 0)).flatten(1).sum(1)
                kept, _ = resample(log_w.view(B, P), noise.uniform(()), P)
                mu, x0 = mu[kept], x0[kept]
            x = mu
            if s.sigma > 0:
                left = (1 - A.s * A.filter(w / q)).clamp_min(0).sqrt()
                z = A.Vt(noise.new((P, *prior.shape)).flatten(0, 1))
                x = mu + A.pinv(y_s - A(mu), damping=w / q) + q**0.5 * A.V(left * z)
            y_t = y_s
            yield Step(x.unflatten(0, (B, P)), x0.unflatten(0, (B, P)))
