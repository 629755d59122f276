"""Laws of PnP-DM."""

from functools import partial
from itertools import pairwise, product

import numpy as np
import torch

from bench.exact.laws import recursions
from bench.exact.laws.law import EXACT, PATH, SINGLE, Law, SolverClass, batch_error, gap, worst
from bench.exact.laws.mutant import Mutant
from bench.exact.laws.problems import F64, hadamard_noise, problem

Map = tuple[np.ndarray, np.ndarray, np.ndarray]
"""F, G and Q of N(mean, cov) -> N(F mean + G, F cov F^T + Q)."""


def likelihood(p: recursions.Affine, rho: float) -> Map:
    """The draw of z given x: a posterior whose prior is N(x, rho^2 I), coordinate by coordinate."""
    variance = 1 / (1 / rho**2 + p.s**2 / p.sigma**2)
    return np.diag(variance / rho**2), variance * p.s * p.y / p.sigma**2, np.diag(variance)


def prior_draw(p: recursions.Affine, rho: float, levels: int, eta: float) -> Map:
    """DDIM from x + rho n to the clean image."""
    low = recursions.abars(np.array([0]))[0]
    ratios = recursions.poly7(rho, np.sqrt((1 - low) / low), levels)
    grid = np.append(1 / (1 + ratios**2), 1.0)
    F, G, Q = np.sqrt(grid[0]) * np.eye(4), np.zeros(4), np.zeros((4, 4))
    for ab, au in pairwise(grid):
        step, shift, q = recursions.ddim_step(p, ab, au, eta)
        F, G, Q = step @ F, step @ G + shift, step @ Q @ step.T + q * np.eye(4)
    return F, G, Q


def recursion(p: recursions.Affine, rhos: list[float], levels: int, eta: float) -> recursions.Moments:
    """The draw of z and then that of x, from x = 0."""
    mean, cov = np.zeros(4), np.zeros((4, 4))
    for rho in rhos:
        for F, G, Q in (likelihood(p, rho), prior_draw(p, rho, levels, eta)):
            mean, cov = F @ mean + G, F @ cov @ F.T + Q
        yield mean, cov


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """The mean and the covariance of x after every iteration, with eta 0 and 1."""
    errors = []
    for prior, sigma, eta in product(("unit", "skew"), (0.1, 0.3, 1.0), (0.0, 1.0)):
        case = problem(prior, sigma, dtype)
        solver = cls(steps=16, levels=4, rho_0=3.0, decay=0.4, rho_min=0.3, eta=eta)
        path = case.path(solver, hadamard_noise(4 + 4 * (6 + 4 * 4), dtype)).double() @ case.A.basis.double()
        moments = recursion(case.affine, [3.0, 1.2, 0.48, 0.3], 4, eta)
        for x, (mean, cov) in zip(path, moments, strict=True):
            centred = x - x.mean(0)
            errors.append(gap(x.mean(0), torch.from_numpy(mean)))
            errors.append(gap(centred.T @ centred / len(x), torch.from_numpy(cov)))
    return worst(errors)


def stationary_error(cls: SolverClass) -> float:
    """At constant rho, x tends to the posterior of y with the noise sigma^2 I + rho^2 A A^T.

    The draws from the prior are DDIM's of 1000 levels, exact up to their number: the map is that of the
    solver's own first two iterations, its fixed point is found without sampling.
    """
    errors = []
    for sigma, rho in ((0.3, 0.5), (1.0, 0.3)):
        case = problem("unit", sigma)
        p = case.affine
        solver = cls(steps=400, levels=200, rho_0=rho, rho_min=rho, decay=1.0)
        first, second = case.path(solver, hadamard_noise(4 + 2 * (6 + 200 * 4))) @ case.A.basis
        F = np.diag(np.diag(centred_product(second, first) @ np.linalg.inv(centred_product(first, first))))
        mean, Q = first.mean(0).numpy(), centred_product(first, first)
        mean, cov = np.linalg.solve(np.eye(4) - F, mean), Q / (1 - np.diag(F) ** 2)
        R = sigma**2 + rho**2 * p.s**2
        gain = p.s / (p.s**2 + R)
        expected = p.mean + gain * (p.y - p.s * p.mean), np.diag(1 - gain * p.s)
        errors += [np.abs(mean - expected[0]).max(), np.abs(cov - expected[1]).max()]
    return worst(errors)


def centred_product(a: torch.Tensor, b: torch.Tensor) -> np.ndarray:
    """The covariance of two states over the batch, (d, d)."""
    return ((a - a.mean(0)).mT @ (b - b.mean(0)) / len(a)).numpy()


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20, levels=5))


CLOSE = 0.03
"""Tolerance of the stationary law: its draws from the prior have 200 levels, and its mutants change more."""

LAWS = [
    Law(
        "law of every iteration",
        EXACT,
        moments_error,
        (
            "rho not squared",
            "mean for the draw of z",
            "network told a level below rho",
            "rho_min from the start",
            "ODE for the draw of x",
            "z not rescaled",
            "noise in the last step",
        ),
    ),
    Law(
        "stationary law at constant rho",
        CLOSE,
        stationary_error,
        ("rho not squared", "mean for the draw of z", "ODE for the draw of x"),
    ),
    Law("image alone = image in a batch", PATH, alone_error, ("one noise for the batch",)),
    Law(
        "law, float32",
        SINGLE / 10,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

MUTANTS = [
    Mutant("rho not squared", "(x, y, A, rho, sigma", "(x, y, A, rho**0.5, sigma"),
    Mutant(
        "mean for the draw of z", "start = x + per_image(r, x) * z", "start = x", helper="conditional_draw"
    ),
    Mutant(
        "network told a level below rho",
        "prior.denoise(x, t)",
        "prior.denoise(x, prior.schedule.at(0.9 * t.ratio) if t.ratio > 0.02 else t)",
    ),
    Mutant("rho_min from the start", "max(self.rho_0 * self.decay**i, self.rho_min)", "self.rho_min"),
    Mutant("ODE for the draw of x", "t, s, self.eta", "t, s, 0.0"),
    Mutant("z not rescaled", "x = levels[0].alpha * z", "x = z"),
    Mutant("noise in the last step", "        return x\n", "        return x + 1e-3 * noise.like(x)\n"),
    Mutant(
        "one noise for the batch", "fresh_noise(noise, x, s)", "fresh_noise(noise, x, s)[:1].expand_as(x)"
    ),
    Mutant("state in half precision", "yield Step(x, x)", "x = x.half().to(x)\n            yield Step(x, x)"),
]
