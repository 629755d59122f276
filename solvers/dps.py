"""Diffusion posterior sampling."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from torch import Tensor

from bench.solver import (
    Measurement,
    Neutral,
    Noise,
    NoiseModel,
    NonNegative,
    Prior,
    Solver,
    Spacing,
    Step,
    Steps,
    UnitInterval,
    ddim,
    ddpm,
    fresh_noise,
    norm,
    vjp_once,
)


@dataclass(frozen=True)
class DPS(Solver):
    """DPS (Chung, Kim, Mccann, Klasky & Ye, ICLR 2023, arXiv 2209.14687, algorithm 1).

        x ~ N(0, I)
        for t -> s:  x0 = E[x0 | x],  r = y - A(x0)
                     x  = ancestral step from x with x0, minus zeta d||r|| / dx

    One norm per image. ``zeta`` is the step of the un-squared norm, the parameter of the reference code
    (``scale``); read literally, the paper's zeta' is half of it, because it divides the gradient of ||r||^2
    by ||r||. It does not carry over to other image sizes or numbers of steps. It is in units of the
    variance-preserving x_t: in other coordinates it has the factor std_t std_s, std^2 = alpha^2 + sigma^2.
    sigma is not used.

    With Poisson noise, the norm has the paper's weights 1 / (2 y), y in [0, 1] and at least one count.
    """

    paper: ClassVar[str] = "2209.14687"
    needs_gradient: ClassVar[bool] = True
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)

    steps: Steps = 1000
    spacing: Spacing = "respaced"
    zeta: NonNegative = 1.0
    step: Literal["norm", "squared"] = "norm"
    """Descend ||r|| or ||r||^2."""
    clip: bool = True
    """Clip x0 to [-1, 1] inside the graph: saturated pixels pass no gradient."""
    learned_variance: bool = True
    """Use the variance that the network learned, where it did."""
    eta: Annotated[UnitInterval | None, Neutral(None)] = None
    """Share of fresh noise of DDIM steps, which leave a learned variance unused; None: ancestral steps."""
    start: Annotated[Literal["noise", "pinv"], Neutral("noise")] = "noise"
    """N(0, I), or the noised starting image alpha_T A+ y + sigma_T z."""
    likelihood: Annotated[Literal["weighted", "score"], Neutral("weighted")] = "weighted"
    """What stands for r where the noise is not Gaussian: y - A(x0), weighted where its variance depends on y,
    or the gradient of the noise's log likelihood in units of y."""

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the guided ancestral state after every level; ``steps`` NFE and vjps."""
        (y, A, _), model = measurement, measurement.noise
        levels = prior.schedule.levels(self.steps, self.spacing)
        z = noise.new(prior.shape)
        x = levels[0].std * z
        if self.start == "pinv":
            x = levels[0].alpha * A.guess(y) + levels[0].sigma * z
        for t, s in pairwise(levels):
            x0, v, pull_x0 = vjp_once(prior, x, t, self.clip)
            Ax0, pull_A = A.vjp(x0)
            guidance = t.std * s.std * pull_x0(pull_A(self.fall(Ax0, y, model)))
            z = fresh_noise(noise, x, s)
            if self.eta is None:
                x = ddpm(x, x0, t, s, z, v if self.learned_variance else None)
            else:
                x = ddim(x, x0, t, s, self.eta, z)
            x = x + self.zeta * guidance
            yield Step(x, x0)

    def fall(self, Ax0: Tensor, y: Tensor, model: NoiseModel) -> Tensor:
        """Minus the gradient of ||r|| or ||r||^2 with respect to A(x0), (B, *m)."""
        w: float | Tensor = 1.0
        if self.likelihood == "score":
            r = model.residual(Ax0, y)
        else:
            w = model.weights(y) ** 0.5
            r = w * (y - Ax0)
        return w * (r / norm(r) if self.step == "norm" else 2 * r)
