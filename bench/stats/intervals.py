"""Bootstrap intervals of per-image scores.

Everything is deterministic: resampling draws from a fixed Philox stream. numpy and scipy only.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtrit

RESAMPLES = 2000
FEWEST = 6
"""Least number of images that can decide which of two is better, or give a mean an interval.

With fewer even the sign test does not reach 5 % where all images agree.
"""
CHUNK = 2**22
"""Most resampled values or kernel entries held at once (32 MB)."""


class Interval(NamedTuple):
    """A mean of n values with its confidence interval; the bounds are NaN where n is 1."""

    mean: float
    low: float
    high: float
    n: int


class Median(NamedTuple):
    """A median, or a difference of two, with its confidence interval; the bounds are NaN where n is 1."""

    median: float
    low: float
    high: float
    n: int


def bootstrap_means(values: ArrayLike, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Means of resamples with replacement, (n,) -> (resamples,).

    Which values are drawn depends on n and seed alone.
    """
    return _resampled(np.mean, values, resamples, seed)


def bootstrap_medians(values: ArrayLike, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Medians of the same resamples as in `bootstrap_means`, (n,) -> (resamples,)."""
    return _resampled(np.median, values, resamples, seed)


def _resampled(
    statistic: Callable[..., np.ndarray], values: ArrayLike, resamples: int, seed: int
) -> np.ndarray:
    values = np.asarray(values, np.float64)
    n = len(values)
    step = max(1, CHUNK // n)
    parts = []
    for start in range(0, resamples, step):
        indices = _indices(n, start, min(start + step, resamples), seed)
        parts.append(statistic(values[indices], axis=1))
    return np.concatenate(parts)


@lru_cache(maxsize=2)
def _indices(n: int, start: int, stop: int, seed: int) -> np.ndarray:
    """Resamples start .. stop - 1 as indices, (stop - start, n).

    They come from the bits of Philox, since numpy's samplers may change.
    """
    bits = [np.random.Philox(key=seed, counter=i << 64).random_raw(n) for i in range(start, stop)]
    return (np.stack(bits) % np.uint64(n)).astype(np.int32)


def bootstrap_interval(
    values: ArrayLike, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """The mean of per-image scores and its bias-corrected accelerated (BCa) bootstrap interval.

    BCa (Efron 1987) moves the percentiles by the bias z0 of the resampled means and by their acceleration a,
    a sixth of the skewness of the jackknifed means, so that it stays right for skewed scores.

    Args:
        values: (n,), n >= 1, finite.
        level: coverage, 0 to 1.
        resamples: number of resamples.
        seed: of the resampling.

    Raises:
        ValueError: no values, or one that is not finite.

    The mean PSNR of six images, with its 95 % interval:

    >>> mean, low, high, n = bootstrap_interval([24.1, 26.3, 25.2, 30.8, 22.9, 27.5])
    >>> print(f"{mean:.2f} dB [{low:.2f}, {high:.2f}] over {n} images")
    26.13 dB [24.43, 28.57] over 6 images
    """
    values = _finite(values, "mean")
    mean, n = float(values.mean()), len(values)
    if n == 1:
        return Interval(mean, np.nan, np.nan, 1)
    centred = values - mean
    spread = float((centred**2).sum())
    if spread <= n * (np.finfo(float).eps * max(abs(mean), 1e-300)) ** 2:
        return Interval(mean, mean, mean, n)
    means = bootstrap_means(values, resamples, seed)
    below = (means < mean).mean() + (means == mean).mean() / 2
    z0 = ndtri(np.clip(below, 1 / resamples, 1 - 1 / resamples))
    acceleration = float((centred**3).sum()) / (6 * spread**1.5)
    z = z0 + ndtri(np.array([1 - level, 1 + level]) / 2)
    low, high = np.quantile(means, ndtr(z0 + z / (1 - acceleration * z)))
    return Interval(mean, float(low), float(high), n)


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """The mean of per-image scores with an interval that holds from six images on, for skewed scores too.

    The bounds are those of Student's t, corrected for skewness by the cubic transformation of Hall (1992, On
    the removal of skewness by transformation): a bound moves out by the whole correction, and in by half of
    it. The t bounds alone hold a lognormal mean of 8 values in 84 % of cases. Wholly corrected ones hold a t3
    mean of 16 values in 92.7 %. These hold them in 90 and 94.6 % (`benchmarks/statistics.py`).

    Args:
        values: (n,), n >= 1. With an infinite one the mean is infinite and there are no bounds.
        level: coverage, 0 to 1.

    Returns:
        Bounds are NaN where n is below `FEWEST`.

    Raises:
        ValueError: no values, or NaN.

    >>> mean, low, high, n = mean_interval([24.1, 26.3, 25.2, 30.8, 22.9, 27.5])
    >>> print(f"{mean:.2f} dB [{low:.2f}, {high:.2f}] over {n} images")
    26.13 dB [23.45, 30.21] over 6 images
    """
    values = np.asarray(values, np.float64)
    n = len(values)
    if not n or np.isnan(values).any():
        raise ValueError(
            f"a mean needs values that are numbers; got {n}, {np.isnan(values).sum()} of them NaN"
        )
    with np.errstate(invalid="ignore"):
        mean = float(values.mean())
    if n < FEWEST or not np.isfinite(values).all():
        return Interval(mean, np.nan, np.nan, n)
    deviations = values - mean
    spread = float(np.sqrt((deviations**2).mean()))
    if spread <= np.finfo(float).eps * abs(mean):
        return Interval(mean, mean, mean, n)
    skewness = float(((deviations / spread) ** 3).mean())
    error = spread / np.sqrt(n - 1)
    t = float(stdtrit(n - 1, (1 + level) / 2))
    low, high = _untransformed(t, skewness, n), _untransformed(-t, skewness, n)
    low, high = max(low, (low + t) / 2), min(high, (high - t) / 2)
    return Interval(mean, mean - low * error, mean - high * error, n)


def _untransformed(bound: float, skewness: float, n: int) -> float:
    """The t statistic T at which T + a T^2 / 3 + a^2 T^3 / 27 + a / 6 is the bound (Hall).

    Here a = skewness / n^.5. The left side is ((1 + a T / 3)^3 - 1) / a + a / 6.
    """
    a = skewness / np.sqrt(n)
    if abs(a) < 1e-9:  # the transformation is the identity, and its formula 0 / 0
        return bound
    return float(3 * (np.cbrt(1 + a * (bound - a / 6)) - 1) / a)


def median_interval(
    values: ArrayLike, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Median:
    """The median over problems and its percentile bootstrap interval.

    The bounds are medians of resampled values, so that the interval needs no symmetry.

    Args:
        values: (n,), n >= 1, finite.
        level: coverage, 0 to 1.
        resamples, seed: as in `bootstrap_interval`.

    Raises:
        ValueError: no values, or one that is not finite.

    An outlier moves neither the median nor its interval:

    >>> print(*(f"{value:.2f}" for value in median_interval([0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 900.0])[:3]))
    1.20 1.00 1.40
    """
    values = _finite(values, "median")
    resampled = bootstrap_medians(values, resamples, seed)
    return percentile_interval(float(np.median(values)), resampled, len(values), level)


def _finite(values: ArrayLike, statistic: str) -> np.ndarray:
    """The values in float64; refuses those that have no such statistic."""
    values = np.asarray(values, np.float64)
    finite = np.isfinite(values)
    if not len(values) or not finite.all():
        raise ValueError(
            f"a {statistic} needs finite values; got {len(values)}, {finite.sum()} of them finite"
        )
    return values


def percentile_interval(value: float, resampled: np.ndarray, n: int, level: float) -> Median:
    """A statistic of n values with the percentiles of its resamples, (resamples,), that hold ``level``."""
    if n == 1:
        return Median(value, np.nan, np.nan, 1)
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Median(value, float(low), float(high), n)
