"""Laws of DPS and MCG, which share the ancestral step and the gradient of the residual's norm."""

from functools import partial
from itertools import product

import torch
from torch import Tensor

from bench.certify import recursions
from bench.certify.law import (
    DIFFERENCE,
    EXACT,
    PATH,
    SINGLE,
    Law,
    batch_error,
    finite_difference,
    first_move,
    gap,
    recursion_error,
    worst,
)
from bench.certify.problems import F64, LearnedVariance, problem, streams
from bench.exact import dense
from bench.solver import Solver

SPREADS = (None, -1.0, 0.3, 1.0)
"""The learned interpolation between the small and the large variance, None where nothing was learned."""


def dps_law_error(cls: type[Solver], dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance with the squared norm, whose step is affine."""
    errors = []
    for prior, v, n in [*product(("unit", "skew"), SPREADS, (10,)), ("narrow", None, 100)]:
        case = problem(prior, 0.1, dtype)
        law = recursions.dps(case.affine, recursions.respaced(n), 0.1, v)
        solver = cls(steps=n, zeta=0.1, step="squared", clip=False)
        errors.append(recursion_error(case._replace(prior=LearnedVariance(case.prior, v)), solver, law))
    return worst(errors)


def mcg_law_error(cls: type[Solver], dtype: torch.dtype = F64) -> float:
    """The same for MCG, at both noise levels of the projection."""
    errors = []
    for prior, level, v in product(("unit", "skew"), ("s", "t"), SPREADS):
        case = problem(prior, 0.1, dtype)
        law = recursions.mcg(case.affine, recursions.respaced(10), 0.1, level, v)
        solver = cls(steps=10, zeta=0.1, step="squared", clip=False, noise_level=level)
        errors.append(recursion_error(case._replace(prior=LearnedVariance(case.prior, v)), solver, law, draws=2))
    return worst(errors)


def gradient_error(cls: type[Solver], project: bool = False) -> float:
    """On a mixture, the guidance of the first step is minus the finite-difference gradient of the norm or its square."""
    errors, zeta = [], 0.7
    for step, clip in product(("norm", "squared"), (False, True)):
        case = problem("mixture", 0.1)
        t, H = case.prior.schedule.level(500), dense(case.A)[0]

        def misfit(x: Tensor, case=case, t=t, H=H, step=step, clip=clip) -> Tensor:  # noqa: ANN001
            x0 = case.prior.denoise(x, t)
            length = (case.y - (x0.clamp(-1, 1) if clip else x0) @ H.T).norm(dim=1)
            return length if step == "norm" else length**2

        guided, plain = (cls(steps=2, spacing="leading", zeta=z, step=step, clip=clip) for z in (zeta, 0.0))
        move = first_move(case, guided, plain, lambda: streams(16))
        expected = -zeta * finite_difference(misfit, streams(16).new((4,)), 1e-4)
        if project:
            expected = expected - expected @ (torch.linalg.pinv(H) @ H).T
        errors.append(gap(move, expected))
    return worst(errors)


def closed_gradient_error(cls: type[Solver]) -> float:
    """On N(m, c I) the gradient of ||r|| is -(alpha c / (alpha^2 c + sigma_t^2)) A^T r / ||r||."""
    errors, zeta = [], 0.5
    for prior, c in (("unit", 1.0), ("narrow", 0.25)):
        case = problem(prior, 0.1)
        t, H, x = case.prior.schedule.level(500), dense(case.A)[0], streams(16).new((4,))
        r = case.y - case.prior.denoise(x, t) @ H.T
        gradient = -(t.alpha * c / (t.alpha**2 * c + t.sigma**2)) * (r / r.norm(dim=1, keepdim=True)) @ H
        guided, plain = (cls(steps=2, spacing="leading", zeta=z, step="norm", clip=False) for z in (zeta, 0.0))
        errors.append(gap(first_move(case, guided, plain, lambda: streams(16)), -zeta * gradient))
    return worst(errors)


def alone_error(cls: type[Solver]) -> float:
    """An image alone equals the image in a batch; with a norm over the batch it would not."""
    return batch_error(problem("mixture", 0.1), cls(steps=20, zeta=0.3))


def consistency_error(cls: type[Solver]) -> float:
    """The result satisfies A x = y, also where y is noisy, on any prior."""
    errors = []
    for prior, step in product(("skew", "mixture"), ("norm", "squared")):
        case = problem(prior, 0.1)
        x = case.path(cls(steps=20, zeta=0.3, step=step), streams(8))[-1]
        errors.append(gap(case.A(x), case.y.expand(8, -1)))
    return worst(errors)


def range_error(cls: type[Solver]) -> float:
    """The gradient never changes measured coordinates: they are a_s y / s_i + sigma_s z for any zeta, in every state."""
    errors = []
    for prior in ("skew", "mixture"):
        case = problem(prior, 0.1)
        a, b = (case.A(case.path(cls(steps=20, zeta=zeta), streams(8)).flatten(0, 1)) for zeta in (0.0, 1.0))
        errors.append(gap(a, b))
    return worst(errors)


DPS = [
    Law(
        "law of every state, squared norm",
        "dps",
        EXACT,
        dps_law_error,
        ("factor 2", "no Jacobian", "noise in the last step", "learned variance ignored"),
    ),
    Law(
        "guidance on a mixture, finite differences",
        "dps",
        DIFFERENCE,
        gradient_error,
        ("factor 2", "no Jacobian", "clip outside the graph"),
    ),
    Law("gradient on N(m, c I)", "dps", EXACT, closed_gradient_error, ("no Jacobian", "one norm over the batch")),
    Law("image alone = image in a batch", "dps", PATH, alone_error, ("one norm over the batch",)),
    Law("law, float32", "dps", SINGLE, partial(dps_law_error, dtype=torch.float32), ("state in half precision",)),
]

MCG = [
    Law(
        "law of every state, squared norm",
        "mcg",
        EXACT,
        mcg_law_error,
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
    Law("guidance on a mixture, finite differences", "mcg", DIFFERENCE, partial(gradient_error, project=True), ("factor 2",)),
    Law("image alone = image in a batch", "mcg", PATH, alone_error, ("one norm over the batch",)),
    Law("law, float32", "mcg", SINGLE, partial(mcg_law_error, dtype=torch.float32), ("state in half precision",)),
]
