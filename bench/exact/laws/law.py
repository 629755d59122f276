"""What a law is, and the three ways to look at a solver: its law, its path, the gradient in its first
step.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.exact.laws.problems import Case, hadamard_noise, streams
from bench.exact.laws.recursions import Law as Recursion
from bench.noise import Noise
from bench.solver import Measurement, Solver

EXACT = 1e-12
"""Tolerance of closed forms in float64."""
PATH = 1e-10
"""Tolerance of two paths of many steps that must coincide, in float64."""
DIFFERENCE = 1e-7
"""Tolerance against a central finite difference in float64."""
SINGLE = 1e-4
"""Tolerance of the float32 smoke tests."""


@dataclass(frozen=True)
class Law:
    """A property that the algorithm has and that wrong implementations violate.

    ``error(solver_class)`` measures the violation, in units of x (prior standard deviations are 0.1 to 1);
    the law holds when it is at most ``tolerance``.
    """

    name: str
    solver: str
    tolerance: float
    error: Callable[[type[Solver]], float]
    catches: tuple[str, ...]
    """Wrong variants of the solver that it must catch, by their names in tests/test_mutants.py; at least
    one."""


@dataclass(frozen=True)
class LawResult:
    """One law, measured."""

    law: Law
    error: float

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


def recursion_error(case: Case, solver: Solver, recursion: Recursion, draws: int = 1) -> float:
    """Mean and covariance of every state under Hadamard noise, against the recursion; ``draws`` counts images
    per step.
    """
    noise = hadamard_noise(len(case.y[0]) * 2 * (1 + draws * solver.steps), case.prior.dtype)
    path = case.path(solver, noise).double() @ case.A.basis.double()
    errors = []
    for x, (mean, cov) in zip(path, recursion, strict=True):
        centred = x - x.mean(0)
        errors += [
            gap(x.mean(0), torch.from_numpy(mean)),
            gap(centred.T @ centred / len(x), torch.from_numpy(cov)),
        ]
    return worst(errors)


def first_move(case: Case, guided: Solver, plain: Solver, noise: Callable[[], Noise]) -> Tensor:
    """What the guidance adds in the first step: the difference of two solvers' first states under the same
    noise, (B, d).
    """
    return case.path(guided, noise())[0] - case.path(plain, noise())[0]


def finite_difference(f: Callable[[Tensor], Tensor], x: Tensor, h: float = 1e-5) -> Tensor:
    """Central differences of a function per image, (B, d) -> (B,), with respect to each entry of x, (B,
    d).
    """
    steps = h * torch.eye(x.shape[1], dtype=x.dtype)
    return torch.stack([(f(x + e) - f(x - e)) / (2 * h) for e in steps], 1)


def batch_error(case: Case, solver: Solver) -> float:
    """Path of one image alone against the same image in a batch of four with other measurements."""
    y = case.y * torch.linspace(-1, 2, 4, dtype=case.y.dtype)[:, None]

    def path(images: slice) -> Tensor:
        n = len(y[images])
        measurement = Measurement(y[images], case.A.repeat_interleave(n), case.sigma)
        return torch.stack(
            [s.x.detach().clone() for s in solver.solve(measurement, case.prior, streams(4)[images])]
        )

    together = path(slice(0, 4))
    return worst(gap(path(slice(i, i + 1)), together[:, i : i + 1]) for i in range(4))
