"""Decoupled annealing posterior sampling."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Literal, Self

from torch import Tensor

from bench.solver import (
    CLEAN,
    Count,
    Gaussian,
    Level,
    Measurement,
    Noise,
    NoiseModel,
    Positive,
    Prior,
    Solver,
    Step,
    UnitInterval,
    per_image,
    probability_flow,
)


@dataclass(frozen=True)
class DAPS(Solver):
    """DAPS (Zhang et al., CVPR 2025, arXiv 2407.01521, algorithm 1), with Langevin dynamics.

        x ~ N(0, sigma_T^2 I)
        for t -> s:  x0 = end of the probability-flow ODE from x at level t
                     u  = x0, then langevin_steps times
                          u = u + lr_t (A^T (y - A(u)) / tau^2 + (x0 - u) / r_t^2) + sqrt(2 lr_t) z
                     x  = alpha_s u + sigma_s z

    A^T is the adjoint of dA/du. The Langevin steps approach the density proportional to N(u; x0, r_t^2 I)
    N(y; A(u), tau^2 I). The ratios sigma_t / alpha_t of the levels fall from sigma_max to sigma_min,
    equidistant in the seventh root and clipped to the schedule's range; lr_t falls linearly from lr
    towards lr_min_ratio lr, which one more level would have. ``steps`` counts network evaluations: the
    ODE takes ``ode_steps`` Euler steps at each level, so there are ``steps / ode_steps`` levels (rounded
    down, at least one, the remainder spread over them). One ODE step to the clean image is the posterior
    mean E[x0 | x].

    The Langevin steps are stable for lr < 2 / (s^2 / tau^2 + 1 / r_t^2), s the largest singular value of A.
    sigma is not used. Where the noise is not Gaussian, its score stands for (y - A(u)) / tau^2, and tau is
    not used either.
    """

    paper: ClassVar[str] = "2407.01521"
    needs_gradient: ClassVar[bool] = True
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)

    steps: Count = 1000
    ode_steps: Count = 5
    ode_end: Literal["clean", "noisy"] = "clean"
    """Where the ODE ends: at the clean image, or one step later at the schedule's smallest noise level."""
    sigma_max: Positive = 100.0
    sigma_min: Positive = 0.1
    spread: Literal["ratio", "variance"] = "ratio"
    """r_t: sigma_t / alpha_t as published, or its square sigma_t^2 / (alpha_t^2 + sigma_t^2), which is exact
    for a N(m, I) prior."""
    langevin_steps: Count = 100
    tau: Positive = 0.01
    """Standard deviation of y given x that the Langevin steps assume, in place of sigma, if the noise is
    Gaussian."""
    lr: Positive = 1e-4
    lr_min_ratio: UnitInterval = 0.01

    def __post_init__(self) -> None:
        if self.sigma_max < self.sigma_min:
            raise ValueError(f"sigma_max = {self.sigma_max:g} is below sigma_min = {self.sigma_min:g}")

    def yields(self) -> int:
        """The number of levels."""
        return max(self.steps // self.ode_steps, 1)

    def quick(self, n: int) -> Self:
        few = super().quick(n)
        return replace(few, ode_steps=min(self.ode_steps, 2), langevin_steps=min(self.langevin_steps, n))

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the renoised state after every level; ``steps`` NFE, no vjp of the network."""
        anneals = self.yields()
        levels = [*prior.schedule.between(self.sigma_max, self.sigma_min, anneals), CLEAN]
        x = levels[0].sigma * noise.new(prior.shape)
        for k, (t, s) in enumerate(pairwise(levels)):
            evaluations = self.steps * (k + 1) // anneals - self.steps * k // anneals
            x0 = self.flow(x, t, prior, evaluations)
            lr = self.lr * (1 + k / anneals * (self.lr_min_ratio - 1))
            x0 = self.inner(x0, t, lr, measurement, noise)
            x = s.alpha * x0 + s.sigma * noise.like(x0) if s.sigma > 0 else x0
            yield Step(x, x0)

    def flow(self, x: Tensor, t: Level[float], prior: Prior, evaluations: int) -> Tensor:
        """Carries x, (B, *shape), from level t down the probability-flow ODE."""
        noisy, smallest = self.ode_end == "noisy", prior.schedule.level(0).ratio
        levels = prior.schedule.between(t.ratio, smallest, evaluations + noisy)
        levels = levels if noisy else [*levels, CLEAN]
        return probability_flow(x, levels, prior) / levels[-1].alpha

    def inner(self, x0: Tensor, t: Level[float], lr: float, measurement: Measurement, noise: Noise) -> Tensor:
        """Langevin steps from x0 to N(u; x0, r_t^2 I) N(y; A(u), tau^2 I), their limit for small lr."""
        (y, A, _), model = measurement, measurement.noise
        unit = self.tau**2 if isinstance(model, Gaussian) else per_image(model.unit, x0)
        r = t.ratio if self.spread == "ratio" else t.variance**0.5
        u = x0
        for _ in range(self.langevin_steps):
            Au, pull = A.vjp(u)
            data = pull(model.residual(Au, y)) / unit
            u = u + lr * (data + (x0 - u) / r**2) + (2 * lr) ** 0.5 * noise.like(u)
        return u
