"""Laws of DPS."""

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
    first_move,
    gap,
    recursion_error,
    worst,
)
from bench.exact.laws.mutant import CLIP_OUTSIDE, HALF, LAST_NOISE, Mutant
from bench.exact.laws.problems import F64, LearnedVariance, problem, streams
from bench.exact.prior import dense
from solvers.laws.guided import SPREADS, alone_error, gradient_error


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance with the squared norm, whose step is affine."""
    errors = []
    for prior, v, n in [*product(("unit", "skew"), SPREADS, (10,)), ("narrow", None, 100)]:
        case = problem(prior, 0.1, dtype)
        moments = recursions.dps(case.affine, recursions.respaced(n), 0.1, v)
        solver = cls(steps=n, zeta=0.1, step="squared", clip=False)
        learned = LearnedVariance(case.prior, v)
        errors.append(recursion_error(case, solver, moments, prior=learned))
    return worst(errors)


def closed_gradient_error(cls: SolverClass) -> float:
    """The gradient of ||r|| on N(m, c I) is -(alpha c / (alpha^2 c + sigma_t^2)) A^T r / ||r||."""
    errors, zeta = [], 0.5
    for prior, c in (("unit", 1.0), ("narrow", 0.25)):
        case = problem(prior, 0.1)
        t, H, x = case.prior.schedule.level(500), dense(case.A)[0], streams(16).new((4,))
        r = case.y - case.prior.denoise(x, t) @ H.T
        gradient = -(t.alpha * c / (t.alpha**2 * c + t.sigma**2)) * (r / r.norm(dim=1, keepdim=True)) @ H
        guided = cls(steps=2, spacing="leading", zeta=zeta, step="norm", clip=False)
        plain = cls(steps=2, spacing="leading", zeta=0.0, step="norm", clip=False)
        errors.append(gap(first_move(case, guided, plain, lambda: streams(16)), -zeta * gradient))
    return worst(errors)


LAWS = [
    Law(
        "law of every state, squared norm",
        EXACT,
        moments_error,
        ("factor 2", "no Jacobian", "noise in the last step", "learned variance ignored"),
    ),
    Law(
        "guidance on a mixture, finite differences",
        DIFFERENCE,
        gradient_error,
        ("factor 2", "no Jacobian", "clip outside the graph"),
    ),
    Law(
        "gradient on N(m, c I)",
        EXACT,
        closed_gradient_error,
        ("no Jacobian", "one norm over the batch"),
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
    Mutant("factor 2", "+ self.zeta * guidance", "+ 2 * self.zeta * guidance"),
    Mutant("no Jacobian", "pull_x0(", "("),
    Mutant("one norm over the batch", "norm(r)", "r.norm()"),
    CLIP_OUTSIDE,
    Mutant("noise in the last step", "+ self.zeta * guidance", "+ self.zeta * guidance" + LAST_NOISE),
    Mutant("learned variance ignored", "v if self.learned_variance else None", "None"),
    HALF,
]
