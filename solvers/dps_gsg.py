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
    dot,
    fresh_noise,
    per_image,
    vjp_once,
)


@dataclass(frozen=True)
class DPSGSG(Solver):
    """DPS-GSG (Zheng et al., TMLR 2025, arXiv 2409.20175, a baseline there), for any A: no gradient.

        x ~ N(0, I)
        for t -> s:  x0 = E[x0 | x],  l(x0) = ||y - A(x0)||^2
                     g  = mean over q normal u of u (l(x0 + mu u) - l(x0 - mu u)) / (2 mu)
                     x  = ancestral step from x with x0, minus zeta (dx0/dx)^T g / (2 ||y - A(x0)||)

    g is an unbiased estimate of the gradient of l, smoothed by normals of standard deviation mu: there is one
    where A rounds, too. Its variance grows with the number of pixels. Where A rounds, y - A(x0) may vanish:
    its norm counts at least half of the root of the mean l of the queries. With linear A and many queries
    the method tends to DPS, with its units of zeta.

    With Poisson noise, the norm has the weights 1 / (2 y) of DPS. sigma is not used.

    Preset ``official``: 1000 steps, 512 pairs of queries, mu 0.01.
    """

    paper: ClassVar[str] = "2409.20175"
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)

    steps: Steps = 1000
    spacing: Spacing = "respaced"
    zeta: NonNegative = 1.0
    step: Literal["norm", "squared"] = "norm"
    """Descend ||r|| or ||r||^2, r = y - A(x0)."""
    queries: Count = 64
    """The number q of directions; each costs two A."""
    mu: Positive = 0.01
    """Length of the differences, in the unit of x0."""
    clip: bool = True
    """Clip x0 to [-1, 1] inside the graph: saturated pixels pass no gradient."""
    learned_variance: bool = True

    def quick(self, n: int) -> Self:
        return replace(super().quick(n), queries=min(self.queries, 16))

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the guided ancestral state after every level; ``steps`` NFE and vjps, no derivative of A."""
        levels = prior.schedule.levels(self.steps, self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        for t, s in pairwise(levels):
            x0, v, pull_x0 = vjp_once(prior, x, t, self.clip)
            g = self.gradient(x0, measurement, noise)
            descent = t.std * s.std * pull_x0(-g)
            z = fresh_noise(noise, x, s)
            x = ddpm(x, x0, t, s, z, v if self.learned_variance else None) + self.zeta * descent
            yield Step(x, x0)

    def gradient(self, x0: Tensor, measurement: Measurement, noise: Noise) -> Tensor:
        """An estimate of the gradient of ||r|| or ||r||^2 by x0, (B, *shape)."""
        g, smoothed = torch.zeros_like(x0), 0.0 * loss(x0, measurement)
        for _ in range(self.queries):
            u = noise.like(x0)
            above, below = (loss(x0 + mu * u, measurement) for mu in (self.mu, -self.mu))
            g = g + u * (above - below) / (2 * self.mu * self.queries)
            smoothed = smoothed + (above + below) / (2 * self.queries)
        length = torch.maximum(loss(x0, measurement), smoothed / 4).sqrt()
        least = torch.finfo(x0.dtype).tiny ** 0.5
        return g / (2 * length.clamp_min(least)) if self.step == "norm" else g


def loss(x0: Tensor, measurement: Measurement) -> Tensor:
    """||y - A(x0)||^2 of each image, in a shape that broadcasts against x0, (B, *shape)."""
    (y, A, _), model = measurement, measurement.noise
    r = A.masked(model.weights(y) ** 0.5 * (y - A(x0)))
    return per_image(dot(r, r), x0)
