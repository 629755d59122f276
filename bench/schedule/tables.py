"""Schedules in three kinds of coordinates, each by a table of its levels."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from bench.schedule.base import Schedule
from bench.schedule.levels import CLEAN, Level


class RatioTable(Schedule):
    """A schedule by its table of noise-to-signal ratios."""

    @property
    @abstractmethod
    def ratios(self) -> np.ndarray:
        """(T,) float64, rising, above 0."""

    @abstractmethod
    def place(self, index: float, ratio: float) -> Level[float]:
        """The level of this index and noise-to-signal ratio in the schedule's coordinates."""

    @property
    def T(self) -> int:
        return len(self.ratios)

    def level(self, index: int) -> Level[float]:
        return CLEAN if index == -1 else self.place(int(index), float(self.ratios[index]))

    def at(self, ratio: float) -> Level[float]:
        """The level of a noise-to-signal ratio, its index interpolated linearly in log(ratio).

        >>> round(VPSchedule().at(1.0).index, 2)
        258.09

        Raises:
            ValueError: the ratio lies outside the schedule's range.
        """
        ratios = self.ratios
        if not ratios[0] * (1 - 1e-9) <= ratio <= ratios[-1] * (1 + 1e-9):
            known = f"[{ratios[0]:g}, {ratios[-1]:g}]"
            raise ValueError(f"sigma / alpha = {ratio:g} is outside the schedule's range {known}")
        return self.place(float(np.interp(math.log(ratio), np.log(ratios), np.arange(self.T))), ratio)


class VariancePreserving(RatioTable):
    """``alpha_t^2 = abar_t`` and ``sigma_t^2 = 1 - abar_t`` for ``t = 0 .. T - 1``."""

    @property
    @abstractmethod
    def abar(self) -> np.ndarray:
        """(T,) float64, decreasing, within (0, 1)."""

    @cached_property
    def ratios(self) -> np.ndarray:
        return np.sqrt((1 - self.abar) / self.abar)

    def level(self, index: int) -> Level[float]:
        if index == -1:
            return CLEAN
        abar = float(self.abar[index])
        return Level(int(index), math.sqrt(abar), math.sqrt(1 - abar))

    def place(self, index: float, ratio: float) -> Level[float]:
        alpha = 1 / math.sqrt(1 + ratio**2)
        return Level(index, alpha, ratio * alpha)


@dataclass(frozen=True)
class VPSchedule(VariancePreserving):
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
class TableSchedule(VariancePreserving):
    """Any variance-preserving schedule, given by its table.

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


@dataclass(frozen=True)
class KarrasSchedule(RatioTable):
    """Variance-exploding coordinates, alpha = 1 (Karras et al. 2022, arXiv 2206.00364).

    Args:
        sigmas: rising, above 0; by default 1000 from 0.002 to 80, equidistant in the seventh root, as in EDM.

    Raises:
        ValueError: fewer than 2 levels, or not rising.

    >>> KarrasSchedule.like(VPSchedule()).level(500).alpha
    1.0
    """

    sigmas: tuple[float, ...] = tuple((np.linspace(0.002 ** (1 / 7), 80 ** (1 / 7), 1000) ** 7).tolist())

    def __post_init__(self) -> None:
        _check_rising(self.sigmas, math.inf)

    @classmethod
    def like(cls, other: RatioTable) -> Self:
        """The levels of another schedule, in these coordinates."""
        return cls(tuple(other.ratios.tolist()))

    @cached_property
    def ratios(self) -> np.ndarray:
        return np.asarray(self.sigmas, dtype=np.float64)

    def place(self, index: float, ratio: float) -> Level[float]:
        return Level(index, 1.0, ratio)


@dataclass(frozen=True)
class FlowSchedule(RatioTable):
    """Coordinates of a flow, alpha = tau and sigma = 1 - tau (Lipman et al. 2023, arXiv 2210.02747).

    Pure noise, tau = 0, is no level: nothing of x0 is in it.

    Args:
        times: sigma = 1 - tau, rising within (0, 1); by default 0.001, 0.002, ..., 0.999.

    Raises:
        ValueError: fewer than 2 levels, not rising, or pure noise.

    >>> t = FlowSchedule().at(3.0)
    >>> t.alpha, t.sigma
    (0.25, 0.75)
    """

    times: tuple[float, ...] = tuple((np.arange(1, 1000) / 1000).tolist())

    def __post_init__(self) -> None:
        _check_rising(self.times, 1.0)

    @classmethod
    def like(cls, other: RatioTable) -> Self:
        """The levels of another schedule, in these coordinates."""
        return cls(tuple((other.ratios / (1 + other.ratios)).tolist()))

    @cached_property
    def ratios(self) -> np.ndarray:
        sigmas = np.asarray(self.times, dtype=np.float64)
        return sigmas / (1 - sigmas)

    def place(self, index: float, ratio: float) -> Level[float]:
        alpha = 1 / (1 + ratio)
        return Level(index, alpha, ratio * alpha)


def _check_rising(sigmas: tuple[float, ...], end: float) -> None:
    """Refuses a table that does not rise from above 0 to below an end."""
    table = np.asarray(sigmas, dtype=np.float64)
    several = table.ndim == 1 and len(table) >= 2
    if not (several and table[0] > 0 and table[-1] < end and (np.diff(table) > 0).all()):
        raise ValueError(f"a schedule needs at least 2 values of sigma, rising, above 0 and below {end:g}")
