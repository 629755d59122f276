"""Laws of MMPS: exact on every Gaussian, and one step of it on a mixture."""

from functools import partial
from itertools import product

import torch
from torch import Tensor

from bench.exact.laws.law import EXACT, PATH, SINGLE, Law, SolverClass, batch_error, gap, worst
from bench.exact.laws.mutant import LAST_NOISE, Mutant
from bench.exact.laws.problems import F64, Case, problem, streams
from bench.exact.prior import dense
from bench.operators.matrices import Matrix
from bench.schedule import Level
from solvers.pigdm import PiGDM
from solvers.prior import Unconditional


def oracle_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """The path is that of DDIM on the exact posterior, with as many iterations as A has rank, or more."""
    errors = []
    for prior, sigma, eta in product(("unit", "narrow", "skew"), (0.1, 0.3, 1.0), (0.0, 0.5, 1.0)):
        case = problem(prior, sigma, dtype)
        oracle = case.prior.posterior(case.y, case.A, sigma)
        path = case.path(Unconditional(20, eta=eta), streams(4, dtype), oracle)
        for iterations in (2, 3):
            solver = cls(steps=20, eta=eta, iterations=iterations)
            errors.append(gap(case.path(solver, streams(4, dtype)), path))
    return worst(errors)


def pigdm_error(cls: SolverClass) -> float:
    """On N(m, I) the path is that of PiGDM with the score's coefficient."""
    errors = []
    for sigma, eta in product((0.1, 1.0), (0.0, 1.0)):
        case = problem("unit", sigma)
        path = case.path(cls(steps=20, eta=eta, iterations=2), streams(4))
        pigdm = PiGDM(steps=20, eta=eta, coefficient="score", clip=False)
        errors.append(gap(path, case.path(pigdm, streams(4))))
    return worst(errors)


def moments(case: Case, x: Tensor, t: Level[float]) -> tuple[Tensor, Tensor]:
    """Mean and covariance of x0 given x_t = x, (B, d) and (B, d, d), as a posterior of the prior."""
    d = x.shape[1]
    identity = Matrix((d,), [0] * len(x), torch.eye(d, dtype=x.dtype))
    given = case.prior.posterior(x / t.alpha, identity, t.ratio)
    return given.mean, given.covariance


def first_estimates(cls: SolverClass, case: Case, iterations: int) -> tuple[Tensor, Tensor, Tensor]:
    """The corrected x0 of the first of two steps, and E[x0 | x_t] and Cov[x0 | x_t] there."""
    t, x = case.prior.schedule.level(500), streams(16).new((4,))
    solver = cls(steps=2, iterations=iterations)
    step = next(solver.solve(case.measurement(16), case.prior, streams(16)))
    return step.x0, *moments(case, x, t)


def mixture_error(cls: SolverClass) -> float:
    """On a mixture, a step's x0 is the mean of N(E[x0 | x_t], Cov[x0 | x_t]) given y."""
    errors = []
    for sigma in (0.1, 0.3, 1.0):
        case = problem("mixture", sigma)
        H = dense(case.A)[0]
        got, mean, cov = first_estimates(cls, case, 2)
        system = H @ cov @ H.T + sigma**2 * torch.eye(2, dtype=F64)
        v = torch.linalg.solve(system, case.y - mean @ H.T)
        errors.append(gap(got, mean + torch.einsum("bij,bj->bi", cov, v @ H)))
    return worst(errors)


def single_error(cls: SolverClass) -> float:
    """One iteration goes along the residual r, (r.r / r.Mr) far."""
    errors = []
    for sigma in (0.1, 0.3, 1.0):
        case = problem("skew", sigma)
        H = dense(case.A)[0]
        got, mean, cov = first_estimates(cls, case, 1)
        r = case.y - mean @ H.T
        Mr = torch.einsum("bij,bj->bi", H @ cov @ H.T, r) + sigma**2 * r
        v = ((r * r).sum(1) / (r * Mr).sum(1))[:, None] * r
        errors.append(gap(got, mean + torch.einsum("bij,bj->bi", cov, v @ H)))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20, iterations=1))


LAWS = [
    Law(
        "the oracle on every Gaussian",
        PATH,
        oracle_error,
        (
            "covariance without 1 / alpha",
            "covariance of N(m, I): PiGDM",
            "sigma not squared",
            "no Jacobian",
            "only the last direction",
            "noise in the last step",
        ),
    ),
    Law("path of PiGDM on N(m, I)", PATH, pigdm_error, ("covariance without 1 / alpha", "no Jacobian")),
    Law(
        "one step on a mixture",
        PATH,
        mixture_error,
        ("covariance of N(m, I): PiGDM", "covariance without 1 / alpha", "only the last direction"),
    ),
    Law("one iteration in closed form", EXACT, single_error, ("sigma not squared", "no Jacobian")),
    Law("image alone = image in a batch", PATH, alone_error, ("one step size for the batch",)),
    Law(
        "oracle, float32",
        SINGLE,
        partial(oracle_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

PULLED = "t.gamma * pull_x0(adjoint(cg.p))"

MUTANTS = [
    Mutant("covariance without 1 / alpha", "t.gamma *", "t.sigma**2 *"),
    Mutant("covariance of N(m, I): PiGDM", PULLED, "t.variance * adjoint(cg.p)"),
    Mutant("sigma not squared", "clamp_min(self.sigma_min) ** 2", "clamp_min(self.sigma_min)"),
    Mutant("no Jacobian", PULLED, "t.gamma * adjoint(cg.p)"),
    Mutant("only the last direction", "x0 = x0 + per_image", "x0 = prior.denoise(x, t) + per_image"),
    Mutant(
        "one step size for the batch",
        "self._rr / curvature.clamp_min(tiny)",
        "self._rr.sum() / curvature.sum()",
        helper="ConjugateGradients",
    ),
    Mutant(
        "noise in the last step",
        "fresh_noise(noise, x, s))\n",
        "fresh_noise(noise, x, s))" + LAST_NOISE + "\n",
    ),
    Mutant(
        "state in half precision", "yield Step(x, x0,", "x = x.half().to(x)\n            yield Step(x, x0,"
    ),
]
