"""The distribution of each solver's states on a Gaussian prior, derived from the equations alone.

A Gaussian prior makes the denoiser affine, ``x0hat = K x + b``, so a solver that is affine in its draws maps
N(mean, cov) to N(F mean + G, F cov F^T + Q) in every step. Everything is numpy, in the coordinates of V (A =
U diag(s) V^T) and in the papers' discrete variables (abar, no Level), and shares no line with `solvers`,
`bench.schedule` or `bench.exact.prior`.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

Moments = Iterator[tuple[np.ndarray, np.ndarray]]
"""The mean, (d,), and the covariance, (d, d), of the state after every step."""


class Affine(NamedTuple):
    """A linear problem with prior N(mean, cov), in the coordinates of V.

    y_i = s_i x_i + sigma n_i; coordinates with s_i = 0 are not measured.
    """

    mean: np.ndarray
    cov: np.ndarray
    s: np.ndarray
    y: np.ndarray
    sigma: float


def abars(indices: np.ndarray) -> np.ndarray:
    """The values abar at descending discrete indices, then the clean 1.

    The schedule is the linear one, 1000 steps from 1e-4 to 2e-2.
    """
    beta = np.linspace(1e-4, 2e-2, 1000)
    return np.append(np.exp(np.cumsum(np.log1p(-beta)))[indices], 1.0)


def leading(n: int) -> np.ndarray:
    """The values abar on the grid 1000 - 1000/n, ..., 1000/n, 0, then clean."""
    return abars(np.arange(0, 1000, 1000 // n)[::-1])


def respaced(n: int) -> np.ndarray:
    """The values abar on n indices from 999 to 0, equally spaced and rounded, then clean."""
    return abars(np.array([round(999 * k / (n - 1)) for k in reversed(range(n))]))


def quad(n: int) -> np.ndarray:
    """The values abar on DiffPIR's grid, then clean.

    Its distances from t = 999 are square roots of equidistant numbers.
    """
    distances = np.floor(np.sqrt(np.linspace(0, 1e6, n)))
    return abars(np.append(999 - distances[:-1], 0).astype(int))


def denoiser(p: Affine, ab: float) -> tuple[np.ndarray, np.ndarray]:
    """K and b of E[x0 | x_t] = K x_t + b."""
    K = np.sqrt(ab) * p.cov @ np.linalg.inv(ab * p.cov + (1 - ab) * np.eye(len(p.s)))
    return K, p.mean - np.sqrt(ab) * K @ p.mean


def ddim_step(p: Affine, ab: float, au: float, eta: float) -> tuple[np.ndarray, np.ndarray, float]:
    """F, G and the fresh variance of a DDIM step from abar = ab to au."""
    K, b = denoiser(p, ab)
    c1 = eta * np.sqrt((1 - au) / (1 - ab) * (1 - ab / au))
    c2 = np.sqrt(1 - au - c1**2)
    eps_x, eps_1 = (np.eye(len(p.s)) - np.sqrt(ab) * K) / np.sqrt(1 - ab), -np.sqrt(ab) * b / np.sqrt(1 - ab)
    return np.sqrt(au) * K + c2 * eps_x, np.sqrt(au) * b + c2 * eps_1, c1**2


def unconditional(p: Affine, grid: np.ndarray, eta: float) -> Moments:
    """DDIM, or DDPM at eta = 1, without a measurement."""
    mean, cov = np.zeros(len(p.s)), np.eye(len(p.s))
    for ab, au in pairwise(grid):
        F, G, q = ddim_step(p, ab, au, eta)
        mean, cov = F @ mean + G, F @ cov @ F.T + q * np.eye(len(p.s))
        yield mean, cov


def pigdm(p: Affine, grid: np.ndarray, eta: float, coefficient: str, start: str) -> Moments:
    """DDIM plus k K^T S (S^2 + sigma^2 / r^2)^-1 (y - S x0hat), r^2 = 1 - abar."""
    mean, cov = np.zeros(len(p.s)), np.eye(len(p.s))
    if start == "pinv":
        mean = np.sqrt(grid[0]) * np.where(p.s > 0, p.y / np.where(p.s > 0, p.s, 1), 0)
        cov = (1 - grid[0]) * cov
    for ab, au in pairwise(grid):
        F, G, q = ddim_step(p, ab, au, eta)
        K, b = denoiser(p, ab)
        c2 = np.sqrt(1 - au - q)
        k = {
            "paper": np.sqrt(ab),
            "nvlabs": np.sqrt(ab * au),
            "score": np.sqrt(au / ab) - c2 / np.sqrt(1 - ab),
        }[coefficient]
        weight = p.s**2 + p.sigma**2 / (1 - ab)
        gain = k * K.T @ np.diag(np.where(p.s > 0, p.s / np.where(weight > 0, weight, 1), 0))
        F, G = F - gain @ np.diag(p.s) @ K, G + gain @ (p.y - p.s * b)
        mean, cov = F @ mean + G, F @ cov @ F.T + q * np.eye(len(p.s))
        yield mean, cov


def ancestral_variance(ab: float, au: float, v: float | None) -> float:
    """The fresh variance of a DDPM step.

    It is the small one or, with v in [-1, 1], interpolated in logarithms to beta = 1 - ab / au.
    """
    beta = 1 - ab / au
    small = beta * (1 - au) / (1 - ab)
    if v is None or au == 1:
        return small
    return beta ** ((v + 1) / 2) * small ** ((1 - v) / 2)


def descend(p: Affine, ab: float, au: float, zeta: float) -> tuple[np.ndarray, np.ndarray]:
    """F and G of a DDPM step minus zeta times the gradient of ||y - S x0hat||^2.

    The gradient is -2 K^T S (y - S x0hat).
    """
    F, G, _ = ddim_step(p, ab, au, 1.0)
    K, b = denoiser(p, ab)
    return F - 2 * zeta * K.T @ np.diag(p.s**2) @ K, G + 2 * zeta * K.T @ (p.s * (p.y - p.s * b))


def dps(p: Affine, grid: np.ndarray, zeta: float, v: float | None = None) -> Moments:
    """DPS with the squared norm."""
    mean, cov = np.zeros(len(p.s)), np.eye(len(p.s))
    for ab, au in pairwise(grid):
        F, G = descend(p, ab, au, zeta)
        mean, cov = F @ mean + G, F @ cov @ F.T + ancestral_variance(ab, au, v) * np.eye(len(p.s))
        yield mean, cov


def mcg(p: Affine, grid: np.ndarray, zeta: float, level: str = "s", v: float | None = None) -> Moments:
    """The DPS step on unmeasured coordinates.

    Measured ones become sqrt(a) y / s + sqrt(1 - a) z, a = abar at ``level``.
    """
    mean, cov = np.zeros(len(p.s)), np.eye(len(p.s))
    seen = p.s > 0
    for ab, au in pairwise(grid):
        F, G = descend(p, ab, au, zeta)
        a = au if level == "s" else ab
        F, G = np.where(seen[:, None], 0, F), np.where(seen, np.sqrt(a) * p.y / np.where(seen, p.s, 1), G)
        fresh = np.where(seen, 1 - a, ancestral_variance(ab, au, v))
        mean, cov = F @ mean + G, F @ cov @ F.T + np.diag(fresh)
        yield mean, cov


def ddrm(p: Affine, grid: np.ndarray, eta: float, eta_b: float = 1.0) -> Moments:
    """DDRM's three cases, decided at the next noise level."""
    d, seen = len(p.s), p.s > 0
    s = np.where(seen, p.s, 1)
    start = np.sqrt((1 - grid[0]) / grid[0])
    loud = seen & (s * start > p.sigma)
    mean = np.sqrt(grid[0]) * np.where(loud, p.y / s, 0)
    cov = grid[0] * np.diag(start**2 - np.where(loud, p.sigma**2 / s**2, 0))
    keep = np.sqrt(1 - eta**2)
    for ab, au in pairwise(grid):
        K, b = denoiser(p, ab)
        rho = np.sqrt((1 - au) / au)
        F, G, q = np.zeros((d, d)), np.zeros(d), np.zeros(d)
        for i in range(d):
            if not seen[i]:
                F[i] = K[i] + rho * keep * (np.eye(d)[i] - np.sqrt(ab) * K[i]) / np.sqrt(1 - ab)
                G[i] = b[i] - rho * keep * np.sqrt(ab) * b[i] / np.sqrt(1 - ab)
                q[i] = (rho * eta) ** 2
            elif s[i] * rho < p.sigma or rho == 0:
                w = keep * rho / p.sigma if p.sigma else 0.0
                F[i], G[i], q[i] = (1 - w * s[i]) * K[i], (1 - w * s[i]) * b[i] + w * p.y[i], (rho * eta) ** 2
            else:
                F[i], G[i] = (1 - eta_b) * K[i], (1 - eta_b) * b[i] + eta_b * p.y[i] / s[i]
                q[i] = rho**2 - (p.sigma * eta_b / s[i]) ** 2
        mean, cov = np.sqrt(au) * (F @ mean + G), au * (F @ cov @ F.T + np.diag(q))
        yield mean, cov


def red_diff(p: Affine, grid: np.ndarray, lr: float, lam: float) -> Moments:
    """Plain gradient descent with the weight sqrt((1 - ab) / ab).

    The losses are means over d pixels and m measurements. With x = a mu + s eps the prior's gradient is
    (lam / d) (s / a) (a / s) (mu - x0hat(x)), and x0hat = K (a mu + s eps) + b.
    """
    d, m, seen = len(p.s), int((p.s > 0).sum()), p.s > 0
    mean, cov = np.where(seen, p.y / np.where(seen, p.s, 1), 0), np.zeros((d, d))
    for ab in grid[:-1]:
        K, b = denoiser(p, ab)
        F = np.eye(d) - lr * (lam / d * (np.eye(d) - np.sqrt(ab) * K) + np.diag(p.s**2) / m)
        G = lr * (lam / d * b + p.s * p.y / m)
        spread = lr * lam / d * np.sqrt(1 - ab) * K
        mean, cov = F @ mean + G, F @ cov @ F.T + spread @ spread.T
        yield mean, cov


def ddnm(p: Affine, grid: np.ndarray, eta: float) -> Moments:
    """DDNM: measured coordinates of x0hat are replaced by y / s; eps is the network's."""
    d, seen = len(p.s), p.s > 0
    mean, cov = np.zeros(d), np.eye(d)
    for ab, au in pairwise(grid):
        K, b = denoiser(p, ab)
        noise = np.sqrt((1 - au) * (1 - eta**2) / (1 - ab))
        F = np.sqrt(au) * np.where(seen[:, None], 0, K) + noise * (np.eye(d) - np.sqrt(ab) * K)
        G = np.sqrt(au) * np.where(seen, p.y / np.where(seen, p.s, 1), b) - noise * np.sqrt(ab) * b
        mean, cov = F @ mean + G, F @ cov @ F.T + (1 - au) * eta**2 * np.eye(d)
        yield mean, cov


def ddnm_plus(p: Affine, grid: np.ndarray, eta: float) -> Moments:
    """DDNM+ from N(0, I), coordinate by coordinate; sigma > 0."""
    d, keep = len(p.s), np.sqrt(1 - eta**2)
    mean, cov = np.zeros(d), np.eye(d)
    for ab, au in pairwise(grid):
        K, b = denoiser(p, ab)
        a, st = np.sqrt(au), np.sqrt(1 - au)
        F, G, q = np.zeros((d, d)), np.zeros(d), np.full(d, (st * eta) ** 2)
        for i, s in enumerate(p.s):
            if s == 0:
                F[i] = a * K[i] + st * keep * (np.eye(d)[i] - np.sqrt(ab) * K[i]) / np.sqrt(1 - ab)
                G[i] = (a - st * keep * np.sqrt(ab) / np.sqrt(1 - ab)) * b[i]
            elif st * s > a * p.sigma:
                G[i], q[i] = a * p.y[i] / s, st**2 - (a * p.sigma / s) ** 2
            else:
                lam = s * st * keep / (a * p.sigma)
                F[i], G[i] = a * (1 - lam) * K[i], a * ((1 - lam) * b[i] + lam * p.y[i] / s)
        mean, cov = F @ mean + G, F @ cov @ F.T + np.diag(q)
        yield mean, cov


def diffpir(
    p: Affine, grid: np.ndarray, lam: float, zeta: float, spread: str = "ratio", returned: str = "estimate"
) -> Moments:
    """DiffPIR: x0' = (rho x0hat + s y) / (s^2 + rho), and eps belongs to x0'."""
    d, seen = len(p.s), p.s > 0
    mean, cov = np.zeros(d), np.eye(d)
    for ab, au in pairwise(grid):
        K, b = denoiser(p, ab)
        rho = lam * p.sigma**2 / (1 - ab) * (ab if spread == "ratio" else 1)
        weight = np.where(seen, p.s**2 + rho, 1)
        K, b = np.where(seen, rho / weight, 1)[:, None] * K, np.where(seen, (rho * b + p.s * p.y) / weight, b)
        noise = np.sqrt((1 - au) * (1 - zeta) / (1 - ab))
        F = np.sqrt(au) * K + noise * (np.eye(d) - np.sqrt(ab) * K)
        G = (np.sqrt(au) - noise * np.sqrt(ab)) * b
        if au < 1 or returned == "estimate":
            mean, cov = F @ mean + G, F @ cov @ F.T + (1 - au) * zeta * np.eye(d)
        yield mean, cov


class Annealing(NamedTuple):
    """Settings of DAPS."""

    ratios: np.ndarray
    """Noise ratios of the levels."""
    evaluations: list[int]
    """Evaluations of the ODE at each."""
    noisy_end: bool
    """Whether the ODE ends at the schedule's smallest noise ratio, not at the clean image."""
    spread: str
    tau: float
    rates: np.ndarray
    """Step sizes of the Langevin steps at each level."""
    langevin: int
    """How many Langevin steps there are at each level."""


def poly7(high: float, low: float, n: int) -> np.ndarray:
    """The n ratios from high to low that are equidistant in the seventh root."""
    return (high ** (1 / 7) + np.arange(n) / max(n - 1, 1) * (low ** (1 / 7) - high ** (1 / 7))) ** 7


def euler(p: Affine, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F and G of Euler steps of the ODE dx/du = (x - x0hat) / u along descending noise ratios u."""
    F, G = np.eye(len(p.s)), np.zeros(len(p.s))
    for u, w in pairwise(grid):
        K, b = denoiser(p, 1 / (1 + u**2))
        slope = (w - u) / u
        step = np.eye(len(p.s)) + slope * (np.eye(len(p.s)) - K / np.sqrt(1 + u**2))
        F, G = step @ F, step @ G - slope * b
    return F, G


def daps(p: Affine, how: Annealing) -> Moments:
    """DAPS in the variables x0 + ratio eps; what it yields is divided by sqrt(1 + ratio^2)."""
    low = np.sqrt((1 - abars(np.array([0]))[0]) / abars(np.array([0]))[0])
    mean, cov = np.zeros(len(p.s)), how.ratios[0] ** 2 * np.eye(len(p.s))
    for u, w, n, lr in zip(how.ratios, [*how.ratios[1:], 0.0], how.evaluations, how.rates, strict=True):
        grid = poly7(u, low, n + 1) if how.noisy_end else np.append(poly7(u, low, n), 0.0)
        F0, G0 = euler(p, grid)
        pull = 1 / u**2 + (how.spread == "variance")
        keep = 1 - lr * (p.s**2 / how.tau**2 + pull)
        F, G, q = F0, G0, np.zeros(len(p.s))
        for _ in range(how.langevin):
            F, G = keep[:, None] * F + lr * pull * F0, keep * G + lr * (p.s * p.y / how.tau**2 + pull * G0)
            q = keep**2 * q + 2 * lr
        mean, cov = F @ mean + G, F @ cov @ F.T + np.diag(q + w**2)
        yield mean / np.sqrt(1 + w**2), cov / (1 + w**2)
