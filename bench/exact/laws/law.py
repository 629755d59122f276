"""What a law is, and three ways to look at a solver.

They look at the distribution of its states, at its path, and at the gradient in its first step.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.exact.laws.problems import Case, hadamard_noise, streams
from bench.exact.laws.recursions import Moments
from bench.noise import Noise
from bench.prior import Prior
from bench.solver import Measurement, Solver

EXACT = 1e-12
"""Tolerance of closed forms in float64."""
PATH = 1e-10
"""Tolerance of two paths of many steps that must coincide, in float64."""
DIFFERENCE = 1e-7
"""Tolerance against a central finite difference in float64."""
SINGLE = 1e-4
"""Tolerance of the float32 smoke tests."""

SolverClass = Callable[..., Solver]
"""A solver's class, or a wrong variant of it: called with hyper-parameters that only this solver has."""


@dataclass(frozen=True)
class Law:
    """A closed-form property that the algorithm has and that wrong implementations violate.

    ``error(solver_class)`` measures the violation, in units of x (prior standard deviations are 0.1 to 1);
    the law holds when it is at most ``tolerance``.
    """

    name: str
    tolerance: float
    error: Callable[[SolverClass], float]
    catches: tuple[str, ...] = ()
    """Names of the wrong variants of the solver that it must catch; a law of ours names at least one."""


@dataclass(frozen=True)
class LawResult:
    """One law, measured.

    Attributes:
        error: infinite where measuring it raised something.
        raised: what that was, and where.
    """

    law: Law
    error: float
    raised: str = ""

    @property
    def passed(self) -> bool:
        return self.error <= self.law.tolerance


def worst(errors: Iterable[float | Tensor]) -> float:
    """The largest error; what is not a number counts as infinite."""
    values = [float(e) for e in errors]
    return max(float("inf") if np.isnan(e) else e for e in values)


def gap(a: Tensor, b: Tensor) -> float:
    """Largest absolute difference, in float64."""
    return float((a.double() - b.double()).abs().max())


def recursion_error(
    case: Case, solver: Solver, recursion: Moments, draws: int = 1, prior: Prior | None = None
) -> float:
    """Mean and covariance of every state under Hadamard noise, against the recursion.

    Args:
        draws: images of noise that the solver draws in a step.
        prior: what the solver sees in place of the case's prior.
    """
    steps: int = vars(solver)["steps"]
    noise = hadamard_noise(len(case.y[0]) * 2 * (1 + draws * steps), case.prior.dtype)
    path = case.path(solver, noise, prior).double() @ case.A.basis.double()
    errors = []
    for x, (mean, cov) in zip(path, recursion, strict=True):
        centred = x - x.mean(0)
        errors.append(gap(x.mean(0), torch.from_numpy(mean)))
        errors.append(gap(centred.T @ centred / len(x), torch.from_numpy(cov)))
    return worst(errors)


def first_move(case: Case, guided: Solver, plain: Solver, noise: Callable[[], Noise]) -> Tensor:
    """What the guidance adds in the first step, (B, d).

    It is the difference of two solvers' first states under the same noise.
    """
    return case.path(guided, noise())[0] - case.path(plain, noise())[0]


def finite_difference(f: Callable[[Tensor], Tensor], x: Tensor, h: float = 1e-5) -> Tensor:
    """Central differences of a function per image, (B, d) -> (B,), by each entry of x, (B, d)."""
    steps = h * torch.eye(x.shape[1], dtype=x.dtype)
    return torch.stack([(f(x + e) - f(x - e)) / (2 * h) for e in steps], 1)


def batch_error(case: Case, solver: Solver) -> float:
    """Path of one image alone against the same image in a batch of four with other measurements."""
    y = case.y * torch.linspace(-1, 2, 4, dtype=case.y.dtype)[:, None]

    def path(images: slice) -> Tensor:
        n = len(y[images])
        measurement = Measurement(y[images], case.A.repeat_interleave(n), case.sigma)
        steps = solver.solve(measurement, case.prior, streams(4)[images])
        return torch.stack([step.x.detach().clone() for step in steps])

    together = path(slice(0, 4))
    return worst(gap(path(slice(i, i + 1)), together[:, i : i + 1]) for i in range(4))
