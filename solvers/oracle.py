"""The best that a sampler can do in so many steps: it knows the exact posterior."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from bench.solver import Gaussian, LinearOperator, Measurement, Noise, Operator, Prior, Step
from solvers.posterior import needs_exact, posterior
from solvers.prior import Unconditional


@dataclass(frozen=True)
class Oracle(Unconditional):
    """The same sampler with the denoiser of the exact posterior.

    What is left is the error of so many steps alone.
    """

    needs: ClassVar = LinearOperator
    noises: ClassVar = (Gaussian,)

    def reject(self, A: Operator, prior: Prior) -> str | None:
        return super().reject(A, prior) or needs_exact(self, prior)

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every level; ``steps`` NFE, of the posterior's denoiser."""
        return super().solve(measurement, posterior(measurement, prior), noise)
