"""Laws of DiffPIR, among them its limits: DDNM, DDIM and the oracle."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise, product

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
from bench.exact.laws.limits import Limit, refreshed, unmeasured_variance
from bench.exact.laws.mutant import HALF, LAST_NOISE, LEVEL_OFF, ONE_NOISE, Mutant
from bench.exact.laws.problems import F64, problem, streams
from bench.exact.prior import dense
from bench.solver import Spacing
from solvers.ddnm import DDNM
from solvers.diffpir import DiffPIR
from solvers.prior import Unconditional


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance: both forms of r_t, both results, two grids."""
    spreads = ("ratio", "variance")
    runs = [
        *product(
            ("unit", "skew"), (0.0, 0.1, 1.0), (0.0, 0.3, 1.0), spreads, ("estimate",), ("quad",), (10,)
        ),
        ("skew", 0.1, 0.3, "ratio", "state", "leading", 10),
        ("narrow", 0.1, 0.3, "ratio", "estimate", "quad", 100),
    ]
    errors = []
    for prior, sigma, zeta, spread, returned, spacing, n in runs:
        case, grid = problem(prior, sigma, dtype), getattr(recursions, spacing)(n)
        moments = recursions.diffpir(case.affine, grid, 2.0, zeta, spread, returned)
        how = {"lam": 2.0, "zeta": zeta, "spread": spread, "returned": returned, "clip": False}
        solver = cls(steps=n, spacing=spacing, **how)
        errors.append(recursion_error(case, solver, moments))
    return worst(errors)


def proximal_error(cls: SolverClass) -> float:
    """Each estimate solves A^T (A x0' - y) + rho (x0' - x0) = 0, x0 the denoised state, clipped or not.

    With the floor of sigma and without.
    """
    errors = []
    for sigma, clip, floor in ((0.1, False, 0.0), (1.0, True, 0.0), (0.0, False, 0.2), (0.1, True, 0.2)):
        case, lam = problem("mixture", sigma), 2.0
        solver, H = cls(steps=10, lam=lam, clip=clip, sigma_min=floor), dense(case.A)[0]
        levels = case.prior.schedule.levels(10, "quad")
        x = streams(8).new((4,))
        steps = solver.solve(case.measurement(8), case.prior, streams(8))
        for step, (t, _) in zip(steps, pairwise(levels), strict=True):
            x0, rho = case.prior.denoise(x, t), lam * (max(sigma, floor) * t.alpha / t.sigma) ** 2
            x0 = x0.clamp(-1, 1) if clip else x0
            errors.append(((step.x0 @ H.T - case.y) @ H + rho * (step.x0 - x0)).abs().max())
            x = step.x
    return worst(errors)


def ddnm_error(cls: SolverClass) -> float:
    """Without noise in y, rho = 0; with zeta = 1 the path is that of DDNM with eta = 1."""
    errors = []
    spacings: tuple[Spacing, ...] = ("leading", "quad")
    for prior, spacing in product(("skew", "mixture"), spacings):
        case = problem(prior, 0.0)
        path = case.path(cls(steps=20, spacing=spacing, zeta=1.0, clip=False), streams(8))
        errors.append(gap(path, case.path(DDNM(steps=20, spacing=spacing, eta=1.0), streams(8))))
    return worst(errors)


def ddim_error(cls: SolverClass) -> float:
    """The measurement is forgotten as rho grows; with zeta = 0 the path is that of DDIM with eta = 0."""
    case = problem("mixture", 0.1)
    path = case.path(cls(steps=20, lam=1e18, zeta=0.0, clip=False), streams(8))
    return gap(path, case.path(Unconditional(steps=20, spacing="quad", eta=0.0), streams(8)))


def oracle_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """The path is that of DDIM on the exact posterior where r_t is exact.

    r_t^2 is the posterior variance of N(m, I), lam = 1 and zeta = 0.
    """
    errors = []
    for sigma in (0.0, 0.1, 1.0):
        case = problem("unit", sigma, dtype)
        path = case.path(cls(steps=20, lam=1.0, zeta=0.0, spread="variance", clip=False), streams(4, dtype))
        oracle = case.prior.posterior(case.y, case.A, sigma)
        errors.append(gap(path, case.path(Unconditional(20, "quad", eta=0.0), streams(4, dtype), oracle)))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20))


def limits(steps: int) -> Iterator[Limit]:
    """The variance in unmeasured directions: every step refreshes zeta of the noise."""
    for zeta in (0.1, 0.3, 0.5, 1.0):
        variance = unmeasured_variance(DiffPIR(steps, spacing="leading", zeta=zeta, clip=False), steps)
        yield Limit(f"DiffPIR zeta = {zeta:g}", variance, refreshed(zeta), 10 / steps)


LAWS = [
    Law(
        "law of every state",
        EXACT,
        moments_error,
        (
            "rho inverted",
            "rho doubled",
            "rho of images in [0, 1]",
            "eps not recomputed",
            "zeta of the standard deviation",
        ),
    ),
    Law(
        "proximal step is optimal",
        PATH,
        proximal_error,
        ("rho doubled", "floor added to sigma", "clip after the proximal step"),
    ),
    Law("without noise, zeta = 1: path of DDNM", PATH, ddnm_error, ("no proximal step in the end",)),
    Law(
        "rho to infinity, zeta = 0: path of DDIM",
        PATH,
        ddim_error,
        ("level off by one", "noise in the last step"),
    ),
    Law(
        "exact rho, zeta = 0, N(m, I): the oracle",
        PATH,
        oracle_error,
        ("sigma not squared", "eps not recomputed", "published r_t everywhere"),
    ),
    Law("image alone = image in a batch", PATH, alone_error, ("one noise for the batch",)),
    Law(
        "oracle, float32",
        SINGLE,
        partial(oracle_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

PROXIMAL = "            x0 = x0 + A.pinv(y - A(x0), damping=self.rho(t, sigma))\n"

MUTANTS = [
    Mutant(
        "rho inverted",
        "return self.lam * (max(sigma, self.sigma_min) / r)",
        "return self.lam * (r / max(sigma, 1e-9))",
    ),
    Mutant("rho doubled", "return self.lam", "return 2 * self.lam"),
    Mutant("rho of images in [0, 1]", "return self.lam", "return self.lam / 4"),
    Mutant("sigma not squared", "/ r) ** 2", "/ r)"),
    Mutant("eps not recomputed", "eps = (x - t.alpha * x0)", "eps = (x - t.alpha * prior.denoise(x, t))"),
    Mutant("zeta of the standard deviation", "(1 - self.zeta) ** 0.5", "(1 - self.zeta)"),
    Mutant("floor added to sigma", "max(sigma, self.sigma_min)", "(sigma + self.sigma_min)"),
    Mutant(
        "clip after the proximal step",
        "x0.clamp(-1, 1)\n" + PROXIMAL,
        "x0\n" + PROXIMAL + "            x0 = x0.clamp(-1, 1) if self.clip else x0\n",
    ),
    Mutant("no proximal step in the end", "x0 = x0 + A.pinv", "x0 = x0 + (s.sigma > 0) * A.pinv"),
    LEVEL_OFF,
    Mutant("noise in the last step", "x = x0\n", "x = x0" + LAST_NOISE + "\n"),
    Mutant("published r_t everywhere", 't.ratio if self.spread == "ratio" else t.variance**0.5', "t.ratio"),
    Mutant("one noise for the batch", "noise.like(x)", "noise.like(x)" + ONE_NOISE),
    HALF,
]
