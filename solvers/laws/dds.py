"""Laws of DDS; with a large weight it is DDNM."""

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
from bench.exact.laws.mutant import HALF, LAST_NOISE, LEVEL_OFF, ONE_NOISE, Mutant
from bench.exact.laws.problems import F64, problem, streams
from bench.exact.prior import dense
from solvers.ddnm import DDNM


def recursion(p: recursions.Affine, grid: np.ndarray, eta: float, gamma: float) -> recursions.Moments:
    """Measured coordinates of x0hat move by s (y - s x0hat) / (s^2 + 1 / gamma); eps is the network's."""
    mean, cov = np.zeros(4), np.eye(4)
    gain = p.s / (p.s**2 + 1 / gamma)
    for ab, au in pairwise(grid):
        K, b = recursions.denoiser(p, ab)
        kept = np.sqrt((1 - au) * (1 - eta**2) / (1 - ab))
        F = np.sqrt(au) * (1 - gain * p.s)[:, None] * K + kept * (np.eye(4) - np.sqrt(ab) * K)
        G = np.sqrt(au) * ((1 - gain * p.s) * b + gain * p.y) - kept * np.sqrt(ab) * b
        mean, cov = F @ mean + G, F @ cov @ F.T + (1 - au) * eta**2 * np.eye(4)
        yield mean, cov


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance, where conjugate gradients converge: A has two singular values."""
    errors = []
    for prior, gamma, eta in product(("unit", "skew"), (0.3, 1.0, 10.0), (0.0, 0.85, 1.0)):
        case = problem(prior, 0.3, dtype)
        moments = recursion(case.affine, recursions.leading(10), eta, gamma)
        solver = cls(steps=10, eta=eta, gamma=gamma, iterations=3)
        errors.append(recursion_error(case, solver, moments))
    return worst(errors)


def iteration_error(cls: SolverClass) -> float:
    """On a mixture, one iteration is the best step along the steepest descent of the objective from x0."""
    errors = []
    for gamma in (0.3, 3.0):
        case = problem("mixture", 0.3)
        H, x = dense(case.A)[0], streams(16).new((4,))
        step = next(
            cls(steps=2, gamma=gamma, iterations=1).solve(case.measurement(16), case.prior, streams(16))
        )
        x0 = case.prior.denoise(x, case.prior.schedule.level(500))
        b = gamma * (case.y - x0 @ H.T) @ H
        M = torch.eye(4, dtype=F64) + gamma * H.T @ H
        length = (b * b).sum(1, keepdim=True) / (b @ M * b).sum(1, keepdim=True)
        errors.append(gap(step.x0, x0 + length * b))
    return worst(errors)


def ddnm_error(cls: SolverClass) -> float:
    """With a weight of 1e13, the path is that of DDNM."""
    errors = []
    for prior, eta in product(("skew", "mixture"), (0.0, 0.85)):
        case = problem(prior, 0.3)
        path = case.path(cls(steps=20, eta=eta, gamma=1e13), streams(4))
        errors.append(gap(path, case.path(DDNM(steps=20, eta=eta, plus=False), streams(4))))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch, also with one iteration."""
    return batch_error(problem("mixture", 0.1), cls(steps=20, iterations=1))


LAWS = [
    Law(
        "law of every state",
        EXACT,
        moments_error,
        (
            "eps recomputed",
            "damping gamma in place of 1 / gamma",
            "eta of DDIM",
            "level off by one",
            "noise in the last step",
        ),
    ),
    Law(
        "one iteration on a mixture",
        EXACT,
        iteration_error,
        ("from 0 in place of x0", "no identity", "damping gamma in place of 1 / gamma"),
    ),
    Law(
        "path of DDNM for a large weight",
        PATH,
        ddnm_error,
        ("eps recomputed", "eta of DDIM", "one iteration", "one noise for the batch"),
    ),
    Law("image alone = image in a batch", PATH, alone_error, ("one length for the batch",)),
    Law(
        "law, float32",
        SINGLE,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

MUTANTS = [
    Mutant("eps recomputed", "keep * eps", "keep * (x - t.alpha * x0) / t.sigma"),
    Mutant("damping gamma in place of 1 / gamma", "self.gamma *", "1 / self.gamma *"),
    Mutant(
        "eta of DDIM",
        "(keep * eps + self.eta * fresh_noise(noise, x, s))",
        "(e := self.eta * (1 - (t.alpha * s.sigma / (s.alpha * t.sigma)) ** 2) ** 0.5, "
        "(1 - e**2) ** 0.5 * eps + e * fresh_noise(noise, x, s))[1]",
    ),
    Mutant("from 0 in place of x0", "x0 = x0 + self.correction(y - A(x0), A)", "x0 = self.correction(y, A)"),
    Mutant("no identity", "cg.step(cg.p + self.gamma", "cg.step(self.gamma"),
    Mutant("one iteration", "range(self.iterations)", "range(1)"),
    Mutant(
        "one length for the batch",
        "self._rr / curvature.clamp_min(tiny)",
        "self._rr.sum() / curvature.sum()",
        helper="ConjugateGradients",
    ),
    LEVEL_OFF,
    Mutant(
        "noise in the last step",
        "fresh_noise(noise, x, s))\n",
        "fresh_noise(noise, x, s))" + LAST_NOISE + "\n",
    ),
    Mutant("one noise for the batch", "fresh_noise(noise, x, s)", "fresh_noise(noise, x, s)" + ONE_NOISE),
    HALF,
]
