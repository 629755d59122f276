"""What becomes of a sampler's spread in unmeasured directions as its steps become many, in closed form.

A sampler that refreshes a share of the noise around a point estimate loses variance that no number of steps
brings back, and one that draws around the end of the probability-flow ODE gains some. The prior is N(m, I),
where the right variance is 1; the variance over a batch of Hadamard noise is that of the solver's law,
without Monte-Carlo error.
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
    """A solver's variance in an unmeasured direction of N(m, I), and its limit for infinitely many steps."""

    name: str
    """Solver and setting."""
    variance: float
    limit: float
    tolerance: float
    """How far the variance may be from the limit at this number of steps."""

    @property
    def reached(self) -> bool:
        return abs(self.variance - self.limit) <= self.tolerance


def unmeasured_variance(solver: Solver, draws: int) -> float:
    """Of the result in the unmeasured of two directions, the other one measured with noise.

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
    """The limit (1 + sqrt(1 - share)) / 2 where that share of the noise variance is drawn anew in every
    step.
    """
    return (1 + (1 - share) ** 0.5) / 2


def exact_flow(_self: Solver, x: Tensor, t: Level, prior: ExactPrior, _: int) -> Tensor:
    """The end of the probability-flow ODE for N(m, I), where it shrinks (x / alpha - m) to unit variance."""
    return prior.mean + (x / t.alpha - prior.mean) / (1 + t.ratio**2) ** 0.5


def limits(steps: int = 1000, anneals: int = 200) -> Iterator[Limit]:
    """DDRM, DDNM+, DDNM and DiffPIR at so many steps, and DAPS at its best: an exact ODE and an exact inner
    draw; seconds.
    """
    for eta in (0.0, 0.5, 0.85, 1.0):
        samplers = {
            "DDRM": DDRM(steps, eta=eta),
            "DDNM+": DDNM(steps, eta=eta),
            "DDNM": DDNM(steps, eta=eta, plus=False),
        }
        for name, solver in samplers.items():
            yield Limit(
                f"{name} eta = {eta:g}", unmeasured_variance(solver, steps), refreshed(eta**2), 10 / steps
            )
    for zeta in (0.1, 0.3, 0.5, 1.0):
        solver = DiffPIR(steps, spacing="leading", zeta=zeta, clip=False)
        yield Limit(
            f"DiffPIR zeta = {zeta:g}", unmeasured_variance(solver, steps), refreshed(zeta), 10 / steps
        )
    best = type("BestDAPS", (ideal(DAPS),), {"flow": exact_flow})
    solver = best(steps=anneals, ode_steps=1, tau=SIGMA)
    yield Limit(f"DAPS, {anneals} levels", unmeasured_variance(solver, 2 * anneals), 2.0, 30 / anneals)
