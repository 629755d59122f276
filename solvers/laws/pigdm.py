"""Laws of PiGDM."""

from functools import partial
from itertools import product

import torch
from torch import Tensor

from bench.exact.laws import recursions
from bench.exact.laws.law import (
    DIFFERENCE,
    EXACT,
    PATH,
    SINGLE,
    Law,
    SolverClass,
    batch_error,
    finite_difference,
    first_move,
    gap,
    recursion_error,
    worst,
)
from bench.exact.laws.mutant import CLIP_OUTSIDE, HALF, LAST_NOISE, Mutant
from bench.exact.laws.problems import F64, Case, problem, streams
from bench.exact.prior import dense
from solvers.prior import Unconditional

COEFFICIENTS = ("paper", "nvlabs", "score")


def moments_error(cls: SolverClass) -> float:
    """Every state's mean and covariance, for three coefficients, both starts, and sigma used or ignored."""
    sigmas, etas = (0.0, 0.1, 1.0), (0.5, 1.0)
    runs = [
        *product(("unit", "skew"), sigmas, etas, COEFFICIENTS, (True,), ("noise",), (10,)),
        ("skew", 0.1, 1.0, "nvlabs", False, "pinv", 10),
        ("narrow", 0.1, 1.0, "paper", True, "noise", 100),
    ]
    errors = []
    for prior, sigma, eta, coefficient, damped, start, n in runs:
        case = problem(prior, sigma)
        told = case.affine if damped else case.affine._replace(sigma=0.0)
        moments = recursions.pigdm(told, recursions.leading(n), eta, coefficient, start)
        solver = cls(steps=n, eta=eta, coefficient=coefficient, clip=False, damped=damped, start=start)
        errors.append(recursion_error(case, solver, moments))
    return worst(errors)


def oracle_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """The path is that of DDIM on the exact posterior, on N(m, I) with the score's coefficient."""
    errors = []
    for sigma, eta in product((0.0, 0.1, 1.0), (0.0, 0.5, 1.0)):
        case = problem("unit", sigma, dtype)
        path = case.path(cls(steps=20, eta=eta, coefficient="score", clip=False), streams(4, dtype))
        oracle = case.prior.posterior(case.y, case.A, sigma)
        errors.append(gap(path, case.path(Unconditional(20, eta=eta), streams(4, dtype), oracle)))
    return worst(errors)


def guidance(cls: SolverClass, prior: str, sigma: float, clip: bool = False) -> tuple[Tensor, Tensor]:
    """x_T and the guidance g of the first of two steps.

    The paper's coefficient alpha_t is divided out of g.
    """
    case = problem(prior, sigma)
    t = case.prior.schedule.level(500)
    start = streams(16).new((4,))
    twice = cls(steps=2, coefficient="paper", clip=clip, scale=2.0)
    once = cls(steps=2, coefficient="paper", clip=clip, scale=1.0)
    return start, first_move(case, twice, once, lambda: streams(16)) / t.alpha


def score_error(cls: SolverClass) -> float:
    """The guidance g / r_t^2 is the gradient of log p(y | x_t) on N(m, I).

    That gradient is the exact posterior's score minus the prior's.
    """
    errors = []
    for sigma in (0.0, 0.1, 1.0):
        case = problem("unit", sigma)
        t = case.prior.schedule.level(500)
        x, g = guidance(cls, "unit", sigma)
        oracle = case.prior.posterior(case.y, case.A, sigma)
        score = t.alpha / t.sigma**2 * (oracle.denoise(x, t) - case.prior.denoise(x, t))
        errors.append(gap(g / t.sigma**2, score))
    return worst(errors)


def gradient_error(cls: SolverClass) -> float:
    """G is minus the gradient of r^T (A A^T + sigma^2 / r_t^2 I)^-1 r / 2, also with the clip in the graph.

    The misfit is r^T (A A^T + sigma^2 / r_t^2 I)^-1 r / 2, on a mixture, against finite differences.
    """
    errors = []
    for sigma, clip in product((0.1, 1.0), (False, True)):
        x, g = guidance(cls, "mixture", sigma, clip)
        weighted = partial(misfit, case=problem("mixture", sigma), clip=clip)
        errors.append(gap(g, -finite_difference(weighted, x)))
    return worst(errors)


def misfit(x: Tensor, case: Case, clip: bool) -> Tensor:
    """r^T (A A^T + sigma^2 / r_t^2 I)^-1 r / 2 at t = 500, (B, d) -> (B,)."""
    t, H = case.prior.schedule.level(500), dense(case.A)[0]
    inverse = torch.linalg.inv(H @ H.T + case.sigma**2 / t.sigma**2 * torch.eye(2, dtype=F64))
    x0 = case.prior.denoise(x, t)
    r = case.y - (x0.clamp(-1, 1) if clip else x0) @ H.T
    return 0.5 * ((r @ inverse) * r).sum(1)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20))


LAWS = [
    Law(
        "law of every state",
        EXACT,
        moments_error,
        (
            "sigma not squared",
            "sigma ignored",
            "no Jacobian",
            "level off by one",
            "the paper's coefficient everywhere",
            "nvlabs without alpha_s",
            "score without the kept noise",
            "starts at the measurement, unscaled",
        ),
    ),
    Law(
        "score form is the oracle on N(m, I)",
        PATH,
        oracle_error,
        ("r^2 of the variance-exploding form", "r = 1", "sigma halved", "noise in the last step"),
    ),
    Law("guidance is the gradient of log p(y | x_t)", PATH, score_error, ("no Jacobian",)),
    Law(
        "guidance on a mixture, finite differences",
        DIFFERENCE,
        gradient_error,
        ("no Jacobian", "clip outside the graph"),
    ),
    Law("image alone = image in a batch", PATH, alone_error, ("residual of the whole batch",)),
    Law(
        "oracle, float32",
        SINGLE,
        partial(oracle_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

MUTANTS = [
    Mutant("r^2 of the variance-exploding form", "sigma**2 / t.variance", "sigma**2 / t.ratio**2"),
    Mutant("r = 1", "sigma**2 / t.variance", "sigma**2"),
    Mutant("sigma not squared", "sigma**2 / t.variance", "sigma / t.variance"),
    Mutant("sigma halved", "sigma**2 / t.variance", "sigma**2 / 4 / t.variance"),
    Mutant("sigma ignored", "sigma**2 / t.variance", "0.0"),
    Mutant("no Jacobian", "pull_x0(u)", "u"),
    Mutant(
        "level off by one",
        "vjp_once(prior, x, t, ",
        "vjp_once(prior, x, prior.schedule.level(max(t.index - 1, 0)), ",
    ),
    Mutant("noise in the last step", "self.k(t, s) * g", "self.k(t, s) * g" + LAST_NOISE),
    Mutant("the paper's coefficient everywhere", "self.k(t, s)", "t.alpha"),
    Mutant("nvlabs without alpha_s", "s.alpha * t.alpha", "t.alpha"),
    Mutant("score without the kept noise", " - ddim_coefficients(t, s, self.eta)[1] / t.sigma", ""),
    CLIP_OUTSIDE,
    Mutant("starts at the measurement, unscaled", "levels[0].alpha * Apinv_y()", "Apinv_y()"),
    Mutant("residual of the whole batch", "y - A(x0), damping", "(y - A(x0)).mean(0).expand_as(y), damping"),
    HALF,
]
