"""Noise schedules, time-step grids and the DDIM step.

Notation, here and everywhere: a noisy image is ``x_t = alpha_t x0 + sigma_t eps`` with ``eps ~ N(0, I)``;
``t`` is a level, ``s`` the next, less noisy one. ``alpha`` and ``sigma`` are floats, or tensors that
broadcast against x. Formulas use ``sigma / alpha`` and ``sigma^2 / (alpha^2 + sigma^2)``, never
``1 - alpha^2``, so that they hold for any schedule.

A sampler walks down the levels in pairs:

>>> from itertools import pairwise
>>> for t, s in pairwise(VPSchedule().levels(4)):
...     print(f"{t.index} -> {s.index}: sigma / alpha = {t.ratio:.3f} -> {s.ratio:.3f}")
750 -> 500: sigma / alpha = 17.379 -> 3.443
500 -> 250: sigma / alpha = 3.443 -> 0.958
250 -> 0: sigma / alpha = 0.958 -> 0.010
0 -> -1: sigma / alpha = 0.010 -> 0.000
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Literal, NamedTuple, TypeVar, get_args

import numpy as np
import torch
from torch import Tensor

Spacing = Literal["leading", "trailing", "quad", "respaced", "poly7"]
Value = TypeVar("Value", float, Tensor)


class Level(NamedTuple, Generic[Value]):
    """One noise level (``Level[float]``), or one per image (``Level[Tensor]``).

    >>> t = VPSchedule().level(500)
    >>> round(t.ratio, 3), round(t.variance, 3)
    (3.443, 0.922)
    """

    index: Value  # type: ignore[assignment]  # takes the place of tuple.index, which nobody calls
    """The time step that a network was trained on, fractional between two of them; -1 is clean; or (B,)."""
    alpha: Value
    """The factor of the clean image; or (B, 1, ...)."""
    sigma: Value
    """The standard deviation of the noise; or (B, 1, ...)."""

    @property
    def ratio(self) -> Value:
        """The noise-to-signal ratio sigma / alpha, which is the noise level of x / alpha."""
        return self.sigma / self.alpha

    @property
    def variance(self) -> Value:
        """sigma^2 / (alpha^2 + sigma^2), which is Var[x0 | x_t] for x0 ~ N(0, 1).

        In a variance-preserving schedule it is 1 - abar.
        """
        return self.sigma**2 / (self.alpha**2 + self.sigma**2)


CLEAN: Level[float] = Level(-1, 1.0, 0.0)


class Schedule(ABC):
    """A discrete variance-preserving schedule.

    ``alpha_t^2 = abar_t`` and ``sigma_t^2 = 1 - abar_t`` for ``t = 0 .. T - 1``.
    """

    @property
    @abstractmethod
    def T(self) -> int:
        """Number of levels."""

    @property
    @abstractmethod
    def abar(self) -> np.ndarray:
        """(T,) float64, decreasing, within (0, 1)."""

    def level(self, index: int) -> Level[float]:
        """The level of a discrete index 0 .. T - 1; -1 is the clean level."""
        if index == -1:
            return CLEAN
        abar = float(self.abar[index])
        return Level(int(index), math.sqrt(abar), math.sqrt(1 - abar))

    def at(self, sigma: float) -> Level[float]:
        """The level whose noise-to-signal ratio is ``sigma``, its index interpolated linearly in log(sigma).

        >>> round(VPSchedule().at(1.0).index, 2)
        258.09

        Raises:
            ValueError: ``sigma`` lies outside the schedule's range.
        """
        ratios = np.sqrt((1 - self.abar) / self.abar)
        if not ratios[0] * (1 - 1e-9) <= sigma <= ratios[-1] * (1 + 1e-9):
            raise ValueError(
                f"sigma = {sigma:g} is outside the schedule's range [{ratios[0]:g}, {ratios[-1]:g}]"
            )
        index = float(np.interp(math.log(sigma), np.log(ratios), np.arange(self.T)))
        alpha = 1 / math.sqrt(1 + sigma**2)
        return Level(index, alpha, sigma * alpha)

    def between(self, high: float, low: float, n: int) -> list[Level[float]]:
        """Levels whose noise-to-signal ratios fall from high to low, equidistant in the seventh root.

        This is the grid of EDM (Karras et al. 2022, arXiv 2206.00364) with rho = 7. Ratios are clipped to the
        schedule's range; n = 1 gives the level of ``high`` alone.

        >>> [round(t.ratio, 2) for t in VPSchedule().between(10, 0.1, 4)]
        [10.0, 2.93, 0.66, 0.1]
        """
        largest, smallest = self.level(self.T - 1).ratio, self.level(0).ratio
        first = min(max(high, smallest), largest) ** (1 / 7)
        last = min(max(low, smallest), largest) ** (1 / 7)
        return [self.at(float(root) ** 7) for root in np.linspace(first, last, n)]

    def levels(self, n: int, spacing: Spacing = "leading") -> list[Level[float]]:
        """The n levels of a grid, noisiest first, and then the clean one.

        >>> [t.index for t in VPSchedule().levels(4, "respaced")]
        [999, 666, 333, 0, -1]

        Args:
            n: number of network calls of a sampler that calls once per step, 1 .. T.
            spacing: ``leading`` (0, T/n, 2T/n, ...: DDRM, RED-diff), ``trailing`` (T - 1, T - 1 - T/n, ...),
                ``respaced`` (n values from 0 to T - 1, both included: guided-diffusion, DPS), ``quad``
                (DiffPIR: dense near 0) or ``poly7`` (noise ratios equidistant in sigma^(1/7), at fractional
                indices: EDM).

        Raises:
            ValueError: ``n`` is out of range or ``spacing`` is unknown.
        """
        if not 1 <= n <= self.T:
            raise ValueError(f"steps = {n}: a schedule of {self.T} levels offers 1 to {self.T} steps")
        i = np.arange(n)
        if spacing == "leading":
            index = i * self.T // n
        elif spacing == "trailing":
            index = self.T - 1 - i[::-1] * self.T // n
        elif spacing == "respaced":
            index = np.rint(i * (self.T - 1) / max(n - 1, 1))
        elif spacing == "quad":
            seq = np.sqrt(np.linspace(0, self.T**2, n)).astype(int)
            seq[-1] -= n > 1
            index = (self.T - 1 - seq)[::-1]
        elif spacing == "poly7":
            return [*self.between(self.level(self.T - 1).ratio, self.level(0).ratio, n), CLEAN]
        else:
            raise ValueError(f"unknown spacing '{spacing}'; known: {', '.join(get_args(Spacing))}")
        return [self.level(int(k)) for k in index[::-1]] + [CLEAN]


@dataclass(frozen=True)
class VPSchedule(Schedule):
    """The linear betas of DDPM (Ho et al. 2020, arXiv 2006.11239).

    ``abar_t = prod_{i <= t} (1 - beta_i)``, with T values of beta from beta_min to beta_max.
    """

    T: int = 1000
    beta_min: float = 1e-4
    beta_max: float = 2e-2

    @cached_property
    def abar(self) -> np.ndarray:
        return np.cumprod(1 - np.linspace(self.beta_min, self.beta_max, self.T))


@dataclass(frozen=True)
class TableSchedule(Schedule):
    """Any schedule, given by its table.

    Args:
        table: abar_0 .. abar_{T-1}, the cumulative products of 1 - beta.

    Raises:
        ValueError: fewer than 2 levels, not decreasing, or a level of pure signal or pure noise.
    """

    table: tuple[float, ...]

    def __post_init__(self) -> None:
        abar = np.asarray(self.table, dtype=np.float64)
        several = abar.ndim == 1 and len(abar) >= 2
        if not (several and abar[0] < 1 and abar[-1] > 0 and (np.diff(abar) < 0).all()):
            raise ValueError("a schedule needs at least 2 values of abar, decreasing, above 0 and below 1")

    @property
    def T(self) -> int:
        return len(self.table)

    @cached_property
    def abar(self) -> np.ndarray:
        return np.asarray(self.table, dtype=np.float64)


def draw_level(levels: list[Level[float]], u: Tensor, x: Tensor) -> Level[Tensor]:
    """One of the levels per image, drawn by u, (B,), uniform on [0, 1); it broadcasts against x, (B, ...)."""
    place = (u * len(levels)).long()
    index, alpha, sigma = (x.new_tensor(values)[place] for values in zip(*levels, strict=True))
    column = (-1, *(1,) * (x.ndim - 1))
    return Level(index, alpha.view(column), sigma.view(column))


def ddim_coefficients(t: Level[Value], s: Level[Value], eta: float) -> tuple[Value, Value]:
    """Standard deviations of the fresh and of the kept noise in a step from t to s.

    ``c1 = eta sigma_s sqrt(1 - (alpha_t sigma_s / (alpha_s sigma_t))^2)`` and
    ``c2 = sqrt(sigma_s^2 - c1^2)`` (Song et al. 2021, arXiv 2010.02502). eta = 0 is the deterministic DDIM,
    eta = 1 the ancestral sampler with the posterior ("small") variance. Both are 0 when s is clean.

    >>> t, s = VPSchedule().level(500), VPSchedule().level(250)
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
    arXiv 2102.09672, eq. 15).

    Args:
        x, x0, z: (B, ...), the state at level t, the denoised estimate and standard normal noise.
        v: (B, ...), the learned interpolation; ignored in the last step, which adds no noise.
    """
    if v is None or s.sigma == 0:
        return ddim(x, x0, t, s, 1.0, z)
    c1, _ = ddim_coefficients(t, s, 1.0)
    small, large = math.log(c1**2), math.log(1 - (t.alpha / s.alpha) ** 2)
    std = torch.exp(0.5 * (small + (v + 1) / 2 * (large - small)))
    return ddim(x, x0, t, s, 1.0, z * std / c1)
