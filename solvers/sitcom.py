"""Step-wise triple-consistent sampling: optimisation over the network's input."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Literal, Self

import torch

from bench.solver import (
    Count,
    Measurement,
    Noise,
    NoiseModel,
    NonNegative,
    Positive,
    Prior,
    Solver,
    Spacing,
    Step,
    descent,
    vjp_once,
)


@dataclass(frozen=True)
class SITCOM(Solver):
    """SITCOM (Alkhouri, Liang, Huang, Dai, Qu, Ravishankar & Wang, ICML 2025, arXiv 2410.04479, algorithm 1).

        x ~ N(0, I)
        for t -> s:  w = x, then up to K = ``iterations`` times
                         x0 = E[x0 | w];  end where ||y - A(x0)|| is at most ``stop`` times what noise leaves
                         w  = Adam step on ||y - A(x0)||^2 + lam ||w - x||^2
                     x0 = E[x0 | w]
                     x  = alpha_s x0 + sigma_s z

    w is the paper's v, in units of the variance-preserving x_t. Each image ends a level by itself; without
    noise in y, or at ``stop`` 0, none does. Since all noise is fresh, the result has about half of the
    variance of a sample. sigma enters by ``stop`` alone. Where noise is not Gaussian, its score in units of y
    stands for y - A(x0).

    ``steps`` counts network evaluations. A level takes K + 1 of them, so there are ``steps / (K + 1)``,
    rounded down, at least one. A record's note ``updates`` counts the steps on w.
    """

    paper: ClassVar[str] = "2410.04479"
    needs_gradient: ClassVar[bool] = True
    noises: ClassVar[tuple[type[NoiseModel], ...]] = (NoiseModel,)
    stops_early: ClassVar[bool] = True

    steps: Count = 100
    iterations: Count = 3
    """Most steps on w at a level, the paper's K."""
    spacing: Spacing = "leading"
    lr: Positive = 0.05
    """Step of the optimiser; with Adam about how far an entry of w moves at a time."""
    lam: NonNegative = 0.0
    """Weight of ||w - x||^2 against ||y - A(x0)||^2, the paper's lambda."""
    stop: NonNegative = 1.02
    """Residual at which an image ends a level, relative to what noise alone leaves: the paper's delta."""
    optimiser: Literal["adam", "gd"] = "adam"
    """Adam, whose averages start anew at each level, or plain gradient descent."""
    clip: bool = True
    """Clip x0 to [-1, 1] inside the graph: saturated pixels pass no gradient."""

    def yields(self) -> int:
        """The number of levels."""
        return max(self.steps // (self.iterations + 1), 1)

    def quick(self, n: int) -> Self:
        return replace(super().quick(n), iterations=min(self.iterations, max(n // 5, 1)))

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the renoised state after every level; at most ``steps`` NFE, K vjps a level."""
        levels = prior.schedule.levels(self.yields(), self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        for t, s in pairwise(levels):
            start = x / t.std
            w = start.clone()
            x0, gradient = torch.empty_like(x), torch.zeros_like(x)
            descend = descent(w, self.lr, adam=self.optimiser == "adam")
            updates = x.new_zeros(len(x))
            going = torch.ones(len(x), dtype=torch.bool, device=x.device)
            for _ in range(min(self.iterations, self.steps - 1)):
                (y, A, _), model = measurement.select(going), measurement.noise[going]
                x0[going], _, pull_x0 = vjp_once(prior[going], t.std * w[going], t, self.clip)
                Ax0, pull_A = A.vjp(x0[going])
                fall = t.std * pull_x0(pull_A(2 * model.residual(Ax0, y)))
                gradient[going] = 2 * self.lam * (w - start)[going] - fall
                close = model.misfit(Ax0, y, A.measured) <= self.stop
                going = going.masked_scatter(going, ~close)
                updates += going
                if not going.any():
                    break
                descend(gradient)  # it moves images that have ended, too, whose w is read no more
            if going.any():
                last = prior[going].denoise(t.std * w[going], t)
                x0[going] = last.clamp(-1, 1) if self.clip else last
            x = s.alpha * x0 + s.sigma * noise.like(x0) if s.sigma > 0 else x0
            yield Step(x, x0, {"updates": updates})
