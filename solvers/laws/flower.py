"""Laws of Flower: the noised posterior at every time, and two identities with methods of other papers."""

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
from bench.exact.laws.limits import Limit, unmeasured_variance
from bench.exact.laws.mutant import HALF, ONE_NOISE, Mutant
from bench.exact.laws.problems import F64, problem, streams
from bench.exact.prior import dense
from solvers.diffpir import DiffPIR
from solvers.flower import Flower
from solvers.laws.flows import FlowTimes, flow_denoiser


def recursion(p: recursions.Affine, n: int, draw: bool) -> recursions.Moments:
    """Each measured coordinate of x0hat is pulled to y; what is drawn there is spread as its posterior."""
    mean, cov = np.zeros(4), np.eye(4)
    for tau, later in pairwise(np.arange(n + 1) / n):
        K, b = flow_denoiser(p, tau)
        r2 = (1 - tau) ** 2 / (tau**2 + (1 - tau) ** 2)
        gain = r2 * p.s / (r2 * p.s**2 + p.sigma**2)
        F, G = np.diag(1 - gain * p.s) @ K, (1 - gain * p.s) * b + gain * p.y
        spread = r2 * (1 - gain * p.s) * draw
        mean = later * (F @ mean + G)
        cov = later**2 * (F @ cov @ F.T + np.diag(spread)) + (1 - later) ** 2 * np.eye(4)
        yield mean, cov


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance, with the draw and with the mean."""
    errors = []
    for prior, sigma, draw in product(("unit", "narrow", "skew"), (0.1, 0.3, 1.0), (False, True)):
        case = problem(prior, sigma, dtype)
        moments = recursion(case.affine, 10, draw)
        errors.append(recursion_error(case, cls(steps=10, draw=draw), moments, draws=3))
    return worst(errors)


def posterior_error(cls: SolverClass) -> float:
    """With the draw, the states are the noised posterior of N(m, I) at every time, for few steps too."""
    errors = []
    for sigma, n in product((0.1, 0.3, 1.0), (3, 10)):
        case = problem("unit", sigma)
        p = case.affine
        cov = np.diag(1 / (1 + p.s**2 / sigma**2))
        mean = cov @ (p.mean + p.s * p.y / sigma**2)
        expected = [(u * mean, u**2 * cov + (1 - u) ** 2 * np.eye(4)) for u in np.arange(1, n + 1) / n]
        prior = case.prior.on(FlowTimes())
        errors.append(recursion_error(case, cls(steps=n, draw=True), iter(expected), 3, prior))
    return worst(errors)


def mixture_error(cls: SolverClass) -> float:
    """On a mixture, each x0 with the mean solves A^T (A u - y) / sigma^2 + (u - E[x0 | x_tau]) / r^2 = 0."""
    errors = []
    for sigma in (0.1, 0.3, 1.0):
        case = problem("mixture", sigma)
        H, schedule, x = dense(case.A)[0], case.prior.schedule, streams(8).new((4,))
        steps = cls(steps=10).solve(case.measurement(8), case.prior, streams(8))
        for k, step in enumerate(steps):
            tau = k / 10
            size = (tau**2 + (1 - tau) ** 2) ** 0.5
            if k:
                x0 = case.prior.denoise(x / size, schedule.at((1 - tau) / tau))
                pull = (step.x0 - x0) * sigma**2 / ((1 - tau) / size) ** 2
                errors.append(gap((case.y - step.x0 @ H.T) @ H, pull))
            x = step.x.clone()
    return worst(errors)


def diffpir_error(cls: SolverClass) -> float:
    """With the mean, each x0 is that of DiffPIR with exact r, lam = 1 and zeta = 1, at flow times."""
    errors = []
    diffpir = DiffPIR(steps=20, zeta=1.0, spread="variance", clip=False)
    for name, sigma in product(("skew", "mixture"), (0.1, 1.0)):
        case = problem(name, sigma)
        prior = case.prior.on(FlowTimes())
        runs = [solver.solve(case.measurement(8), prior, streams(8)) for solver in (cls(steps=20), diffpir)]
        errors += [gap(ours.x0, theirs.x0) for ours, theirs in zip(*runs, strict=True)]
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20, draw=True))


def limits(steps: int) -> Iterator[Limit]:
    """The variance in unmeasured directions: half of it is lost with the mean, nothing with the draw."""
    for draw, limit in ((False, 0.5), (True, 1.0)):
        variance = unmeasured_variance(Flower(steps, draw=draw), 3 * steps)
        name = "Flower, draw" if draw else "Flower, mean"
        yield Limit(name, variance, limit, 10 / steps)


LAWS = [
    Law(
        "law of every state",
        EXACT,
        moments_error,
        (
            "spread of the variance-exploding form",
            "spread not squared",
            "sigma not squared in the draw",
            "no noise in y of the draw",
            "noised to the time of x",
        ),
    ),
    Law(
        "the noised posterior on N(m, I)",
        EXACT,
        posterior_error,
        ("spread not squared", "mean for the draw", "noised to the time of x", "noise in the last step"),
    ),
    Law(
        "each mean is optimal, on a mixture",
        PATH,
        mixture_error,
        ("draw for the mean", "spread of the variance-exploding form", "level off by one"),
    ),
    Law(
        "x0 of DiffPIR at flow times",
        PATH,
        diffpir_error,
        ("draw for the mean", "spread not squared", "noised to the time of x"),
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
    Mutant("spread of the variance-exploding form", "r = t.variance**0.5", "r = t.level.ratio"),
    Mutant("spread not squared", "r = t.variance**0.5", "r = t.variance**0.25"),
    Mutant(
        "sigma not squared in the draw",
        "(x0, y, A, r, sigma, noise)",
        "(x0, y, A, r, sigma**0.5, noise)",
    ),
    Mutant(
        "no noise in y of the draw",
        "y + per_image(sigma, y) * n,",
        "y,",
        helper="conditional_draw",
    ),
    Mutant("mean for the draw", "if self.draw", "if False"),
    Mutant("draw for the mean", "if self.draw", "if True"),
    Mutant("noised to the time of x", "(1 - s.tau) * noise.like(x)", "(1 - t.tau) * noise.like(x)"),
    Mutant("level off by one", "denoise(t.scale * x, t.level)", "denoise(s.scale * x, s.level)"),
    Mutant("noise in the last step", "else x0\n", "else x0 + 0.01 * noise.like(x)\n"),
    Mutant("one noise for the batch", "noise.like(x)", "noise.like(x)" + ONE_NOISE),
    HALF,
]
