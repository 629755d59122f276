"""What every schedule can do, and the grids of samplers."""

from abc import ABC, abstractmethod
from typing import Literal, get_args

import numpy as np

from bench.schedule.levels import CLEAN, Level

Spacing = Literal["leading", "trailing", "quad", "respaced", "poly7"]


class Schedule(ABC):
    """The levels 0 .. T - 1 that a prior knows, the noisiest last, in coordinates of its own."""

    @property
    @abstractmethod
    def T(self) -> int:
        """Number of levels."""

    @abstractmethod
    def level(self, index: int) -> Level[float]:
        """The level of a discrete index 0 .. T - 1; -1 is the clean level."""

    @abstractmethod
    def at(self, ratio: float) -> Level[float]:
        """The level of a noise-to-signal ratio within `ratio_range`, at a fractional index.

        Raises:
            ValueError: the ratio lies outside the schedule's range.
        """

    @property
    def ratio_range(self) -> tuple[float, float]:
        """The smallest and the largest noise-to-signal ratio sigma / alpha."""
        return self.level(0).ratio, self.level(self.T - 1).ratio

    def between(self, high: float, low: float, n: int) -> list[Level[float]]:
        """Levels whose noise-to-signal ratios fall from high to low, equidistant in the seventh root.

        This is the grid of EDM (Karras et al. 2022, arXiv 2206.00364) with rho = 7. Ratios are clipped to the
        schedule's range; n = 1 gives the level of ``high`` alone.

        >>> from bench.schedule import VPSchedule
        >>> [round(t.ratio, 2) for t in VPSchedule().between(10, 0.1, 4)]
        [10.0, 2.93, 0.66, 0.1]
        """
        smallest, largest = self.ratio_range
        first = min(max(high, smallest), largest) ** (1 / 7)
        last = min(max(low, smallest), largest) ** (1 / 7)
        return [self.at(float(root) ** 7) for root in np.linspace(first, last, n)]

    def levels(self, n: int, spacing: Spacing = "leading") -> list[Level[float]]:
        """The n levels of a grid, noisiest first, and then the clean one.

        >>> from bench.schedule import VPSchedule
        >>> [t.index for t in VPSchedule().levels(4, "respaced")]
        [999, 666, 333, 0, -1]

        Args:
            n: number of network calls of a sampler that calls once per step, 1 .. T.
            spacing: ``leading`` (0, T/n, 2T/n, ...: DDRM, RED-diff), ``trailing`` (T - 1, T - 1 - T/n, ...),
                ``respaced`` (n values from 0 to T - 1, both included, as in guided-diffusion: DPS), ``quad``
                (DiffPIR: dense near 0) or ``poly7`` (noise ratios equidistant in sigma^(1/7), at fractional
                indices: EDM).

        Raises:
            ValueError: ``n`` is out of range or ``spacing`` is unknown.
        """
        if not 1 <= n <= self.T:
            raise ValueError(f"steps = {n}: a schedule of {self.T} levels offers 1 to {self.T} steps")
        if spacing == "poly7":
            smallest, largest = self.ratio_range
            return [*self.between(largest, smallest, n), CLEAN]
        return [self.level(int(k)) for k in grid(n, self.T, spacing)[::-1]] + [CLEAN]


def grid(n: int, T: int, spacing: Spacing) -> np.ndarray:
    """The n distinct indices of a grid of discrete levels, (n,), rising within 0 .. T - 1."""
    i = np.arange(n)
    if spacing == "leading":
        return i * T // n
    if spacing == "trailing":
        return T - 1 - i[::-1] * T // n
    if spacing == "respaced":
        # Strides are added up, not multiplied: guided-diffusion's sums decide which halves round down.
        return np.rint(np.cumsum([0.0, *np.full(n - 1, (T - 1) / max(n - 1, 1))]))
    if spacing == "quad":
        below = np.sqrt(np.linspace(0, T**2, n)).astype(int)
        below[-1] -= n > 1
        # Where many steps make numbers repeat, the earlier of them move down.
        return T - 1 - (np.minimum.accumulate((below - i)[::-1])[::-1] + i)[::-1]
    raise ValueError(f"unknown spacing '{spacing}'; known: {', '.join(get_args(Spacing))}")
