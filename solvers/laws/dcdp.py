"""Laws of DCDP: its recursion, the unit of A and y, and one purification on a mixture."""

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
from bench.exact.laws.mutant import ONE_NOISE, Mutant
from bench.exact.laws.problems import F64, problem, streams
from bench.exact.prior import dense
from bench.operators.matrices import Matrix
from bench.solver import Measurement


def recursion(
    p: recursions.Affine, indices: list[int], levels: int, inner: int, c: float
) -> recursions.Moments:
    """Gradient steps with momentum on x and its buffer, noise, and DDIM down to the clean image."""
    mean, cov = np.zeros(4), np.zeros((4, 4))
    smallest = np.sqrt(1 / recursions.abars(np.array([0]))[0] - 1)
    for index in indices:
        F, G, buffer, shift = np.eye(4), np.zeros(4), np.zeros((4, 4)), np.zeros(4)
        for _ in range(inner):
            buffer = 0.9 * buffer + np.diag(p.s**2) @ F
            shift = 0.9 * shift + p.s * (p.s * G - p.y)
            F, G = F - c * buffer, G - c * shift
        mean, cov = F @ mean + G, F @ cov @ F.T
        largest = np.sqrt(1 / recursions.abars(np.array([index]))[0] - 1)
        grid = np.append(1 / (1 + recursions.poly7(largest, smallest, levels) ** 2), 1.0)
        mean, cov = np.sqrt(grid[0]) * mean, grid[0] * cov + (1 - grid[0]) * np.eye(4)
        for ab, au in pairwise(grid):
            F, G, _ = recursions.ddim_step(p, ab, au, 0.0)
            mean, cov = F @ mean + G, F @ cov @ F.T
        yield mean, cov


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance; A has norm 1."""
    errors = []
    for prior, (levels, inner, c) in product(("unit", "narrow", "skew"), ((4, 5, 0.3), (1, 1, 1.0))):
        case = problem(prior, 0.3, dtype)
        moments = recursion(case.affine, [599, 399, 199, 0], levels, inner, c)
        solver = cls(steps=4 * levels, ode_steps=levels, inner=inner, lr=c, high=0.6, clip=False)
        errors.append(recursion_error(case, solver, moments))
    return worst(errors)


def scale_error(cls: SolverClass) -> float:
    """A and y in another unit lead to the same path."""
    case = problem("mixture", 0.3)
    A, errors, solver = case.A, [], cls(steps=12, ode_steps=3, inner=4, clip=False)
    path = case.path(solver, streams(4))
    for scale in (0.1, 3.0):
        matrix = scale * A(torch.eye(4, dtype=F64)).mT
        scaled = Matrix((4,), [0] * 4, matrix).to(dtype=F64)
        measurement = Measurement(scale * case.y.expand(4, -1), scaled, scale * case.sigma)
        steps = solver.solve(measurement, case.prior, streams(4))
        errors.append(gap(torch.stack([step.x.clone() for step in steps]), path))
    return worst(errors)


def mixture_error(cls: SolverClass) -> float:
    """On a mixture, x after two gradient steps and two DDIM steps, with and without a clip."""
    errors, case = [], problem("mixture", 0.3)
    H, schedule = dense(case.A)[0], case.prior.schedule
    for clip in (False, True):
        noise = streams(8)
        x = 0 * noise.new((4,))
        first = (x @ H.T - case.y) @ H
        x = x - 0.5 * first
        x = x - 0.5 * (0.9 * first + (x @ H.T - case.y) @ H)
        t, s = schedule.level(699), schedule.level(0)
        x = t.alpha * x + t.sigma * noise.new((4,))
        x0 = case.prior.denoise(x, t)
        x0 = x0.clamp(-1, 1) if clip else x0
        x0 = case.prior.denoise(s.alpha * x0 + s.sigma * (x - t.alpha * x0) / t.sigma, s)
        solver = cls(steps=2, ode_steps=2, inner=2, high=0.7, lr=0.5, clip=clip)
        got = next(solver.solve(case.measurement(8), case.prior, streams(8)))
        errors.append(gap(got.x, x0.clamp(-1, 1) if clip else x0))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20, ode_steps=5, inner=5))


LAWS = [
    Law(
        "law of every state",
        EXACT,
        moments_error,
        (
            "gradient of the squared length",
            "no momentum",
            "not noised",
            "one level",
            "noised to the first level everywhere",
            "ends at the smallest level",
        ),
    ),
    Law("unit of A and y", PATH, scale_error, ("norm ignored", "norm not squared")),
    Law(
        "one purification on a mixture",
        PATH,
        mixture_error,
        ("clip left out", "one level", "level off by one", "no momentum"),
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
    Mutant("gradient of the squared length", "- pull(", "- 2 * pull("),
    Mutant("no momentum", "0.9 * p", "0.0 * p"),
    Mutant("not noised", "levels[0].alpha * x + levels[0].sigma * noise.like(x)", "levels[0].alpha * x"),
    Mutant("one level", "min(self.ode_steps, self.steps))", "1)"),
    Mutant("noised to the first level everywhere", "round(share *", "round(self.high *"),
    Mutant("norm ignored", "squared_norm(A, x)", "1.0"),
    Mutant("norm not squared", "squared_norm(A, x)", "squared_norm(A, x) ** 0.5"),
    Mutant("clip left out", "self.clip)", "False)"),
    Mutant("level off by one", " - 1)\n            levels", ")\n            levels"),
    Mutant("one noise for the batch", "noise.like(x)", "noise.like(x)" + ONE_NOISE),
    Mutant("ends at the smallest level", "[*levels, CLEAN]", "[*levels, levels[-1]]"),
    Mutant("state in half precision", "yield Step(x, x)", "x = x.half().to(x)\n            yield Step(x, x)"),
]
