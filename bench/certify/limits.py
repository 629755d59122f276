"""The variance of a sampler in unmeasured directions as its steps become many, in closed form.

A sampler that refreshes a share of the noise around a point estimate loses variance that no number of steps
brings back, and one that draws around the end of the probability-flow ODE gains some. The prior is N(m, I),
where the right variance is 1; the variance over a batch of Hadamard noise is that of the solver's
distribution, without Monte-Carlo error.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.exact.laws.problems import F64, hadamard_noise, matrix_operator
from bench.exact.prior import ExactPrior, GaussianPrior
from bench.schedule import Level
from bench.solver import Measurement, Solver
from solvers import DAPS, DDNM, DDRM, DiffPIR
from solvers.laws.daps import ideal

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
    *_, (x, _) = solver.solve(Measurement(y, A, SIGMA), prior, noise)
    return float((x @ A.basis)[:, 1].var(correction=0))


def refreshed(share: float) -> float:
    """The limit (1 + sqrt(1 - share)) / 2, where every step draws that share of the noise variance anew."""
    return (1 + (1 - share) ** 0.5) / 2


def exact_flow(_self: Solver, x: Tensor, t: Level, prior: ExactPrior, _: int) -> Tensor:
    """The end of the probability-flow ODE for N(m, I), where it shrinks (x / alpha - m) to unit variance."""
    return prior.mean + (x / t.alpha - prior.mean) / (1 + t.ratio**2) ** 0.5


def limits(steps: int = 1000, anneals: int = 200) -> Iterator[Limit]:
    """The limits of DDRM, DDNM+, DDNM and DiffPIR at so many steps, and of DAPS at its best, in seconds.

    DAPS at its best has an exact ODE and an exact inner draw.
    """
    for eta in (0.0, 0.5, 0.85, 1.0):
        samplers: dict[str, Solver] = {
            "DDRM": DDRM(steps, eta=eta),
            "DDNM+": DDNM(steps, eta=eta),
            "DDNM": DDNM(steps, eta=eta, plus=False),
        }
        for name, solver in samplers.items():
            variance = unmeasured_variance(solver, steps)
            yield Limit(f"{name} eta = {eta:g}", variance, refreshed(eta**2), 10 / steps)
    for zeta in (0.1, 0.3, 0.5, 1.0):
        variance = unmeasured_variance(DiffPIR(steps, spacing="leading", zeta=zeta, clip=False), steps)
        yield Limit(f"DiffPIR zeta = {zeta:g}", variance, refreshed(zeta), 10 / steps)
    best = type("BestDAPS", (ideal(DAPS),), {"flow": exact_flow})
    variance = unmeasured_variance(best(steps=anneals, ode_steps=1, tau=SIGMA), 2 * anneals)
    yield Limit(f"DAPS, {anneals} levels", variance, 2.0, 30 / anneals)
