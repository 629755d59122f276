"""Laws of TMPD: exact where A V A^T is diagonal, elsewhere the recursion of its row sums."""

from functools import partial
from itertools import pairwise, product

import numpy as np
import torch
from torch import Tensor

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
from bench.exact.laws.mutant import LAST_NOISE, Mutant
from bench.exact.laws.problems import F64, Case, problem, streams
from bench.exact.prior import dense
from bench.operators.matrices import Matrix
from bench.prior import Prior
from bench.solver import Measurement, Solver
from solvers.prior import Unconditional


def recursion(case: Case, grid: np.ndarray, eta: float, rows: str) -> recursions.Moments:
    """x0hat moved by gamma K A^T (y - A x0hat) / D, D the row sums; what it adds to x_s is PiGDM's.

    In the coordinates of V, where A is U diag(s).
    """
    p, H = case.affine, dense(case.A)[0].numpy() @ case.A.basis.numpy()
    image = case.A.basis.numpy().T @ np.ones(4)
    weights = np.ones(2) if rows == "ones" else H @ image
    mean, cov = np.zeros(4), np.eye(4)
    for ab, au in pairwise(grid):
        F, G, q = recursions.ddim_step(p, ab, au, eta)
        K, b = recursions.denoiser(p, ab)
        gamma = (1 - ab) / np.sqrt(ab)
        sums = gamma * H @ K.T @ H.T @ weights + p.sigma**2
        D = np.maximum(sums, max(p.sigma**2, 1e-3 * sums.max()))
        k = np.sqrt(au) - np.sqrt(1 - au - q) * np.sqrt(ab) / np.sqrt(1 - ab)
        gain = k * gamma * K.T @ H.T @ np.diag(1 / D)
        F, G = F - gain @ H @ K, G + gain @ (case.y[0].numpy() - H @ b)
        mean, cov = F @ mean + G, F @ cov @ F.T + q * np.eye(4)
        yield mean, cov


def moments_error(cls: SolverClass) -> float:
    """Every state's mean and covariance, where A V A^T is full; both ways to sum its rows."""
    errors = []
    runs = [
        *product(("unit", "skew"), (0.3, 1.0), (0.5, 1.0), ("ones",)),
        *product(
            ("unit", "skew"), (1.0,), (1.0,), ("image",)
        ),  # where rows sum to little, small sigma diverges
    ]
    for prior, sigma, eta, rows in runs:
        case = problem(prior, sigma)
        moments = recursion(case, recursions.leading(10), eta, rows)
        errors.append(recursion_error(case, cls(steps=10, eta=eta, rows=rows), moments))
    return worst(errors)


MASK = torch.eye(4, dtype=F64)[[0, 2]]
POOL = torch.tensor([[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]], dtype=F64)


def states(solver: Solver, measurement: Measurement, prior: Prior) -> Tensor:
    """The states that a solver yields, (steps, 4, d)."""
    steps = solver.solve(measurement, prior, streams(4, prior.dtype))
    return torch.stack([step.x.clone() for step in steps])


def oracle_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """The path is that of DDIM on the exact posterior, on multiples of I with masks and means of pixels."""
    errors = []
    for prior, H, sigma in product(("unit", "narrow"), (MASK, POOL), (0.1, 0.3, 1.0)):
        case = problem(prior, sigma, dtype)
        A = Matrix((4,), [0], H).to(dtype=dtype)
        measurement = Measurement(case.y.expand(4, -1), A.repeat_interleave(4), sigma)
        path = states(cls(steps=20), measurement, case.prior)
        oracle = case.prior.posterior(case.y, A, sigma)
        errors.append(gap(path, states(Unconditional(20), measurement, oracle)))
    return worst(errors)


def mixture_error(cls: SolverClass) -> float:
    """On a mixture, the first of two steps, with Cov[x0 | x_t] as that of a posterior of the prior."""
    errors = []
    for sigma in (0.3, 1.0):
        case = problem("mixture", sigma)
        t, x, H = case.prior.schedule.level(500), streams(16).new((4,)), dense(case.A)[0]
        step = next(cls(steps=2).solve(case.measurement(16), case.prior, streams(16)))
        identity = Matrix((4,), [0] * 16, torch.eye(4, dtype=F64))
        given = case.prior.posterior(x / t.alpha, identity, t.ratio)
        sums = (H @ given.covariance @ H.T).sum(2) + sigma**2
        D = torch.maximum(sums, (1e-3 * sums.amax(1, keepdim=True)).clamp_min(sigma**2))
        u = (case.y - given.mean @ H.T) / D @ H
        errors.append(gap(step.x0, given.mean + torch.einsum("bij,bj->bi", given.covariance, u)))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20))


LAWS = [
    Law(
        "law of every state",
        EXACT,
        moments_error,
        (
            "sums with A 1 everywhere",
            "covariance without gamma in D",
            "absolute row sums",
            "sigma not squared",
            "row sums not bounded",
        ),
    ),
    Law(
        "the oracle where A V A^T is diagonal",
        PATH,
        oracle_error,
        ("covariance without gamma in D", "sigma not squared", "no Jacobian in x0", "noise in the last step"),
    ),
    Law("one step on a mixture", PATH, mixture_error, ("covariance without gamma in D", "no Jacobian in x0")),
    Law("image alone = image in a batch", PATH, alone_error, ("one bound for the batch",)),
    Law(
        "oracle, float32",
        SINGLE,
        partial(oracle_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

MUTANTS = [
    Mutant("sums with A 1 everywhere", 'if self.rows == "ones"', 'if self.rows == "?"'),
    Mutant(
        "covariance without gamma in D",
        "A(t.gamma * pull_x0(A.adjoint(ones)))",
        "A(pull_x0(A.adjoint(ones)))",
    ),
    Mutant("absolute row sums", "A.adjoint(ones))) + sigma**2", "A.adjoint(ones))).abs() + sigma**2"),
    Mutant("sigma not squared", "+ sigma**2", "+ sigma"),
    Mutant("row sums not bounded", "torch.maximum(sums, least(sums, sigma))", "sums"),
    Mutant(
        "no Jacobian in x0",
        "t.gamma * pull_x0(A.adjoint((y - A(x0)) / D))",
        "t.gamma * A.adjoint((y - A(x0)) / D)",
    ),
    Mutant("one bound for the batch", "sums.flatten(1).amax(1)", "100 * sums.amax().expand(len(sums))"),
    Mutant(
        "noise in the last step",
        "fresh_noise(noise, x, s))\n",
        "fresh_noise(noise, x, s))" + LAST_NOISE + "\n",
    ),
    Mutant(
        "state in half precision", "yield Step(x, x0,", "x = x.half().to(x)\n            yield Step(x, x0,"
    ),
]
