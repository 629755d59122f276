"""Noise schedules, time-step grids and the DDIM step.

Notation, here and everywhere: a noisy image is ``x_t = alpha_t x0 + sigma_t eps`` with ``eps ~ N(0, I)``;
``t`` is a level, ``s`` the next, less noisy one. ``alpha`` and ``sigma`` are floats, or tensors that
broadcast against x. Formulas use ``sigma / alpha`` and ``sigma^2 / (alpha^2 + sigma^2)``, never
``1 - alpha^2``, so that they hold for any schedule. A schedule is in one of three kinds of coordinates:
variance-preserving, variance-exploding or those of a flow. Levels of one ratio ``sigma / alpha`` are the same
in all of them up to the scale of x_t.

A sampler walks down the levels in pairs:

>>> from itertools import pairwise
>>> for t, s in pairwise(VPSchedule().levels(4)):
...     print(f"{t.index} -> {s.index}: sigma / alpha = {t.ratio:.3f} -> {s.ratio:.3f}")
750 -> 500: sigma / alpha = 17.379 -> 3.443
500 -> 250: sigma / alpha = 3.443 -> 0.958
250 -> 0: sigma / alpha = 0.958 -> 0.010
0 -> -1: sigma / alpha = 0.010 -> 0.000
"""

from bench.schedule.base import Schedule, Spacing, grid
from bench.schedule.levels import CLEAN, Level, draw_level
from bench.schedule.steps import ddim, ddim_coefficients, ddpm
from bench.schedule.tables import (
    FlowSchedule,
    KarrasSchedule,
    RatioTable,
    TableSchedule,
    VariancePreserving,
    VPSchedule,
)

__all__ = [
    "CLEAN",
    "FlowSchedule",
    "KarrasSchedule",
    "Level",
    "RatioTable",
    "Schedule",
    "Spacing",
    "TableSchedule",
    "VPSchedule",
    "VariancePreserving",
    "ddim",
    "ddim_coefficients",
    "ddpm",
    "draw_level",
    "grid",
]
