"""Split Gibbs sampling with a diffusion prior."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Self

from torch import Tensor

from bench.solver import (
    CLEAN,
    Count,
    LinearOperator,
    Measurement,
    Noise,
    Positive,
    Prior,
    Solver,
    Step,
    UnitInterval,
    conditional_draw,
    ddim,
    fresh_noise,
)


@dataclass(frozen=True)
class PnPDM(Solver):
    """PnP-DM (Wu et al., NeurIPS 2024, openreview Xq9HQf7VNV, arXiv 2405.18782), for any linear A.

        x = 0
        for i = 0 .. N - 1:
            rho = max(rho_0 decay^i, rho_min)
            z ~ N(z; x, rho^2 I) N(y; A z, sigma^2 I)
            x ~ p(x) N(x; z, rho^2 I)      DDIM from z, whose noise is rho, down to the clean image

    The target is p(x) N(x; z, rho^2 I) p(y | z). At constant rho and with exact draws, x tends to the
    posterior of y with the noise sigma^2 I + rho^2 A A^T, which is wider than that of y: rho_min is a bias.

    ``steps`` counts network evaluations: a draw from the prior takes ``levels`` of them, so there are
    N = ``steps / levels`` iterations, rounded down, at least one. The noise ratios of a draw fall from rho to
    the schedule's smallest, equidistant in the seventh root; with eta = 1 it tends to an exact draw as the
    levels become many, with eta = 0 it follows the probability-flow ODE and loses variance.
    """

    paper: ClassVar[str] = "openreview:Xq9HQf7VNV"
    needs: ClassVar = LinearOperator

    steps: Count = 100
    levels: Count = 5
    """Noise levels of a draw from the prior, with one network evaluation each."""
    rho_0: Positive = 10.0
    """First rho, in units of x."""
    rho_min: Positive = 0.3
    """Least rho, in units of x; a bias."""
    decay: UnitInterval = 0.75
    """Factor on rho from one iteration to the next, `rho_decay_rate` of the authors' code."""
    eta: UnitInterval = 1.0
    """Share of fresh noise of the DDIM steps: 0 none, 1 that of ancestral steps."""

    def yields(self) -> int:
        """The number of iterations N."""
        return max(self.steps // self.levels, 1)

    def quick(self, n: int) -> Self:
        return replace(super().quick(n), levels=min(self.levels, 2))

    def solve(self, measurement: Measurement[LinearOperator], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields x after every iteration; N ``levels`` NFE, no vjp, one A+ each."""
        y, A, sigma = measurement
        x = 0 * noise.new(prior.shape)  # 0, in the dtype and on the device of the noise
        for i in range(self.yields()):
            rho = max(self.rho_0 * self.decay**i, self.rho_min)
            z = conditional_draw(x, y, A, rho, sigma, noise)
            x = self.denoised(z, rho, prior, noise)
            yield Step(x, x)

    def denoised(self, z: Tensor, rho: float, prior: Prior, noise: Noise) -> Tensor:
        """A draw from p(x) N(x; z, rho^2 I), z and the result (B, *shape)."""
        smallest, _ = prior.schedule.ratio_range
        levels = prior.schedule.between(rho, smallest, min(self.levels, self.steps))
        x = levels[0].alpha * z
        for t, s in pairwise([*levels, CLEAN]):
            x = ddim(x, prior.denoise(x, t), t, s, self.eta, fresh_noise(noise, x, s))
        return x
