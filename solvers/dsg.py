"""Diffusion with spherical Gaussian constraint."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from bench.solver import (
    Count,
    Measurement,
    Noise,
    NoiseModel,
    Prior,
    Solver,
    Spacing,
    Step,
    Steps,
    UnitInterval,
    ddim,
    fresh_noise,
    norm,
    vjp_once,
)


@dataclass(frozen=True)
class DSG(Solver):
    """DSG (Yang, Ding, Cai, Yu, Wang & Shi, ICML 2024, arXiv 2402.03201).

        x ~ N(0, I)
        for t -> s:  x0 = E[x0 | x],  g = d||y - A(x0)|| / dx
                     z  = z + w (-sqrt(n) g / ||g|| - z)
                     x  = ancestral step from x with x0 and sqrt(n) z / ||z|| as its noise

    n is the number of entries of x. Normal noise nearly always has the length sqrt(n), so a guided step stays
    on the sphere to which an unguided one would go. Norms are of one image each. Steps between guided ones
    are plain ancestral ones, without a pullback. The last step adds no noise and gives x0.

    sigma is not used. Where noise is not Gaussian, its score in units of y stands for y - A(x0).
    """

    paper: ClassVar[str] = "2402.03201"
    needs_gradient: ClassVar[bool] = True
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)

    steps: Steps = 100
    spacing: Spacing = "leading"
    w: UnitInterval = 0.2
    """Weight of the gradient against the noise, `guidance_scale` of the authors' code."""
    interval: Count = 1
    """Guide every so many steps, from the first on."""
    clip: bool = True
    """Clip x0 to [-1, 1] inside the graph: saturated pixels pass no gradient."""

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every level; ``steps`` NFE, ``steps / interval`` vjps, rounded up."""
        (y, A, _), model = measurement, measurement.noise
        radius = math.prod(prior.shape) ** 0.5
        levels = prior.schedule.levels(self.steps, self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        for k, (t, s) in enumerate(pairwise(levels)):
            z = fresh_noise(noise, x, s)
            x0, _, pull_x0 = vjp_once(prior, x, t, self.clip)
            if k % self.interval == 0:
                Ax0, pull_A = A.vjp(x0)
                guidance = pull_x0(pull_A(model.residual(Ax0, y)))  # -g, up to its length
                z = z + self.w * (radius * guidance / norm(guidance) - z)
                z = radius * z / norm(z)
            del pull_x0
            x = ddim(x, x0, t, s, 1.0, z)
            yield Step(x, x0)
