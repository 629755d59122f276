"""Stochastic control guidance."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Self

import torch

from bench.solver import (
    Count,
    Measurement,
    Noise,
    NoiseModel,
    Prior,
    Solver,
    Spacing,
    Step,
    UnitInterval,
    ddim,
    fresh_noise,
    squared_misfit,
)


@dataclass(frozen=True)
class SCG(Solver):
    """SCG (Huang et al., ICML 2024, arXiv 2402.14285), for any A: no gradient, no pseudo-inverse.

        x ~ N(0, I)
        for t -> s:  x0 = E[x0 | x]
                     x  = of n DDIM steps from x with x0, that whose own E[x0 | x] has the least ||y - A(x0)||

    The first steps, a share ``threshold``, are unguided. With n = 1 it is DDIM on the prior. The estimate of
    the chosen x is that of the next step, so that a guided step costs n evaluations. ``steps`` counts them:
    with n = 8 and threshold 0.25, 100 make 16 steps. With Poisson noise, the norm has the weights 1 / (2 y)
    of DPS. An image of which no norm is finite becomes NaN.
    """

    paper: ClassVar[str] = "2402.14285"
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)

    steps: Count = 1000
    spacing: Spacing = "leading"
    eta: UnitInterval = 1.0
    """Share of fresh noise of the DDIM steps: 0 none, which leaves no choice, 1 that of ancestral steps."""
    candidates: Count = 16
    """The number n of steps of which one is chosen."""
    threshold: UnitInterval = 0.25
    """Share of the steps, the noisiest, that are not guided."""

    def split(self) -> tuple[int, int]:
        """The numbers of levels whose state is not chosen, and of those whose state is."""
        n, share = self.candidates, 1 - self.threshold
        guided = min(int(share * self.steps / (share * n + self.threshold)), (self.steps - 1) // n)
        return self.steps - n * guided, guided

    def yields(self) -> int:
        """The number of levels."""
        return sum(self.split())

    def quick(self, n: int) -> Self:
        return replace(super().quick(n), candidates=min(self.candidates, 4))

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every level; ``steps`` NFE, no vjp, one A for each candidate."""
        free, guided = self.split()
        levels = prior.schedule.levels(free + guided, self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        x0 = prior.denoise(x, levels[0])
        for k, (t, s) in enumerate(pairwise(levels), 1):
            if free <= k < free + guided:
                best, best0 = torch.full_like(x, torch.nan), torch.full_like(x, torch.nan)
                least = x.new_tensor(torch.inf)
                for _ in range(self.candidates):
                    tried = ddim(x, x0, t, s, self.eta, noise.like(x))
                    tried0 = prior.denoise(tried, s)
                    misfit = squared_misfit(tried0, measurement).sqrt()
                    better = misfit < least
                    best = torch.where(better, tried, best)
                    best0 = torch.where(better, tried0, best0)
                    least = torch.where(better, misfit, least)
                x, x0 = best, best0
            else:
                x = ddim(x, x0, t, s, self.eta, fresh_noise(noise, x, s))
                x0 = prior.denoise(x, s) if s.sigma > 0 else x0
            yield Step(x, x0)
