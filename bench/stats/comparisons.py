"""Whether one row of a table is better than another, image by image."""

import numpy as np

from bench.stats.intervals import (
    RESAMPLES,
    Interval,
    Median,
    _percentiles,
    bootstrap_interval,
    bootstrap_medians,
    median_interval,
)

FEWEST = 6
"""Least number of images that can decide which of two is better.

With fewer a bootstrap is meaningless, and even the sign test, with all images in agreement, does not reach 5
%.
"""


def paired_difference(
    a: np.ndarray, b: np.ndarray, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Mean of a - b over the same images in the same order, (n,), (n,), with its bootstrap interval.

    Pairing removes the spread between easy and hard images, so differences far smaller than either interval
    become visible.

    Raises:
        ValueError: the two have different lengths.

    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"a paired difference needs scores of the same images; got {len(a)} and {len(b)}")
    return bootstrap_interval(a - b, level, resamples, seed)


def median_difference(
    a: np.ndarray, b: np.ndarray, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Median:
    """median(a) - median(b) over the same problems in the same order, (n,), (n,), resampled together.

    Raises:
        ValueError: different lengths, no values, or one that is not finite.

    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"a paired difference needs scores of the same problems; got {len(a)} and {len(b)}")
    difference = (
        median_interval(a, level, resamples, seed).median - median_interval(b, level, resamples, seed).median
    )
    medians = bootstrap_medians(a, resamples, seed) - bootstrap_medians(b, resamples, seed)
    return _percentiles(difference, medians, len(a), level)


def side(a: np.ndarray, b: np.ndarray) -> int:
    """Where a is told apart from b on the same problems in the same order, (n,), (n,): 1 above, -1 below, 0
    where it is not.

    It is where the paired 95 % interval of the difference of the medians lies off 0, or where the signed-rank
    test (Wilcoxon 1945) says so at 5 %: one sees what a typical problem loses, the other that nearly all of
    them lose. Fewer than `FEWEST` problems cannot tell two apart. Errors as in `median_difference`.
    """
    from scipy.stats import wilcoxon  # here, since it takes half a second

    difference, gaps = median_difference(a, b), np.asarray(a, np.float64) - np.asarray(b, np.float64)
    if difference.n < FEWEST or not gaps.any():
        return 0
    if difference.low > 0 or difference.high < 0:
        return 1 if difference.low > 0 else -1
    return next((sign for sign in (1, -1) if wilcoxon(sign * gaps, alternative="greater").pvalue < 0.025), 0)


def at_floor(values: np.ndarray, floor: np.ndarray) -> bool:
    """Whether a solver's scores are not told apart from those of exact samples on the same problems in the
    same order.

    That two intervals overlap would say little: both hold the spread between easy and hard problems, which
    hides a solver that is worse than exact samples on every one. Less than the distance of exact samples is
    not right either: of a distance that is estimated from samples, lost variance takes some away.

    Args:
        values, floor: (n,), of the solver and of as many exact samples.

    """
    return side(values, floor) == 0


def differ(a: np.ndarray, b: np.ndarray, floor: np.ndarray) -> bool:
    """Whether two solvers are told apart: by `side`, and not both are at the floor.

    Args:
        a, b: (n,), scores of two solvers on the same problems.
        floor: (n,), scores of as many exact samples; nothing that is not told apart from it is called a
            difference.

    """
    return side(a, b) != 0 and not (at_floor(a, floor) and at_floor(b, floor))
