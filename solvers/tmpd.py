"""Tweedie moment projected diffusion."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor

from bench.solver import (
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
    per_image,
)

LEAST = 1e-3
"""The least variance of an entry of y, relative to the image's largest."""


@dataclass(frozen=True)
class TMPD(Solver):
    """TMPD (Boys, Girolami, Pidstrigach, Reich, Mosca & Akyildiz, TMLR 2024, arXiv 2310.06721, section 3.1).

        x ~ N(0, I)
        for t -> s:  x0  = E[x0 | x],  V = Cov[x0 | x] = sigma_t^2 / alpha_t (dx0/dx)^T        (eq. 5)
                     D   = A V A^T 1 + sigma^2          row sums in place of A V A^T + sigma^2 I
                     x0' = x0 + V A^T ((y - A x0) / D)                                         (eqs. 10-11)
                     x   = DDIM step from x with x0'

    Row sums are the diagonal where y has uncorrelated entries, as with masks of a N(m, I). They are negative
    where correlations are: entries of D are at least sigma^2 and a thousandth of the image's largest; a
    record's note ``raised`` counts them.
    """

    paper: ClassVar[str] = "2310.06721"
    needs: ClassVar = LinearOperator

    steps: Steps = 100
    spacing: Spacing = "leading"
    eta: UnitInterval = 1.0
    """Share of fresh noise of the DDIM steps: 0 none, 1 that of ancestral steps."""
    rows: Literal["ones", "image"] = "ones"
    """What the rows are summed with: 1 in each entry of y, or A of the image that is 1 everywhere, as the
    authors' torch port has it. They are the same where A 1 = 1."""

    def reject(self, A: Operator, prior: Prior) -> str | None:
        if A.complex_valued:
            return f"TMPD needs real measurements; those of {type(A).__name__} are complex (MMPS takes both)"
        return super().reject(A, prior)

    def solve(self, measurement: Measurement[LinearOperator], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state after every level; ``steps`` NFE, twice as many vjps."""
        y, A, sigma = measurement
        levels = prior.schedule.levels(self.steps, self.spacing)
        x = levels[0].std * noise.new(prior.shape)
        ones = A.masked(torch.ones_like(y)) if self.rows == "ones" else A(torch.ones_like(x))
        for t, s in pairwise(levels):
            x0, pull_x0 = prior.vjp(x, t)
            sums = A(t.gamma * pull_x0(A.adjoint(ones))) + sigma**2
            D = torch.maximum(sums, least(sums, sigma))
            x0 = x0 + t.gamma * pull_x0(A.adjoint((y - A(x0)) / D))
            del pull_x0
            x = ddim(x, x0, t, s, self.eta, fresh_noise(noise, x, s))
            yield Step(x, x0, {"raised": (sums < D).flatten(1).sum(1).to(x0)})


def least(sums: Tensor, sigma: float | Tensor) -> Tensor:
    """The least variance that an entry of y may have, positive, broadcastable against the sums, (B, *m)."""
    tiny = torch.finfo(sums.dtype).tiny / LEAST
    largest = sums.flatten(1).amax(1).clamp_min(tiny)
    return per_image(LEAST * largest, sums).clamp_min(sigma**2)
