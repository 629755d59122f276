"""Laws of MCG."""

from functools import partial
from itertools import product

import torch

from bench.exact.laws import recursions
from bench.exact.laws.law import (
    DIFFERENCE,
    EXACT,
    PATH,
    SINGLE,
    Law,
    SolverClass,
    gap,
    recursion_error,
    worst,
)
from bench.exact.laws.mutant import HALF, Mutant
from bench.exact.laws.problems import F64, LearnedVariance, problem, streams
from solvers.laws.guided import SPREADS, alone_error, gradient_error


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance with the squared norm, at both noise levels of the projection."""
    errors = []
    for prior, level, v in product(("unit", "skew"), ("s", "t"), SPREADS):
        case = problem(prior, 0.1, dtype)
        moments = recursions.mcg(case.affine, recursions.respaced(10), 0.1, level, v)
        solver = cls(steps=10, zeta=0.1, step="squared", clip=False, noise_level=level)
        learned = LearnedVariance(case.prior, v)
        errors.append(recursion_error(case, solver, moments, draws=2, prior=learned))
    return worst(errors)


def consistency_error(cls: SolverClass) -> float:
    """The result satisfies A x = y, also where y is noisy, on any prior."""
    errors = []
    for prior, step in product(("skew", "mixture"), ("norm", "squared")):
        case = problem(prior, 0.1)
        x = case.path(cls(steps=20, zeta=0.3, step=step), streams(8))[-1]
        errors.append(gap(case.A(x), case.y.expand(8, -1)))
    return worst(errors)


def range_error(cls: SolverClass) -> float:
    """The gradient never changes measured coordinates.

    They are a_s y / s_i + sigma_s z for any zeta, in every state.
    """
    errors = []
    for prior in ("skew", "mixture"):
        case = problem(prior, 0.1)
        unguided = case.path(cls(steps=20, zeta=0.0), streams(8)).flatten(0, 1)
        guided = case.path(cls(steps=20, zeta=1.0), streams(8)).flatten(0, 1)
        errors.append(gap(case.A(unguided), case.A(guided)))
    return worst(errors)


LAWS = [
    Law(
        "law of every state, squared norm",
        EXACT,
        moments_error,
        ("y noised to t", "gradient after the projection", "no Jacobian"),
    ),
    Law("A x = y in the end", PATH, consistency_error, ("no projection in the end", "y noised to t")),
    Law(
        "gradient leaves measured coordinates alone",
        PATH,
        range_error,
        ("gradient after the projection", "projection by the adjoint"),
    ),
    Law(
        "guidance on a mixture, finite differences",
        DIFFERENCE,
        partial(gradient_error, project=True),
        ("factor 2",),
    ),
    Law("image alone = image in a batch", PATH, alone_error, ("one norm over the batch",)),
    Law(
        "law, float32",
        SINGLE,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

MUTANTS = [
    Mutant("y noised to t", 'self.noise_level == "s"', "False"),
    Mutant("no projection in the end", "x - A.pinv(", "x - (s.sigma > 0) * A.pinv("),
    Mutant("projection by the adjoint", "x - A.pinv(", "x - A.adjoint("),
    Mutant(
        "gradient after the projection", "A.pinv(A(x) - y_u)", "A.pinv(A(x) - y_u) + self.zeta * guidance"
    ),
    Mutant("factor 2", "+ self.zeta * guidance", "+ 2 * self.zeta * guidance"),
    Mutant("no Jacobian", "pull_x0(", "("),
    Mutant("one norm over the batch", "norm(r)", "r.norm()"),
    HALF,
]
