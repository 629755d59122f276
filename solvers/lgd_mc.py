"""Loss-guided diffusion with Monte-Carlo draws of the clean image."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor

from bench.solver import (
    Count,
    Gaussian,
    Measurement,
    Noise,
    NoiseModel,
    NonNegative,
    Operator,
    Prior,
    Solver,
    Spacing,
    Step,
    Steps,
    ddim,
    dot,
    fresh_noise,
    norm,
    per_image,
    vjp_once,
)


@dataclass(frozen=True)
class LGDMC(Solver):
    """LGD-MC (Song, Zhang, Yin, Mardani, Liu, Kautz, Chen & Vahdat, ICML 2023, PMLR 202:song23k).

        x ~ N(0, I)
        for t -> s:  x0 = E[x0 | x],  r_t^2 = sigma_t^2 / (alpha_t^2 + sigma_t^2)
                     u_j = x0 + r_t z_j,  l_j = ||y - A(u_j)||^2,  j = 1 .. n
            norm:        x = ancestral step from x with x0, minus zeta d(mean l_j)^(1/2) / dx
            logmeanexp:  g = d log mean exp(-l_j / (2 sigma^2)) / dx
                         x = ancestral step from x with x0 + zeta (sigma_t^2 / alpha_t) g

    r_t^2 is Var[x0 | x_t] of N(m, I), n is ``draws``. With one draw at r_t = 0, ``norm`` is DPS without a
    learned variance, and zeta that of `DPS`; ``squared`` has no root. ``logmeanexp``, the likelihood of the
    paper, needs noise in y; with a linear A and many draws it tends to PiGDM with the score's coefficient at
    zeta = 1. Where noise is not Gaussian, its score in units of y stands for y - A(u_j), its likelihood in
    logmeanexp.
    """

    paper: ClassVar[str] = "https://proceedings.mlr.press/v202/song23k.html"
    needs_gradient: ClassVar[bool] = True
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)

    steps: Steps = 100
    spacing: Spacing = "leading"
    draws: Count = 10
    """The number n of u_j; each costs a vjp of A and no network evaluation."""
    step: Literal["norm", "squared", "logmeanexp"] = "norm"
    """Descend the root of the mean l_j or the mean itself, or climb the paper's likelihood."""
    zeta: NonNegative = 1.0
    """Step of the descent, in units of the variance-preserving x_t as that of DPS; in ``logmeanexp`` a factor
    without a unit."""
    clip: bool = True
    """Clip x0 to [-1, 1] inside the graph: saturated pixels pass no gradient."""

    def refuses(self, A: Operator, prior: Prior, noise: NoiseModel) -> str | None:
        exact = isinstance(noise, Gaussian) and not torch.as_tensor(noise.sigma).all()
        if self.step == "logmeanexp" and exact:
            reason = "LGDMC with step logmeanexp needs noise in y, whose likelihood it is; sigma is 0"
            return f"{reason} (step norm needs none)"
        return super().refuses(A, prior, noise)

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every level; ``steps`` NFE and vjps, ``draws`` vjps of A each."""
        levels = prior.schedule.levels(self.steps, self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        for t, s in pairwise(levels):
            x0, _, pull_x0 = vjp_once(prior, x, t, self.clip)
            guidance = self.zeta * pull_x0(self.fall(x0, t.variance**0.5, measurement, noise))
            z = fresh_noise(noise, x, s)
            if self.step == "logmeanexp":
                x = ddim(x, x0 + t.gamma * guidance, t, s, 1.0, z)
            else:
                x = ddim(x, x0, t, s, 1.0, z) + t.std * s.std * guidance
            yield Step(x, x0)

    def fall(self, x0: Tensor, r: float, measurement: Measurement, noise: Noise) -> Tensor:
        """Minus the gradient of the loss with respect to x0, (B, *shape)."""
        (y, A, _), model = measurement, measurement.noise
        likely = self.step == "logmeanexp"
        falls, values = [], []
        for _ in range(self.draws):
            Au, pull = A.vjp(x0 + r * noise.like(x0))
            if likely:
                falls.append(pull(model.score(Au, y)))
                values.append(model.log_likelihood(Au, y, A.measured))
            else:
                rest = model.residual(Au, y)
                falls.append(pull(rest))
                values.append(dot(rest, rest))
        fall, value = torch.stack(falls), torch.stack(values)
        if likely:
            weights = value.softmax(0).view(*value.shape, *(1,) * (x0.ndim - 1))
            return (weights * fall).sum(0)
        if self.step == "squared":
            return 2 * fall.mean(0)
        return fall.mean(0) / norm(per_image(value.mean(0).sqrt(), x0))  # `norm` has a floor
