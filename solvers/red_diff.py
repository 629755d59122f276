"""RED-diff: variational sampling as stochastic optimisation, regularised by denoisers at all time steps."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Lt
from torch import Tensor

from bench.solver import (
    Level,
    Measurement,
    Noise,
    NoiseModel,
    NonNegative,
    Positive,
    Prior,
    Solver,
    Spacing,
    Step,
    Steps,
    descent,
    draw_level,
)


@dataclass(frozen=True)
class RedDiff(Solver):
    """RED-diff (Mardani, Song, Kautz & Vahdat, ICLR 2024, arXiv 2305.04391, algorithm 1).

        mu = starting image
        for t:  x_t  = alpha_t mu + sigma_t eps,  eps ~ N(0, I)
                loss = ||y - A(mu)||^2 / 2 + lam w(sigma_t / alpha_t) <stop-gradient[eps(x_t, t) - eps], mu>
                mu   = optimiser step on mu

    The gradient needs the adjoint of A but not of the network. ``loss`` "mean" divides the data term by the
    number of measured entries m and the prior term by the number of pixels n: relative to the sums of the
    paper ("sum"), lam counts m / n times. "mean_with_holes" counts the entries of y that a mask leaves out,
    as the reference code does: under a mask lam then counts as in the sums. ``divisor`` divides both: Adam
    ignores it but for ``adam_eps``. sigma is not used. Where the noise is not Gaussian, the gradient of its
    log likelihood, in units of y, stands for y - A(mu).
    """

    paper: ClassVar[str] = "2305.04391"
    needs_gradient: ClassVar[bool] = True
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)

    steps: Steps = 1000
    spacing: Spacing = "leading"
    timesteps: Literal["descending", "random"] = "descending"
    """Each level once, noisiest first, or uniform draws from the levels, one per image and step."""
    lr: Positive = 0.1
    lam: NonNegative = 0.25
    weighting: Literal["linear", "sqrt", "square", "log", "trunc_linear", "const"] = "linear"
    """w as a function of the noise-to-signal ratio sigma_t / alpha_t."""
    sigma_x0: NonNegative = 0.0
    """Standard deviation of the variational distribution; 0 is the paper's Dirac limit."""
    loss: Literal["mean", "mean_with_holes", "sum"] = "mean"
    divisor: Positive = 1.0
    optimiser: Literal["adam", "sgd"] = "adam"
    beta1: Annotated[float, Ge(0), Lt(1)] = 0.9
    beta2: Annotated[float, Ge(0), Lt(1)] = 0.99
    adam_eps: Positive = 1e-8
    returned: Literal["last", "before_last"] = "last"

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields mu after every optimiser step; ``steps`` NFE, no vjp of the network."""
        (y, A, _), model = measurement, measurement.noise
        mu = A.guess(y).clone()
        betas = (self.beta1, self.beta2)
        descend = descent(mu, self.lr, self.optimiser == "adam", betas, self.adam_eps)
        n, m = (1, 1) if self.loss == "sum" else (mu[0].numel(), A.size(y))
        if self.loss == "mean_with_holes":
            m = y[0].numel() * (2 if y.is_complex() else 1)
        levels = prior.schedule.levels(self.steps, self.spacing)[:-1]
        for level in levels:
            t: Level = level
            if self.timesteps == "random":
                t = draw_level(levels, noise.uniform(()), mu)
            x0 = mu + self.sigma_x0 * noise.like(mu) if self.sigma_x0 > 0 else mu.clone()
            eps = noise.like(mu)
            x = t.alpha * x0 + t.sigma * eps
            denoised = prior.denoise(x, t)
            eps_hat = (x - t.alpha * denoised) / t.sigma
            Ax0, pull_A = A.vjp(x0)
            data = pull_A(model.residual(Ax0, y) / m)
            descend((self.lam * self.w(t.ratio) / n * (eps_hat - eps) - data) / self.divisor)
            yield Step(mu if self.returned == "last" else x0, denoised)

    def w(self, ratio: float | Tensor) -> float | Tensor:
        """The weight of the denoiser at sigma_t / alpha_t, the inverse of the paper's SNR."""
        if self.weighting == "log":
            return math.log1p(ratio) if isinstance(ratio, float) else ratio.log1p()
        if self.weighting == "trunc_linear":
            return min(ratio, 1.0) if isinstance(ratio, float) else ratio.clamp_max(1)
        return ratio ** {"linear": 1, "sqrt": 0.5, "square": 2, "const": 0}[self.weighting]
