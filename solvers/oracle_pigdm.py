"""What the sampler of PiGDM can do at best: its guidance is the exact score of the likelihood."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Literal, Self

from bench.solver import (
    Gaussian,
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
from solvers.pigdm import PiGDM
from solvers.posterior import needs_exact, posterior


@dataclass(frozen=True)
class OraclePiGDM(Solver):
    """PiGDM with grad log p(y | x_t) itself in place of its Gaussian approximation.

        g = r_t^2 grad log p(y | x) = alpha_t / (alpha_t^2 + sigma_t^2) (E[x0 | x, y] - E[x0 | x])

    All else is PiGDM's: grid, eta, coefficient. What separates it from exact samples is the error of that
    sampler; what separates PiGDM from it is the error of the likelihood's approximation. With the coefficient
    ``score`` it is `solvers.oracle.Oracle` at the same eta.
    """

    baseline: ClassVar[bool] = True
    needs: ClassVar = LinearOperator
    noises: ClassVar = (Gaussian,)

    levels: Steps = 100
    """Noise levels; each takes an evaluation of the prior's denoiser and one of the posterior's."""
    spacing: Spacing = "leading"
    eta: UnitInterval = 1.0
    coefficient: Literal["paper", "nvlabs", "score", "nvlabs_score"] = "paper"

    def reject(self, A: Operator, prior: Prior) -> str | None:
        return super().reject(A, prior) or needs_exact(self, prior)

    def yields(self) -> int:
        return self.levels

    def quick(self, n: int) -> Self:
        return replace(self, levels=min(self.levels, max(1, n // 2)))

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the guided DDIM state after every level; twice ``levels`` NFE."""
        informed = posterior(measurement, prior)
        guided = PiGDM(eta=self.eta, coefficient=self.coefficient)
        levels = prior.schedule.levels(self.levels, self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        for t, s in pairwise(levels):
            x0 = prior.denoise(x, t)
            g = t.alpha / t.std**2 * (informed.denoise(x, t) - x0)
            x = ddim(x, x0, t, s, self.eta, fresh_noise(noise, x, s)) + guided.k(t, s) * g
            yield Step(x, x0)
