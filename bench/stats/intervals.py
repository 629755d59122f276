"""Bootstrap intervals of per-image scores.

Everything is deterministic: resampling draws from a fixed Philox stream. numpy and scipy only.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

RESAMPLES = 2000
CHUNK = 2**22
"""Most resampled values or kernel entries held at once (32 MB)."""


class Interval(NamedTuple):
    """A mean with its confidence interval; ``low`` and ``high`` are NaN where one value says nothing about
    spread.
    """

    mean: float
    low: float
    high: float
    n: int


class Median(NamedTuple):
    """A median, or a difference of two, with its confidence interval; NaN bounds where one value says nothing
    about spread.
    """

    median: float
    low: float
    high: float
    n: int


def bootstrap_means(values: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Means of resamples with replacement, (n,) -> (resamples,). Which values are drawn depends on n and seed
    alone.
    """
    return _resampled(np.mean, values, resamples, seed)


def bootstrap_medians(values: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """As `bootstrap_means`, of medians; the resamples are the same ones."""
    return _resampled(np.median, values, resamples, seed)


def _resampled(
    statistic: Callable[..., np.ndarray], values: np.ndarray, resamples: int, seed: int
) -> np.ndarray:
    values = np.asarray(values, np.float64)
    n = len(values)
    step = max(1, CHUNK // n)
    starts = range(0, resamples, step)
    return np.concatenate(
        [statistic(values[_indices(n, i, min(i + step, resamples), seed)], axis=1) for i in starts]
    )


@lru_cache(maxsize=2)
def _indices(n: int, start: int, stop: int, seed: int) -> np.ndarray:
    """Resamples start .. stop - 1 as indices, (stop - start, n); from Philox bits, since numpy's samplers may
    change.
    """
    bits = [np.random.Philox(key=seed, counter=i << 64).random_raw(n) for i in range(start, stop)]
    return (np.stack(bits) % np.uint64(n)).astype(np.int32)


def bootstrap_interval(
    values: np.ndarray, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
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

    """
    values = np.asarray(values, np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(
            f"a mean needs finite values; got {len(values)}, {np.isfinite(values).sum()} of them finite"
        )
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


def median_interval(
    values: np.ndarray, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Median:
    """The median over problems and its percentile bootstrap interval, which is made of values and so needs no
    symmetry.

    Args:
        values: (n,), n >= 1, finite.
        level: coverage, 0 to 1.
        resamples, seed: as in `bootstrap_interval`.

    Raises:
        ValueError: no values, or one that is not finite.

    """
    values = np.asarray(values, np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(
            f"a median needs finite values; got {len(values)}, {np.isfinite(values).sum()} of them finite"
        )
    return _percentiles(
        float(np.median(values)), bootstrap_medians(values, resamples, seed), len(values), level
    )


def _percentiles(value: float, resampled: np.ndarray, n: int, level: float) -> Median:
    if n == 1:
        return Median(value, np.nan, np.nan, 1)
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Median(value, float(low), float(high), n)
