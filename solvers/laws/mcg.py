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
    gap,
    recursion_error,
    worst,
)
from bench.exact.laws.problems import F64, LearnedVariance, problem, streams
from bench.solver import Solver
from solvers.laws.guided import SPREADS, alone_error, gradient_error


def law_error(cls: type[Solver], dtype: torch.dtype = F64) -> float:
    """The same for MCG, at both noise levels of the projection."""
    errors = []
    for prior, level, v in product(("unit", "skew"), ("s", "t"), SPREADS):
        case = problem(prior, 0.1, dtype)
        law = recursions.mcg(case.affine, recursions.respaced(10), 0.1, level, v)
        solver = cls(steps=10, zeta=0.1, step="squared", clip=False, noise_level=level)
        errors.append(
            recursion_error(case._replace(prior=LearnedVariance(case.prior, v)), solver, law, draws=2)
        )
    return worst(errors)


def consistency_error(cls: type[Solver]) -> float:
    """The result satisfies A x = y, also where y is noisy, on any prior."""
    errors = []
    for prior, step in product(("skew", "mixture"), ("norm", "squared")):
        case = problem(prior, 0.1)
        x = case.path(cls(steps=20, zeta=0.3, step=step), streams(8))[-1]
        errors.append(gap(case.A(x), case.y.expand(8, -1)))
    return worst(errors)


def range_error(cls: type[Solver]) -> float:
    """The gradient never changes measured coordinates: they are a_s y / s_i + sigma_s z for any zeta, in
    every state.
    """
    errors = []
    for prior in ("skew", "mixture"):
        case = problem(prior, 0.1)
        a, b = (case.A(case.path(cls(steps=20, zeta=zeta), streams(8)).flatten(0, 1)) for zeta in (0.0, 1.0))
        errors.append(gap(a, b))
    return worst(errors)


LAWS = [
    Law(
        "law of every state, squared norm",
        "mcg",
        EXACT,
        law_error,
        ("y noised to t", "gradient after the projection", "no Jacobian"),
    ),
    Law("A x = y in the end", "mcg", PATH, consistency_error, ("no projection in the end", "y noised to t")),
    Law(
        "gradient leaves measured coordinates alone",
        "mcg",
        PATH,
        range_error,
        ("gradient after the projection", "projection by the adjoint"),
    ),
    Law(
        "guidance on a mixture, finite differences",
        "mcg",
        DIFFERENCE,
        partial(gradient_error, project=True),
        ("factor 2",),
    ),
    Law("image alone = image in a batch", "mcg", PATH, alone_error, ("one norm over the batch",)),
    Law("law, float32", "mcg", SINGLE, partial(law_error, dtype=torch.float32), ("state in half precision",)),
]
