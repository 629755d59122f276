"""Laws of DDRM, among them its identity with DDNM+, an independent method with the same path."""

from collections.abc import Iterator
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
from bench.exact.laws.limits import Limit, refreshed, unmeasured_variance
from bench.exact.laws.mutant import HALF, ONE_NOISE, Mutant
from bench.exact.laws.problems import F64, Case, hadamard_noise, problem, streams
from bench.exact.prior import dense
from bench.noise import Noise
from bench.schedule import Level
from solvers.ddrm import DDRM


def moments_error(cls: SolverClass) -> float:
    """Every state's mean and covariance, the three cases of each coordinate included."""
    runs = [
        *product(("unit", "skew"), (0.0, 0.1, 1.0), (0.0, 0.85, 1.0), (1.0, 0.9), (10,)),
        ("narrow", 0.1, 0.85, 1.0, 100),
    ]
    errors = []
    for prior, sigma, eta, eta_b, n in runs:
        case = problem(prior, sigma)
        moments = recursions.ddrm(case.affine, recursions.leading(n), eta, eta_b)
        errors.append(recursion_error(case, cls(steps=n, eta=eta, eta_b=eta_b), moments))
    return worst(errors)


def ddnm_plus(case: Case, grid: np.ndarray, eta: float, noise: Noise, spectral: bool) -> Iterator[Tensor]:
    """DDNM+ (Wang, Yu & Zhang 2023, arXiv 2212.00490) in pixel space, from DDRM's starting point.

    x_s = a (x0 - V lam V^T A+ (A x0 - y)) + V d1 z + V d2 V^T eps, with a = sqrt(abar_s) and
    st = sqrt(1 - abar_s). For each coordinate,

        st > a sigma / s_i    lam = 1,  d1^2 = st^2 - (a sigma / s_i)^2,  d2 = 0
        else                  lam = s_i st sqrt(1 - eta^2) / (a sigma),  d1 = st eta,  d2 = 0
        s_i = 0               d1 = st eta,  d2 = st sqrt(1 - eta^2)

    ``spectral``: z is drawn in coordinates of V, not as an image, which has the same distribution.
    """
    H = dense(case.A)[0]
    s, Vt = case.A.s[0], case.A.basis.T
    inverse = torch.linalg.pinv(H)
    sd = case.sigma / s
    start = ((1 - grid[0]) / grid[0]) ** 0.5
    basis = torch.eye(len(Vt), dtype=F64) if spectral else Vt.T
    z = noise.new((len(Vt),)) @ basis
    first = torch.where(sd < start, (start**2 - sd**2).clamp_min(0).sqrt(), start)
    x = grid[0] ** 0.5 * ((case.y @ inverse.T) @ Vt.T * (sd < start) + first * z) @ Vt
    for ab, a2 in pairwise(grid):
        a, st = a2**0.5, (1 - a2) ** 0.5
        t = Level(0, ab**0.5, (1 - ab) ** 0.5)
        x0 = case.prior.denoise(x, t)
        eps = (x - t.alpha * x0) / t.sigma
        loud, null = st > a * sd, s == 0
        lam = torch.where(loud, 1.0, s * st * (1 - eta**2) ** 0.5 / (a * case.sigma))
        d1 = torch.where(loud, (st**2 - a2 * sd**2).clamp_min(0).sqrt(), st * eta)
        d2 = null.to(s) * st * (1 - eta**2) ** 0.5
        correction = (x0 @ H.T - case.y) @ inverse.T @ Vt.T * lam
        z = noise.new((len(Vt),)) @ basis if a2 < 1 else 0 * z
        x = a * (x0 - correction @ Vt) + (d1 * z) @ Vt + (d2 * (eps @ Vt.T)) @ Vt
        yield x


def ddnm_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """DDRM with eta_b = 1 and sigma > 0 takes the path of DDNM+, for any prior."""

    def error(spectral: bool) -> float:
        errors = []
        for prior, sigma, eta in product(("skew", "mixture"), (0.1, 1.0), (0.0, 0.85, 1.0)):
            case = problem(prior, sigma, dtype)
            path = case.path(cls(steps=20, eta=eta, eta_b=1.0), streams(4, dtype))
            other = ddnm_plus(case.to(F64), recursions.leading(20), eta, streams(4), spectral)
            errors += [gap(a, b) for a, b in zip(path, other, strict=True)]
        return worst(errors)

    return min(error(True), error(False))


def measured_error(cls: SolverClass) -> float:
    """Until sigma_s s_i / alpha_s falls below sigma, measured coordinates forget.

    They are N(a y / s, s^2 - a^2 sigma^2 / s_i^2).
    """
    errors, grid = [], recursions.leading(20)
    for prior, sigma in product(("unit", "mixture"), (0.0, 0.1, 1.0)):
        case, s = problem(prior, sigma), np.array([1.0, 0.5])
        path = (case.path(cls(steps=20, eta_b=1.0), hadamard_noise(4 * 21)) @ case.A.basis)[..., :2]
        target = case.A.Ut(case.y)[0, :2].numpy() / s
        for x, ab in zip(path, grid[1:-1], strict=False):
            loud = torch.from_numpy(s * np.sqrt((1 - ab) / ab) > sigma)
            var = torch.from_numpy(1 - ab - ab * sigma**2 / s**2)
            off = x.mean(0) - torch.from_numpy(np.sqrt(ab) * target)
            wrong = torch.stack([off, x.var(0, correction=0) - var])
            errors.append(wrong.abs()[:, loud].amax() if loud.any() else 0.0)
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20))


def limits(steps: int) -> Iterator[Limit]:
    """The variance in unmeasured directions: every step refreshes eta^2 of the noise."""
    for eta in (0.0, 0.5, 0.85, 1.0):
        variance = unmeasured_variance(DDRM(steps, eta=eta), steps)
        yield Limit(f"DDRM eta = {eta:g}", variance, refreshed(eta**2), 10 / steps)


LAWS = [
    Law(
        "law of every state",
        EXACT,
        moments_error,
        (
            "threshold at t",
            "noise not reduced",
            "y not divided by s",
            "sigma not divided by s",
            "abar for alpha",
            "eta of the variance",
            "data consistency in the end",
        ),
    ),
    Law(
        "path of DDNM+",
        PATH,
        ddnm_error,
        ("eps in the wrong basis", "below the threshold as if unmeasured", "eta_b of 0.95"),
    ),
    Law(
        "measured coordinates before the switch",
        EXACT,
        measured_error,
        ("y not divided by s", "noise not reduced"),
    ),
    Law("image alone = image in a batch", PATH, alone_error, ("one noise for the batch",)),
    Law(
        "path of DDNM+, float32",
        SINGLE,
        partial(ddnm_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

MUTANTS = [
    Mutant("threshold at t", "torch.where(loud(rho)", "torch.where(loud(t.ratio)"),
    Mutant("y not divided by s", "A.Ut(y) / S", "A.Ut(y)"),
    Mutant("sigma not divided by s", "sigma * self.eta_b / S", "sigma * self.eta_b / S**0"),
    Mutant("noise not reduced", "rho**2 + less", "rho**2 + 0 * less"),
    Mutant(
        "below the threshold as if unmeasured",
        "drift = torch.where(known, ",
        "drift = torch.where(known & False, ",
    ),
    Mutant("eta_b of 0.95", "xbar + held_y", "xbar + 0.95 * held_y + 0.05 * self.eta_b * xbar"),
    Mutant("eps in the wrong basis", "eps = A.Vt(x - t.alpha * x0)", "eps = (x - t.alpha * x0)"),
    Mutant("abar for alpha", "x = s.alpha * A.V", "x = s.alpha**2 * A.V"),
    Mutant("eta of the variance", "(1 - self.eta**2) ** 0.5", "(1 - self.eta) ** 0.5"),
    Mutant("data consistency in the end", "yield Step(x0, x0)", "yield Step(x0 + A.pinv(y - A(x0)), x0)"),
    Mutant("one noise for the batch", "noise.like(x)", "noise.like(x)" + ONE_NOISE),
    HALF,
]
