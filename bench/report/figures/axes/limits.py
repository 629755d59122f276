"""Limits of axes that a hopeless row does not stretch, and where its point stands then."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from bench.stats.intervals import Interval

FAR = 3.0
"""Interquartile ranges beyond the quartiles from which on a row is hopeless."""
FEWEST = 4
"""Rows of which one can be hopeless."""
ROOM = 0.06
"""Share of the range that an axis has beyond the outermost points."""


@dataclass(frozen=True)
class Limits:
    """The range of an axis, which may be logarithmic."""

    low: float
    high: float
    is_log: bool = False

    def share(self, value: float) -> float:
        """Where a value is drawn, as a share of the axis: at its end where it lies beyond."""
        low, inside, high = self.low, min(max(value, self.low), self.high), self.high
        if self.is_log:
            low, inside, high = math.log(low), math.log(inside), math.log(high)
        return (inside - low) / (high - low)

    def sign(self, value: float, signs: str = "↓↑") -> str:
        """An arrow to a value that lies beyond, the first of two if it is below; "" for any other."""
        if value < self.low:
            return signs[0]
        return signs[1] if value > self.high else ""

    def on(self, axis: Axes, name: str) -> None:
        """Sets the limits and the scale of the x or y axis."""
        axis.set(**{f"{name}scale": "log" if self.is_log else "linear", f"{name}lim": (self.low, self.high)})


def robust(intervals: Sequence[Interval], better: int) -> Limits:
    """Limits around all finite means, but for those that are far worse than the rest.

    Intervals count where they end near the rest, too.

    Args:
        intervals: in printed units.
        better: 1 where higher is better, -1 where lower is, 0 where neither.
    """
    finite = [interval for interval in intervals if math.isfinite(interval.mean)]
    if not finite:
        return Limits(0.0, 1.0)
    lower, upper = np.quantile([interval.mean for interval in finite], [0.25, 0.75])
    fence = FAR * max(upper - lower, 1e-9)
    least, most = lower - fence, upper + fence
    ends: list[float] = []
    for interval in finite:
        is_far = (better >= 0 and interval.mean < least) or (better <= 0 and interval.mean > most)
        if len(finite) < FEWEST:
            ends += [end for end in interval[:3] if math.isfinite(end)]
        elif not is_far:
            ends += [interval.mean, *(end for end in interval[:3] if least <= end <= most)]
    room = ROOM * (max(ends) - min(ends)) or max(abs(ends[0]) * 0.05, 1e-3)
    return Limits(min(ends) - room, max(ends) + room)


def around(ends: Sequence[float], least: float, most: float, is_log: bool) -> Limits:
    """Limits around some numbers, as far as they lie between ``least`` and ``most``."""
    inside = [min(max(end, least), most) for end in ends if not math.isnan(end)]
    low, high = min(inside, default=1.0), max(inside, default=1.0)
    if is_log:
        room = max((high / low) ** ROOM, 1.15)
        return Limits(low / room, high * room, is_log)
    room = ROOM * (high - low) or 1.0
    return Limits(low - room, high + room)
