"""Flower, a flow-matching solver."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from bench.solver import (
    LinearOperator,
    Measurement,
    Noise,
    Prior,
    Solver,
    Step,
    Steps,
    conditional_draw,
    conditional_mean,
    flow_levels,
)


@dataclass(frozen=True)
class Flower(Solver):
    """Flower (Pourya, El Rawas & Unser, ICLR 2026, arXiv 2509.26287), its three steps named as there.

        x ~ N(0, I)
        for tau = 0, 1/N, ..., 1 - 1/N:  r^2 = (1 - tau)^2 / (tau^2 + (1 - tau)^2)
            x0  = E[x0 | x_tau = x]                                              destination estimation
            x0' = mean, or a draw, of N(u; x0, r^2 I) N(y; A u, sigma^2 I)       destination refinement
            x   = (tau + 1/N) x0' + (1 - tau - 1/N) z                            time progression

    r is the paper's nu_t. For N(m, I), Var[x0 | x_tau] = r^2, and the draw makes x_tau a sample of the noised
    posterior at every time, for any N. The mean loses about half of the variance in directions that were not
    measured.

    The method is written for flows x_tau = tau x0 + (1 - tau) eps, and runs on every prior.
    """

    paper: ClassVar[str] = "2509.26287"
    needs: ClassVar = LinearOperator

    steps: Steps = 100
    draw: bool = False
    """Draw from the conditional of each step, in place of its mean: the paper's gamma, 1 and 0."""

    def solve(self, measurement: Measurement[LinearOperator], prior: Prior, noise: Noise) -> Iterator[Step]:
        """Yields the state in flow coordinates after every time; ``steps`` NFE, no vjp, one A+ each."""
        y, A, sigma = measurement
        x = noise.new(prior.shape)
        for t, s in pairwise(flow_levels(prior.schedule, self.steps)):
            x0 = prior.denoise(t.scale * x, t.level)
            r = t.variance**0.5
            if self.draw:
                x0 = conditional_draw(x0, y, A, r, sigma, noise)
            else:
                x0 = conditional_mean(x0, y, A, r, sigma)
            x = s.tau * x0 + (1 - s.tau) * noise.like(x) if s.tau < 1 else x0
            yield Step(x, x0)
