"""Manifold constrained gradient."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from bench.solver import (
    LinearOperator,
    Measurement,
    Neutral,
    Noise,
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
class MCG(Solver):
    """MCG (Chung, Sim, Ryu & Ye, NeurIPS 2022, arXiv 2206.00941, algorithm 1), for any linear A.

        x ~ N(0, I)
        for t -> s:  x0 = E[x0 | x],  r = y - A x0
                     x  = ancestral step from x with x0, minus zeta d||r|| / dx
                     x  = x - A+ (A x - y_s),   y_s = alpha_s y + sigma_s A z

    DPS followed by a projection onto the measurement, noised to the state's own level. The result satisfies
    A x = y even where y is noisy (for blurs, up to the cutoff ``rcond`` of A+). zeta is in units of the
    variance-preserving x_t, as that of DPS. sigma is not used.
    """

    paper: ClassVar[str] = "2206.00941"
    needs: ClassVar = LinearOperator

    steps: Steps = 1000
    spacing: Spacing = "respaced"
    zeta: NonNegative = 1.0
    step: Literal["norm", "squared", "weighted_pinv"] = "norm"
    """Descend ||r||, ||r||^2, or alpha_t ||A+ r||^2 as NVlabs/RED-diff does."""
    clip: bool = True
    """Clip x0 to [-1, 1] inside the graph: saturated pixels pass no gradient."""
    learned_variance: bool = True
    """Use the variance that the network learned, where it did."""
    eta: Annotated[UnitInterval | None, Neutral(None)] = None
    """Share of fresh noise of DDIM steps, which leave a learned variance unused; None: ancestral steps."""
    start: Annotated[Literal["noise", "pinv"], Neutral("noise")] = "noise"
    """N(0, I), or the noised starting image alpha_T A+ y + sigma_T z."""
    noise_level: Literal["s", "t"] = "s"
    """Level to which y is noised for the projection: the new state's, or the last one's as in that code."""

    def solve(self, measurement: Measurement[LinearOperator], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the projected state after every level; ``steps`` NFE and vjps."""
        y, A, _ = measurement
        levels = prior.schedule.levels(self.steps, self.spacing)
        z = noise.new(prior.shape)
        x = levels[0].std * z
        if self.start == "pinv":
            x = levels[0].alpha * A.pinv(y) + levels[0].sigma * z
        for t, s in pairwise(levels):
            x0, v, pull_x0 = vjp_once(prior, x, t, self.clip)
            r = y - A(x0)
            if self.step == "weighted_pinv":
                guidance = s.std * pull_x0(2 * t.alpha * A.pinv(r))
            else:
                guidance = t.std * s.std * pull_x0(A.adjoint(r / norm(r) if self.step == "norm" else 2 * r))
            z = fresh_noise(noise, x, s)
            if self.eta is None:
                x = ddpm(x, x0, t, s, z, v if self.learned_variance else None)
            else:
                x = ddim(x, x0, t, s, self.eta, z)
            x = x + self.zeta * guidance
            u = s if self.noise_level == "s" else t
            scale = s.std / u.std
            y_u = scale * u.alpha * y + scale * u.sigma * A(noise.like(x)) if u.sigma > 0 else y
            x = x - A.pinv(A(x) - y_u)
            yield Step(x, x0)
