"""The steps of DDIM and DDPM, the same at levels of the same ratios in all coordinates, up to their scale."""

import math

import torch
from torch import Tensor

from bench.schedule.levels import Level, Value


def ddim_coefficients(t: Level[Value], s: Level[Value], eta: float) -> tuple[Value, Value]:
    """Standard deviations of the fresh and of the kept noise in a step from t to s.

    ``c1 = eta sigma_s sqrt(1 - (alpha_t sigma_s / (alpha_s sigma_t))^2)`` and
    ``c2 = sqrt(sigma_s^2 - c1^2)`` (Song et al. 2021, arXiv 2010.02502). eta = 0 is the deterministic DDIM,
    eta = 1 the ancestral sampler with the posterior ("small") variance. Both are 0 when s is clean.

    >>> t, s = Level(280, 0.6, 0.8), Level(90, 0.8, 0.6)
    >>> ddim_coefficients(t, s, 0.0) == (0.0, s.sigma)
    True
    """
    fresh = 1 - (t.alpha * s.sigma / (s.alpha * t.sigma)) ** 2
    c1 = eta * s.sigma * fresh**0.5
    return c1, (s.sigma**2 - c1**2) ** 0.5


def ddim(x: Tensor, x0: Tensor, t: Level, s: Level, eta: float, z: Tensor) -> Tensor:
    """One DDIM step from x at level t to level s, given the estimate x0 of the clean image.

    ``x_s = alpha_s x0 + c1 z + c2 eps`` with ``eps = (x - alpha_t x0) / sigma_t`` (arXiv 2010.02502, eq. 12).

    Args:
        x, x0: (B, ...), the state at level t and the denoised estimate.
        eta: share of fresh noise in standard deviation, 0 .. 1.
        z: (B, ...), standard normal.
    """
    c1, c2 = ddim_coefficients(t, s, eta)
    return s.alpha * x0 + c1 * z + c2 * (x - t.alpha * x0) / t.sigma


def ddpm(x: Tensor, x0: Tensor, t: Level, s: Level, z: Tensor, v: Tensor | None = None) -> Tensor:
    """One ancestral step from x at level t to level s (Ho et al. 2020, arXiv 2006.11239, eq. 7).

    Without ``v`` it is `ddim` with eta = 1. With it, the variance is interpolated between the posterior's
    ``c1^2`` (v = -1) and ``beta = 1 - (alpha_t / alpha_s)^2`` (v = 1) in logarithms (Nichol & Dhariwal 2021,
    arXiv 2102.09672, eq. 15), both of the variance-preserving x_t / std.

    Args:
        x, x0, z: (B, ...), the state at level t, the denoised estimate and standard normal noise.
        v: (B, ...), the learned interpolation; ignored in the last step, which adds no noise.
    """
    c1 = ddim_coefficients(t, s, 1.0)[0] / s.std
    if v is None or c1 == 0:
        return ddim(x, x0, t, s, 1.0, z)
    small, large = math.log(c1**2), math.log(1 - (t.alpha / t.std / (s.alpha / s.std)) ** 2)
    std = torch.exp(0.5 * (small + (v + 1) / 2 * (large - small)))
    return ddim(x, x0, t, s, 1.0, z * std / c1)
