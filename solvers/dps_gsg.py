"""Diffusion posterior sampling whose gradient through A is estimated by Gaussian smoothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from bench.solver import (
    Count,
    Measurement,
    Noise,
    NoiseModel,
    NonNegative,
    Positive,
    Prior,
    Solver,
    Spacing,
    Step,
    Steps,
    ddpm,
    fresh_noise,
    squared_misfit,
    vjp_once,
)


@dataclass(frozen=True)
class DPSGSG(Solver):
    """DPS-GSG (Zheng et al., TMLR 2025, arXiv 2409.20175, a baseline there), for any A: no gradient.

        x ~ N(0, I)
        for t -> s:  x0 = E[x0 | x],  l(x0) = ||y - A(x0)||^2
                     g  = mean over ``queries`` normal u of u (l(x0 + mu u) - l(x0 - mu u)) / (2 mu)
                     x  = ancestral step from x with x0, minus zeta (dx0/dx)^T g / (2 ||y - A(x0)||)

    g is an unbiased estimate of the gradient of l smoothed by normals of standard deviation mu, which exists
    where A rounds, too. There y - A(x0) may vanish, so its norm counts as at least half of the root mean l of
    the queries. The variance of g grows with the number of pixels. With linear A and many queries the method
    tends to DPS, with its units of zeta. With Poisson noise, l has the weights 1 / (2 y) of DPS; sigma is not
    used.
    """

    paper: ClassVar[str] = "2409.20175"
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)

    steps: Steps = 1000
    spacing: Spacing = "respaced"
    zeta: NonNegative = 1.0
    """Step of the descent, as that of DPS."""
    step: Literal["norm", "squared"] = "norm"
    """Descend ||r|| or ||r||^2, r = y - A(x0)."""
    queries: Count = 64
    """Normals u that a gradient is the mean of; each costs two A, which the authors count as two queries."""
    mu: Positive = 0.01
    """Length of the differences, in units of x0."""
    clip: bool = True
    """Clip x0 to [-1, 1] inside the graph: saturated pixels pass no gradient."""
    learned_variance: bool = True
    """Use the variance that the network learned, where it did."""

    def quick(self, n: int) -> Self:
        return replace(super().quick(n), queries=min(self.queries, 16))

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the guided ancestral state after every level; ``steps`` NFE and vjps, no derivative of A."""
        levels = prior.schedule.levels(self.steps, self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        for t, s in pairwise(levels):
            x0, v, pull_x0 = vjp_once(prior, x, t, self.clip)
            g = self.gradient(x0, measurement, noise)
            guidance = t.std * s.std * pull_x0(-g)
            z = fresh_noise(noise, x, s)
            x = ddpm(x, x0, t, s, z, v if self.learned_variance else None) + self.zeta * guidance
            yield Step(x, x0)

    def gradient(self, x0: Tensor, measurement: Measurement, noise: Noise) -> Tensor:
        """An estimate of the gradient of ||r|| or ||r||^2 by x0, (B, *shape)."""
        here = squared_misfit(x0, measurement)
        g, smoothed = torch.zeros_like(x0), torch.zeros_like(here)
        for _ in range(self.queries):
            u = noise.like(x0)
            above = squared_misfit(x0 + self.mu * u, measurement)
            below = squared_misfit(x0 - self.mu * u, measurement)
            g = g + u * (above - below) / (2 * self.mu * self.queries)
            smoothed = smoothed + (above + below) / (2 * self.queries)
        length = torch.maximum(here, smoothed / 4).sqrt()
        least = torch.finfo(x0.dtype).tiny ** 0.5
        return g / (2 * length.clamp_min(least)) if self.step == "norm" else g
