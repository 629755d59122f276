"""Exact draws of the posterior: the floor of every distance to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from bench.solver import LinearOperator, Measurement, Noise, Operator, Prior, Solver, Step
from solvers.posterior import needs_exact, posterior


@dataclass(frozen=True)
class Exact(Solver):
    """Exact draws of the posterior, no sampler at all.

    Their distance to the posterior is the floor of so many samples.
    """

    baseline: ClassVar[bool] = True
    needs: ClassVar = LinearOperator

    def reject(self, A: Operator, prior: Prior) -> str | None:
        return super().reject(A, prior) or needs_exact(self, prior)

    def yields(self) -> int:
        return 1

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields one draw per image; no NFE."""
        x = posterior(measurement, prior).sample(noise)
        yield Step(x, x)
