"""Rows that every other one is read against where the prior is known in closed form."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from bench.exact.prior import ExactPrior
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
    UnitInterval,
    ddim,
    fresh_noise,
)


@dataclass(frozen=True)
class Unconditional(Solver):
    """DDIM on the prior, or DDPM at eta = 1.

    It ignores y, and so is the worst that a sampler can honestly do.
    """

    baseline: ClassVar[bool] = True

    steps: Steps = 100
    spacing: Spacing = "leading"
    eta: UnitInterval = 1.0

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every level; ``steps`` NFE."""
        x = noise.new(prior.shape)
        for t, s in pairwise(prior.schedule.levels(self.steps, self.spacing)):
            x0 = prior.denoise(x, t)
            z = fresh_noise(noise, x, s)
            x = ddim(x, x0, t, s, self.eta, z)
            yield Step(x, x0)


def needs_exact(solver: Solver, prior: Prior) -> str | None:
    """Why there is no posterior, or None where there is."""
    if isinstance(prior, ExactPrior):
        return None
    name = getattr(prior, "name", "this one")
    return f"{type(solver).__name__} needs a prior in closed form; '{name}' is none"


def posterior(measurement: Measurement[LinearOperator], prior: Prior) -> Prior:
    """The posterior of x given y, one per image, or a single one where all rows are the same problem."""
    y, A, sigma = measurement
    same = len(set(A.seeds)) == 1 and bool((y == y[:1]).all())
    return prior.posterior(y[:1], A[:1], sigma) if same else prior.posterior(y, A, sigma)


@dataclass(frozen=True)
class Oracle(Unconditional):
    """The same sampler with the denoiser of the exact posterior.

    What is left is the error of so many steps alone.
    """

    needs: ClassVar = LinearOperator

    def reject(self, A: Operator, prior: Prior) -> str | None:
        return super().reject(A, prior) or needs_exact(self, prior)

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every level; ``steps`` NFE, of the posterior's denoiser."""
        return super().solve(measurement, posterior(measurement, prior), noise)


@dataclass(frozen=True)
class Exact(Solver):
    """Exact draws of the posterior, no sampler at all.

    Their distance to the posterior is the floor of so many samples.
    """

    baseline: ClassVar[bool] = True
    needs: ClassVar = LinearOperator

    def reject(self, A: Operator, prior: Prior) -> str | None:
        return super().reject(A, prior) or needs_exact(self, prior)

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields one draw per image; no NFE."""
        x = posterior(measurement, prior).sample(noise)
        yield Step(x, x)
