"""Laws of PnP-Flow."""

from functools import partial
from itertools import product

import numpy as np
import torch

from bench.exact.laws import recursions
from bench.exact.laws.law import EXACT, PATH, SINGLE, Law, SolverClass, batch_error, gap, worst
from bench.exact.laws.mutant import Mutant
from bench.exact.laws.problems import F64, hadamard_noise, problem, streams
from bench.operators.matrices import Matrix
from bench.solver import Measurement
from solvers.laws.flows import flow_denoiser


def recursion(p: recursions.Affine, n: int, draws: int, lr: float, a: float) -> recursions.Moments:
    """The denoised tau u + (1 - tau) e averaged over e, u a step from x towards y; A has norm 1."""
    mean, cov = np.zeros(4), np.zeros((4, 4))
    for tau in np.arange(n) / n:
        K, b = flow_denoiser(p, tau)
        c = lr * (1 - tau) ** a
        F, G = tau * K @ np.diag(1 - c * p.s**2), b + tau * c * K @ (p.s * p.y)
        mean, cov = F @ mean + G, F @ cov @ F.T + (1 - tau) ** 2 / draws * K @ K.T
        yield mean, cov


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance, for one draw and for several."""
    errors = []
    runs = product(("unit", "narrow", "skew"), (0.3,), ((1, 1.0, 0.5), (3, 0.7, 0.01), (2, 1.5, 1.0)))
    for prior, sigma, (draws, lr, a) in runs:
        case = problem(prior, sigma, dtype)
        solver = cls(steps=10 * draws, draws=draws, lr=lr, a=a)
        path = case.path(solver, hadamard_noise(4 * 10 * draws, dtype)).double() @ case.A.basis.double()
        moments = recursion(case.affine, 10, draws, lr, a)
        for x, (mean, cov) in zip(path, moments, strict=True):
            centred = x - x.mean(0)
            errors.append(gap(x.mean(0), torch.from_numpy(mean)))
            errors.append(gap(centred.T @ centred / len(x), torch.from_numpy(cov)))
    return worst(errors)


def scale_error(cls: SolverClass) -> float:
    """A and y in another unit lead to the same path."""
    case = problem("mixture", 0.3)
    A, errors = case.A, []
    path = case.path(cls(steps=20, draws=2), streams(4))
    for scale in (0.1, 3.0):
        matrix = scale * A(torch.eye(4, dtype=F64)).mT
        scaled = Matrix((4,), [0] * 4, matrix).to(dtype=F64)
        measurement = Measurement(scale * case.y.expand(4, -1), scaled, scale * case.sigma)
        steps = cls(steps=20, draws=2).solve(measurement, case.prior, streams(4))
        errors.append(gap(torch.stack([step.x.clone() for step in steps]), path))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20, draws=2))


LAWS = [
    Law(
        "law of every state",
        EXACT,
        moments_error,
        (
            "noised to the next time",
            "one e for all draws",
            "gradient at the shrunk point",
            "step that does not fall",
            "step divided by sigma^2",
            "one draw",
            "level off by one",
        ),
    ),
    Law("unit of A and y", PATH, scale_error, ("norm ignored", "norm not squared")),
    Law("image alone = image in a batch", PATH, alone_error, ("one noise for the batch",)),
    Law(
        "law, float32",
        SINGLE,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

NOISED = "t.tau * u + (1 - t.tau) * noise.like(u)"

MUTANTS = [
    Mutant(
        "noised to the next time",
        NOISED,
        "(t.tau + LATER) * u + (1 - t.tau - LATER) * noise.like(u)".replace("LATER", "1 / self.yields()"),
    ),
    Mutant(
        "one e for all draws",
        "            for _ in range(draws):\n                noised = " + NOISED,
        "            noised = " + NOISED + "\n            for _ in range(draws):",
    ),
    Mutant("gradient at the shrunk point", "A.vjp(x)", "A.vjp(t.tau * x)"),
    Mutant("step that does not fall", " * (1 - t.tau) ** self.a", ""),
    Mutant("step divided by sigma^2", "/ unit", "/ unit / measurement.sigma**2"),
    Mutant("one draw", "draws = min(self.draws, self.steps)", "draws = 1"),
    Mutant("level off by one", "noised, t.level", "noised, prior.schedule.level(int(t.level.index) - 1)"),
    Mutant("norm ignored", "squared_norm(A, x)", "1.0"),
    Mutant("norm not squared", "squared_norm(A, x)", "squared_norm(A, x) ** 0.5"),
    Mutant("one noise for the batch", "noise.like(u)", "noise.like(u)[:1].expand_as(u)"),
    Mutant("state in half precision", "yield Step(x, x)", "x = x.half().to(x)\n            yield Step(x, x)"),
]
