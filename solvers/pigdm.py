"""Pseudo-inverse guided diffusion."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import ClassVar, Literal

from torch import Tensor

from bench.solver import (
    Level,
    LinearOperator,
    Measurement,
    Noise,
    PinvOperator,
    Positive,
    Prior,
    Solver,
    Spacing,
    Step,
    Steps,
    UnitInterval,
    ddim,
    ddim_coefficients,
    fresh_noise,
    vjp_once,
)


@dataclass(frozen=True)
class PiGDM(Solver):
    """PiGDM (Song, Vahdat, Mardani & Kautz, ICLR 2023, openreview 9_gsMA8MRKQ, algorithm 1).

        x ~ N(0, I)
        for t -> s:  x0 = E[x0 | x],  r_t^2 = sigma_t^2 / (alpha_t^2 + sigma_t^2)
                     u  = A^T (A A^T + sigma^2 / r_t^2 I)^-1 (y - A x0)     linear A
                     u  = A+ y - A+ A(x0)                                   nonlinear A with a pseudo-inverse
                     g  = (dx0/dx)^T u
                     x  = DDIM step from x with x0, plus k g

    ``coefficient`` k: ``paper`` alpha_t; ``nvlabs`` alpha_s alpha_t; ``score`` alpha_s / alpha_t -
    c2 / sigma_t, with which the guidance enters through the score, exact for a N(m, I) prior;
    ``nvlabs_score`` alpha_t^2 times that, the second form of the code that has ``nvlabs``. Other coordinates
    than variance-preserving ones have the factors std_s in ``paper`` and std_t^2 in ``score``.
    """

    paper: ClassVar[str] = "openreview:9_gsMA8MRKQ"
    needs: ClassVar = PinvOperator

    steps: Steps = 100
    spacing: Spacing = "leading"
    eta: UnitInterval = 1.0
    coefficient: Literal["paper", "nvlabs", "score", "nvlabs_score"] = "paper"
    scale: Positive = 1.0
    """Factor on k; 1 in the paper."""
    clip: bool = True
    """Clip x0 to [-1, 1] inside the graph; without it the first steps can overflow."""
    damped: bool = True
    """Account for the noise in y; False takes sigma = 0."""
    start: Literal["noise", "pinv"] = "noise"

    def solve(self, measurement: Measurement[PinvOperator], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the guided DDIM state after every level; ``steps`` NFE and vjps."""
        y, A, sigma = measurement
        levels = prior.schedule.levels(self.steps, self.spacing)
        z = noise.new(prior.shape)
        x = levels[0].std * z

        @cache
        def Apinv_y() -> Tensor:
            """A+ y, which most runs do not need."""
            return A.pinv(y)

        if self.start == "pinv":
            x = levels[0].alpha * Apinv_y() + levels[0].sigma * z
        for t, s in pairwise(levels):
            x0, _, pull_x0 = vjp_once(prior, x, t, self.clip)
            if isinstance(A, LinearOperator):
                u = A.pinv(y - A(x0), damping=sigma**2 / t.variance if self.damped else 0.0)
            else:
                u = Apinv_y() - A.pinv(A(x0))
            g = pull_x0(u)
            x = ddim(x, x0, t, s, self.eta, fresh_noise(noise, x, s)) + self.scale * self.k(t, s) * g
            yield Step(x, x0)

    def k(self, t: Level[float], s: Level[float]) -> float:
        """The coefficient of the guidance g in the step from t to s."""
        if self.coefficient == "paper":
            return s.std * t.alpha
        if self.coefficient == "nvlabs":
            return s.alpha * t.alpha
        score = s.alpha / t.alpha - ddim_coefficients(t, s, self.eta)[1] / t.sigma
        return score * (t.std if self.coefficient == "score" else t.alpha) ** 2
