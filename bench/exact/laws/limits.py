"""The variance of a sampler in unmeasured directions as its steps become many, in closed form.

A sampler that refreshes a share of the noise around a point estimate loses variance that no number of steps
brings back, and one that draws around the end of the probability-flow ODE gains some. The prior is N(m, I),
where the right variance is 1; the variance over a batch of Hadamard noise is that of the solver's
distribution, without Monte-Carlo error.
"""

from dataclasses import dataclass

import torch

from bench.exact.laws.problems import F64, hadamard_noise, matrix_operator
from bench.exact.prior import GaussianPrior
from bench.solver import Measurement, Solver

SIGMA = 0.1


@dataclass(frozen=True)
class Limit:
    """A solver's variance in an unmeasured direction of N(m, I), and its limit for infinitely many steps.

    Attributes:
        name: solver and setting.
        tolerance: how far the variance may be from the limit at this number of steps.
    """

    name: str
    variance: float
    limit: float
    tolerance: float

    @property
    def reached(self) -> bool:
        return abs(self.variance - self.limit) <= self.tolerance


def unmeasured_variance(solver: Solver, draws: int) -> float:
    """The variance of the result in the unmeasured one of two directions; the other is measured with noise.

    Args:
        draws: vectors that the solver draws from its noise, at most.
    """
    noise = hadamard_noise(2 * draws)
    A = matrix_operator((1.0,), 2, len(noise))
    prior = GaussianPrior(torch.tensor([0.3, -0.5], dtype=F64), torch.ones(2, dtype=F64))
    y = torch.full((len(noise), 1), 0.4, dtype=F64)
    *_, step = solver.solve(Measurement(y, A, SIGMA), prior, noise)
    return float((step.x @ A.basis)[:, 1].var(correction=0))


def refreshed(share: float) -> float:
    """The limit (1 + sqrt(1 - share)) / 2, where every step draws that share of the noise variance anew."""
    return (1 + (1 - share) ** 0.5) / 2
