"""Whether one row of a table is better than another, image by image."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from bench.stats.intervals import (
    FEWEST,
    RESAMPLES,
    Interval,
    Median,
    bootstrap_interval,
    bootstrap_medians,
    median_interval,
    percentile_interval,
)


def paired_difference(
    a: ArrayLike, b: ArrayLike, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Mean of a - b over the same images in the same order, (n,), (n,), with its bootstrap interval.

    Pairing removes the spread between easy and hard images, so that differences far smaller than either
    interval become visible. Two infinite values of one sign are equal. Where each of the two is infinitely
    better on some image, the mean is NaN and the interval is the whole line.

    Raises:
        ValueError: the two have different lengths, no values, or NaN.

    The first solver is 0.1 dB better on every image, among images that differ by 10 dB:

    >>> ours = np.array([20.0, 22.0, 24.0, 26.0, 28.0, 30.0])
    >>> jitter = np.array([0.02, -0.02, 0.03, -0.03, 0.01, -0.01])
    >>> mean, low, high, n = paired_difference(ours, ours - 0.1 + jitter)
    >>> print(f"{mean:.2f} dB [{low:.2f}, {high:.2f}]")
    0.10 dB [0.08, 0.12]
    """
    a, b = _paired(a, b, "images")
    gaps = differences(a, b)
    if {-np.inf, np.inf} <= set(gaps):
        return Interval(np.nan, -np.inf, np.inf, len(gaps))
    return bootstrap_interval(gaps, level, resamples, seed)


def differences(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """A - b, where two infinite values of one sign are equal.

    >>> differences([np.inf, np.inf, 3.0], [np.inf, 2.0, 1.0])
    array([ 0., inf,  2.])
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(a == b, 0.0, a - b)


def median_difference(
    a: ArrayLike, b: ArrayLike, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Median:
    """median(a) - median(b) over the same problems in the same order, (n,), (n,), resampled together.

    Raises:
        ValueError: different lengths, no values, or NaN.
    """
    a, b = _paired(a, b, "problems")
    ours, theirs = (median_interval(values, level, resamples, seed).median for values in (a, b))
    medians = differences(bootstrap_medians(a, resamples, seed), bootstrap_medians(b, resamples, seed))
    return percentile_interval(float(differences(ours, theirs)), medians, len(a), level)


def _paired(a: ArrayLike, b: ArrayLike, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Both in float64; refuses scores of unequally many images or problems."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"a paired difference needs scores of the same {what}; got {len(a)} and {len(b)}")
    return a, b


def side(a: ArrayLike, b: ArrayLike) -> int:
    """Whether a lies above b (1) or below it (-1) on the same problems, (n,), (n,), or neither is shown (0).

    A side is shown where the paired 95 % interval of the difference of the medians lies off 0, or where the
    signed-rank test (Wilcoxon 1945) is significant at 5 %. The interval sees what a typical problem loses,
    the test that nearly all of them lose. Fewer than `FEWEST` problems show nothing.

    Raises:
        ValueError: different lengths, no values, or NaN.

    >>> floor = [0.20, 0.50, 0.31, 0.90, 0.12, 0.44, 0.70, 0.28]
    >>> worse = [0.22, 0.53, 0.32, 0.95, 0.13, 0.45, 0.74, 0.30]
    >>> side(worse, floor), side(floor, worse), side(worse[:5], floor[:5])
    (1, -1, 0)
    """
    from scipy.stats import wilcoxon  # here, since it takes half a second

    difference = median_difference(a, b)
    gaps = differences(a, b)
    if difference.n < FEWEST or not gaps.any():
        return 0
    if difference.low > 0:
        return 1
    if difference.high < 0:
        return -1
    for sign in (1, -1):
        if wilcoxon(sign * gaps, alternative="greater").pvalue < 0.025:
            return sign
    return 0


def at_floor(values: ArrayLike, floor: ArrayLike) -> bool:
    """Whether a solver's scores do not differ significantly from those of exact samples on the same problems.

    That two intervals overlap would say little: both hold the spread between easy and hard problems, which
    hides a solver that is worse than exact samples on every one. Less than the distance of exact samples is
    not right either: lost variance lowers a distance that is estimated from samples.

    Args:
        values, floor: (n,), scores of the solver and of as many exact samples, in the same order.
    """
    return side(values, floor) == 0


def differ(a: ArrayLike, b: ArrayLike, floor: ArrayLike) -> bool:
    """Whether two solvers differ significantly: `side` sees it, and not both are at the floor.

    Args:
        a, b: (n,), scores of two solvers on the same problems.
        floor: (n,), scores of as many exact samples. Two solvers that do not differ from these do not differ.
    """
    return side(a, b) != 0 and not (at_floor(a, floor) and at_floor(b, floor))


def shared_means(a: Mapping[str, float], b: Mapping[str, float]) -> tuple[float, float] | None:
    """The means of two mappings over the names that both have; None where there is none.

    >>> shared_means({"x": 1.0, "y": 3.0}, {"y": 5.0, "z": 9.0})
    (3.0, 5.0)
    """
    both = [name for name in a if name in b]
    if not both:
        return None
    return sum(a[name] for name in both) / len(both), sum(b[name] for name in both) / len(both)
