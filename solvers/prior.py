"""The prior alone: the worst that a sampler can honestly do."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from bench.solver import (
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
)


@dataclass(frozen=True)
class Unconditional(Solver):
    """DDIM on the prior, or DDPM at eta = 1.

    It ignores y, and so is the worst that a sampler can honestly do.
    """

    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)
    baseline: ClassVar[bool] = True

    steps: Steps = 100
    spacing: Spacing = "leading"
    eta: UnitInterval = 1.0

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every level; ``steps`` NFE."""
        levels = prior.schedule.levels(self.steps, self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        for t, s in pairwise(levels):
            x0 = prior.denoise(x, t)
            z = fresh_noise(noise, x, s)
            x = ddim(x, x0, t, s, self.eta, z)
            yield Step(x, x0)
