"""Statistics of per-image scores and of sets of features: bootstrap intervals, paired differences, Frechet and kernel distance.

Everything is deterministic: resampling draws from a fixed Philox stream. numpy and scipy only. Features are read in blocks, so
memory does not grow with the number of images.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from bench.features import Moments, Rows, blocks, evenly, root

RESAMPLES = 2000
CHUNK = 2**22
"""Most resampled values or kernel entries held at once (32 MB)."""
MOST = 5000
"""Rows of a set that enter a kernel distance: of larger sets so many, evenly spread, which keeps it unbiased."""
FEWEST = 6
"""Least number of images that can decide which of two is better.

With fewer a bootstrap is meaningless, and even the sign test, with all images in agreement, does not reach 5 %.
"""


class Interval(NamedTuple):
    """A mean with its confidence interval; ``low`` and ``high`` are NaN where one value says nothing about spread."""

    mean: float
    low: float
    high: float
    n: int


class Median(NamedTuple):
    """A median, or a difference of two, with its confidence interval; NaN bounds where one value says nothing about spread."""

    median: float
    low: float
    high: float
    n: int


class Estimate(NamedTuple):
    """A value with its standard error."""

    value: float
    error: float


def bootstrap_means(values: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Means of resamples with replacement, (n,) -> (resamples,). Which values are drawn depends on n and seed alone."""
    return _resampled(np.mean, values, resamples, seed)


def bootstrap_medians(values: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """As `bootstrap_means`, of medians; the resamples are the same ones."""
    return _resampled(np.median, values, resamples, seed)


def _resampled(statistic: Callable[..., np.ndarray], values: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    values = np.asarray(values, np.float64)
    n = len(values)
    step = max(1, CHUNK // n)
    starts = range(0, resamples, step)
    return np.concatenate([statistic(values[_indices(n, i, min(i + step, resamples), seed)], axis=1) for i in starts])


@lru_cache(maxsize=2)
def _indices(n: int, start: int, stop: int, seed: int) -> np.ndarray:
    """Resamples start .. stop - 1 as indices, (stop - start, n); from Philox bits, since numpy's samplers may change."""
    bits = [np.random.Philox(key=seed, counter=i << 64).random_raw(n) for i in range(start, stop)]
    return (np.stack(bits) % np.uint64(n)).astype(np.int32)


def bootstrap_interval(values: np.ndarray, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The mean of per-image scores and its bias-corrected accelerated (BCa) bootstrap interval.

    BCa (Efron 1987) moves the percentiles by the bias z0 of the resampled means and by their acceleration a, a sixth of the
    skewness of the jackknifed means, so that it stays right for skewed scores.

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
        raise ValueError(f"a mean needs finite values; got {len(values)}, {np.isfinite(values).sum()} of them finite")
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


def paired_difference(a: np.ndarray, b: np.ndarray, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """Mean of a - b over the same images in the same order, (n,), (n,), with its bootstrap interval.

    Pairing removes the spread between easy and hard images, so differences far smaller than either interval become visible.

    Raises:
        ValueError: the two have different lengths.

    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"a paired difference needs scores of the same images; got {len(a)} and {len(b)}")
    return bootstrap_interval(a - b, level, resamples, seed)


def median_interval(values: np.ndarray, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0) -> Median:
    """The median over problems and its percentile bootstrap interval, which is made of values and so needs no symmetry.

    Args:
        values: (n,), n >= 1, finite.
        level: coverage, 0 to 1.
        resamples, seed: as in `bootstrap_interval`.

    Raises:
        ValueError: no values, or one that is not finite.

    """
    values = np.asarray(values, np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(f"a median needs finite values; got {len(values)}, {np.isfinite(values).sum()} of them finite")
    return _percentiles(float(np.median(values)), bootstrap_medians(values, resamples, seed), len(values), level)


def median_difference(a: np.ndarray, b: np.ndarray, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0) -> Median:
    """median(a) - median(b) over the same problems in the same order, (n,), (n,), resampled together.

    Raises:
        ValueError: different lengths, no values, or one that is not finite.

    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"a paired difference needs scores of the same problems; got {len(a)} and {len(b)}")
    difference = median_interval(a, level, resamples, seed).median - median_interval(b, level, resamples, seed).median
    medians = bootstrap_medians(a, resamples, seed) - bootstrap_medians(b, resamples, seed)
    return _percentiles(difference, medians, len(a), level)


def _percentiles(value: float, resampled: np.ndarray, n: int, level: float) -> Median:
    if n == 1:
        return Median(value, np.nan, np.nan, 1)
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Median(value, float(low), float(high), n)


def side(a: np.ndarray, b: np.ndarray) -> int:
    """Where a is told apart from b on the same problems in the same order, (n,), (n,): 1 above, -1 below, 0 where it is not.

    It is where the paired 95 % interval of the difference of the medians lies off 0, or where the signed-rank test (Wilcoxon
    1945) says so at 5 %: one sees what a typical problem loses, the other that nearly all of them lose. Fewer than `FEWEST`
    problems cannot tell two apart. Errors as in `median_difference`.
    """
    from scipy.stats import wilcoxon  # here, since it takes half a second

    difference, gaps = median_difference(a, b), np.asarray(a, np.float64) - np.asarray(b, np.float64)
    if difference.n < FEWEST or not gaps.any():
        return 0
    if difference.low > 0 or difference.high < 0:
        return 1 if difference.low > 0 else -1
    return next((sign for sign in (1, -1) if wilcoxon(sign * gaps, alternative="greater").pvalue < 0.025), 0)


def at_floor(values: np.ndarray, floor: np.ndarray) -> bool:
    """Whether a solver's scores are not told apart from those of exact samples on the same problems in the same order.

    That two intervals overlap would say little: both hold the spread between easy and hard problems, which hides a solver that
    is worse than exact samples on every one. Less than the distance of exact samples is not right either: of a distance that is
    estimated from samples, lost variance takes some away.

    Args:
        values, floor: (n,), of the solver and of as many exact samples.

    """
    return side(values, floor) == 0


def differ(a: np.ndarray, b: np.ndarray, floor: np.ndarray) -> bool:
    """Whether two solvers are told apart: by `side`, and not both are at the floor.

    Args:
        a, b: (n,), scores of two solvers on the same problems.
        floor: (n,), scores of as many exact samples; nothing that is not told apart from it is called a difference.

    """
    return side(a, b) != 0 and not (at_floor(a, floor) and at_floor(b, floor))


class Gaussian(NamedTuple):
    """A Gaussian: its mean (d,), and a root R of its covariance, C = R^T R, with any number of rows."""

    mean: np.ndarray
    root: np.ndarray


def frechet_distance(a: Rows | Gaussian, b: Rows | Gaussian) -> float:
    """Frechet distance between the Gaussians fitted to two feature sets, (n, d), (m, d) (Heusel et al. 2017, arXiv 1706.08500).

    ``|mu_a - mu_b|^2 + tr C_a + tr C_b - 2 tr (C_a C_b)^(1/2)`` with covariances divided by n - 1. With centred features X
    and Y, C_a = X^T X and C_b = Y^T Y after scaling, so ``tr (C_a C_b)^(1/2)`` is the nuclear norm of X Y^T (n, m): its
    singular values are the square roots of the eigenvalues of C_a C_b. With more than d images X and Y are first replaced
    by (d, d) square roots of their covariances, from symmetric eigenvalues. Exact and real also where C is singular.

    Raises:
        ValueError: fewer than two rows, or different dimensions.

    """
    (mean_a, root_a), (mean_b, root_b) = (s if isinstance(s, Gaussian) else fit_gaussian(s) for s in (a, b))
    if len(mean_a) != len(mean_b):
        raise ValueError(f"features have {len(mean_a)} and {len(mean_b)} dimensions")
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    distance = ((mean_a - mean_b) ** 2).sum() + (root_a**2).sum() + (root_b**2).sum() - 2 * cross
    return float(max(distance, 0.0))


def fit_gaussian(features: Rows) -> Gaussian:
    """The Gaussian of a set of features, (n, d), its root with at most min(n, d) rows; more than d rows are read in blocks.

    Raises:
        ValueError: fewer than two rows.

    """
    if len(features.shape) != 2 or len(features) < 2:
        raise ValueError(f"a covariance needs at least two rows of features (n, d); got shape {features.shape}")
    n, d = features.shape
    if n <= d:
        rows = np.asarray(features[:], np.float64)
        mean = rows.mean(0)
        return Gaussian(mean, (rows - mean) / np.sqrt(n - 1))
    moments = Moments(d)
    for block in blocks(features):
        moments.add(block)
    return Gaussian(moments.mean, root(moments.covariance))


def kernel_distance(a: Rows, b: Rows, paired: bool = False, within_b: np.ndarray | None = None) -> Estimate:
    """Unbiased squared MMD with the kernel (x.y / d + 1)^3, the KID (Binkowski et al. 2018, arXiv 1801.01401).

    All rows are used at once, no random subsets; of more than `MOST`, so many, evenly spread. The standard error is the
    jackknife over images.

    Args:
        a: (n, d), n >= 3.
        b: (m, d), m >= 3.
        paired: row i of both sets shows the same image (a reconstruction and its truth, m = n). The two sets then depend on
            each other, and the plain estimate is biased downwards, below 0 for good reconstructions; leaving k(a_i, b_i) out
            makes it unbiased again (Gretton et al. 2012, JMLR 13, eq. 4), and exactly 0 where both sets are equal.
        within_b: `kernel_sums` of b, where they are known.

    Raises:
        ValueError: fewer than three rows, different dimensions, or sets that cannot be paired.
    """
    if (
        len(a.shape) != 2
        or len(b.shape) != 2
        or a.shape[1] != b.shape[1]
        or min(len(a), len(b)) < 3
        or (paired and len(a) != len(b))
    ):
        raise ValueError(
            f"a kernel distance needs (n, d) and (m, d) with n, m >= 3, equal if paired; got {a.shape} and {b.shape}"
        )
    a, b = (np.asarray(rows[evenly(len(rows), MOST)], np.float64) for rows in (a, b))
    n, m = len(a), len(b)
    within_a, within_b = kernel_sums(a), kernel_sums(b) if within_b is None else within_b
    across_a, across_b = _row_sums(a, b, diagonal=not paired), _row_sums(b, a, diagonal=not paired)
    if paired:
        sums = within_a + within_b - across_a - across_b
        without = (sums.sum() - 2 * sums) / ((n - 1) * (n - 2))
        return Estimate(float(sums.sum() / (n * (n - 1))), float(np.sqrt((n - 1) * without.var())))
    total_a, total_b, total = within_a.sum(), within_b.sum(), across_a.sum()
    mean_a, mean_b = total_a / (n * (n - 1)), total_b / (m * (m - 1))
    without_a = (total_a - 2 * within_a) / ((n - 1) * (n - 2)) + mean_b - 2 * (total - across_a) / ((n - 1) * m)
    without_b = mean_a + (total_b - 2 * within_b) / ((m - 1) * (m - 2)) - 2 * (total - across_b) / (n * (m - 1))
    variance = (n - 1) * without_a.var() + (m - 1) * without_b.var()
    return Estimate(float(mean_a + mean_b - 2 * total / (n * m)), float(np.sqrt(variance)))


def kernel_sums(rows: np.ndarray) -> np.ndarray:
    """Of each row, the sum of the kernel with the other rows of its set, (n, d) -> (n,)."""
    rows = np.asarray(rows, np.float64)
    return _row_sums(rows, rows, diagonal=False)


def _row_sums(a: np.ndarray, b: np.ndarray, diagonal: bool = True) -> np.ndarray:
    """Sums over b of the kernel, (n, d), (m, d) -> (n,), in blocks; optionally without k(a_i, b_i)."""
    d = a.shape[1]
    step = max(1, CHUNK // len(b))
    sums = np.concatenate([((a[i : i + step] @ b.T / d + 1) ** 3).sum(1) for i in range(0, len(a), step)])
    return sums if diagonal else sums - ((a * b).sum(1) / d + 1) ** 3
