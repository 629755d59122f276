"""Laws of RePaint; without repeats it is MCG without guidance."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise, product

import numpy as np
import torch

from bench.exact.laws import recursions
from bench.exact.laws.law import (
    EXACT,
    PATH,
    SINGLE,
    Law,
    SolverClass,
    batch_error,
    gap,
    recursion_error,
    worst,
)
from bench.exact.laws.mutant import HALF, ONE_NOISE, Mutant
from bench.exact.laws.problems import F64, LearnedVariance, problem, streams
from solvers.laws.guided import SPREADS
from solvers.mcg import MCG

WALKS = ((5, 1, 1, 5), (5, 3, 1, 13), (7, 2, 2, 13), (4, 4, 3, 13))
"""Levels, U, L and the evaluations that they take."""


def walk(n: int, U: int, L: int) -> Iterator[int]:
    """Indices of levels in the order of visits, n - 1 the noisiest and -1 the clean one.

    U - 1 times from each of 0, L, 2 L, ... it goes up again by L, but to no more than n - 1.
    """
    left = dict.fromkeys(range(0, n - L, L), U - 1)
    t = n - 1
    yield t
    while t >= 0:
        t -= 1
        yield t
        if left.get(t, 0):
            left[t] -= 1
            t += L
            yield t


def recursion(p: recursions.Affine, n: int, U: int, L: int, v: float | None = None) -> recursions.Moments:
    """Measured coordinates become sqrt(a) y / s + sqrt(1 - a) z; a way up is the forward process."""
    grid = recursions.respaced(n)[::-1]  # clean first
    seen, identity = p.s > 0, np.eye(4)
    mean, cov = np.zeros(4), np.eye(4)
    for t, s in pairwise(walk(n, U, L)):
        ab, au = grid[t + 1], grid[s + 1]
        if s > t:
            mean, cov = np.sqrt(au / ab) * mean, au / ab * cov + (1 - au / ab) * identity
            continue
        F, G, _ = recursions.ddim_step(p, ab, au, 1.0)
        F = np.where(seen[:, None], 0, F)
        G = np.where(seen, np.sqrt(au) * p.y / np.where(seen, p.s, 1), G)
        fresh = np.where(seen, 1 - au, recursions.ancestral_variance(ab, au, v))
        mean, cov = F @ mean + G, F @ cov @ F.T + np.diag(fresh)
        yield mean, cov


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance, with all four walks."""
    errors = []
    for prior, v, (n, U, L, steps) in product(("unit", "skew"), (None, 0.3), WALKS):
        case = problem(prior, 0.3, dtype)
        solver = cls(steps=steps, repeats=U, jump=L, clip=False)
        moments = recursion(case.affine, n, U, L, v)
        errors.append(recursion_error(case, solver, moments, 3, LearnedVariance(case.prior, v)))
    return worst(errors)


def consistency_error(cls: SolverClass) -> float:
    """The result satisfies A x = y, also where y is noisy, on any prior."""
    errors = []
    for prior, jump in product(("skew", "mixture"), (1, 3)):
        case = problem(prior, 0.3)
        x = case.path(cls(steps=20, repeats=3, jump=jump), streams(8))[-1]
        errors.append(gap(case.A(x), case.y.expand(8, -1)))
    return worst(errors)


def mcg_error(cls: SolverClass) -> float:
    """Without repeats the path is that of MCG with zeta = 0."""
    errors = []
    for prior, clip, v in product(("skew", "mixture"), (False, True), SPREADS):
        case = problem(prior, 0.3)
        known = LearnedVariance(case.prior, v)
        other = case.path(MCG(steps=20, zeta=0.0, clip=clip), streams(8), known)
        errors.append(gap(case.path(cls(steps=20, repeats=1, clip=clip), streams(8), known), other))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20, repeats=3))


LAWS = [
    Law(
        "law of every state",
        EXACT,
        moments_error,
        (
            "known pixels at level t",
            "not shrunk on the way back",
            "no noise on the way back",
            "known pixels not put in",
        ),
    ),
    Law(
        "A x = y in the end",
        PATH,
        consistency_error,
        ("known pixels not put in", "noise in the known pixels in the end"),
    ),
    Law(
        "path of MCG without guidance",
        PATH,
        mcg_error,
        ("known pixels at level t", "never clipped", "variance not learned"),
    ),
    Law("image alone = image in a batch", PATH, alone_error, ("one noise for the batch",)),
    Law(
        "law, float32",
        SINGLE,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

MUTANTS = [
    Mutant("known pixels at level t", "s.alpha * y + s.sigma * A(", "t.alpha * y + t.sigma * A("),
    Mutant("not shrunk on the way back", "x = a * x + ", "x = x + "),
    Mutant("no noise on the way back", "** 0.5 * noise.like(x)", "** 0.5 * 0"),
    Mutant("known pixels not put in", "x = x - A.pinv(A(x) - y_s)", "pass"),
    Mutant("noise in the known pixels in the end", "else y\n", "else y + 0.01 * A(noise.like(x))\n"),
    Mutant("never clipped", "if self.clip else x0", "if False else x0"),
    Mutant("variance not learned", "v if self.learned_variance else None", "None"),
    Mutant("one noise for the batch", "A(noise.like(x))", f"A(noise.like(x){ONE_NOISE})"),
    HALF,
]
