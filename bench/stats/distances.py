"""Distances between two sets of features: Frechet and kernel."""

from typing import NamedTuple

import numpy as np

from bench.stats.features import FeatureMatrix, Moments, chunks, evenly, root

MOST = 5000
"""Rows of a set that enter a kernel distance; larger sets give so many, evenly spread, which is unbiased."""
CHUNK = 2**22
"""Most kernel entries held at once (32 MB)."""


class Estimate(NamedTuple):
    """A value with its standard error."""

    value: float
    error: float


class GaussianFit(NamedTuple):
    """A Gaussian: its mean (d,), and a root R of its covariance, C = R^T R, with any number of rows."""

    mean: np.ndarray
    root: np.ndarray


def frechet_distance(a: FeatureMatrix | GaussianFit, b: FeatureMatrix | GaussianFit) -> float:
    """Frechet distance between the Gaussians fitted to two feature sets, (n, d), (m, d): the FID.

    It is (Heusel et al. 2017, arXiv 1706.08500)
    ``|mu_a - mu_b|^2 + tr C_a + tr C_b - 2 tr (C_a C_b)^(1/2)`` with covariances divided by n - 1. With
    centred features X and Y, C_a = X^T X and C_b = Y^T Y after scaling, so ``tr (C_a C_b)^(1/2)`` is the
    nuclear norm of X Y^T (n, m): its singular values are the square roots of the eigenvalues of C_a C_b. With
    more than d images X and Y are first replaced by (d, d) square roots of their covariances, from symmetric
    eigenvalues. Exact and real also where C is singular.

    Raises:
        ValueError: fewer than two rows, or different dimensions.

    Two sets of one shape, 3 and 4 apart in their two features:

    >>> square = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> round(frechet_distance(square, square + [3.0, 4.0]), 6)
    25.0
    """
    mean_a, root_a = a if isinstance(a, GaussianFit) else fit_gaussian(a)
    mean_b, root_b = b if isinstance(b, GaussianFit) else fit_gaussian(b)
    if len(mean_a) != len(mean_b):
        raise ValueError(f"features have {len(mean_a)} and {len(mean_b)} dimensions")
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    distance = ((mean_a - mean_b) ** 2).sum() + (root_a**2).sum() + (root_b**2).sum() - 2 * cross
    return float(max(distance, 0.0))


def fit_gaussian(features: FeatureMatrix) -> GaussianFit:
    """The Gaussian of a set of features, (n, d), its root with at most min(n, d) rows.

    Sets of more than d rows are read in chunks.

    Raises:
        ValueError: fewer than two rows.
    """
    if len(features.shape) != 2 or len(features) < 2:
        raise ValueError(
            f"a covariance needs at least two rows of features (n, d); got shape {features.shape}"
        )
    n, d = features.shape
    if n <= d:
        rows = np.asarray(features[:], np.float64)
        mean = rows.mean(0)
        return GaussianFit(mean, (rows - mean) / np.sqrt(n - 1))
    moments = Moments(d)
    for rows in chunks(features):
        moments.add(rows)
    return GaussianFit(moments.mean, root(moments.covariance))


def kernel_distance(
    a: FeatureMatrix, b: FeatureMatrix, paired: bool = False, within_b: np.ndarray | None = None
) -> Estimate:
    """Unbiased squared MMD with the kernel (x.y / d + 1)^3: the KID.

    The distance is that of Binkowski et al. 2018 (arXiv 1801.01401). All rows are used at once, no random
    subsets; sets of more than `MOST` rows give so many, evenly spread. The standard error is the jackknife
    over images.

    Args:
        a: (n, d), n >= 3.
        b: (m, d), m >= 3.
        paired: row i of both sets shows the same image (a reconstruction and its truth, m = n). The two sets
            then depend on each other, and the plain estimate is biased downwards, below 0 for good
            reconstructions; leaving k(a_i, b_i) out makes it unbiased again (Gretton et al. 2012, JMLR 13,
            eq. 4), and exactly 0 where both sets are equal.
        within_b: `kernel_sums` of b, to save their computation.

    Raises:
        ValueError: fewer than three rows, different dimensions, or sets that cannot be paired.

    Two equal sets, and one that is shifted:

    >>> rows = np.random.default_rng(0).normal(size=(50, 4))
    >>> kernel_distance(rows, rows, paired=True).value
    0.0
    >>> value, error = kernel_distance(rows, rows + 1)
    >>> value > 3 * error
    True
    """
    _refuse_unfit_sets(a, b, paired)
    a, b = _some(a), _some(b)
    within_a, within_b = kernel_sums(a), kernel_sums(b) if within_b is None else within_b
    across_a, across_b = _row_sums(a, b, diagonal=not paired), _row_sums(b, a, diagonal=not paired)
    if paired:
        return _paired_estimate(within_a + within_b - across_a - across_b)
    return _estimate(within_a, within_b, across_a, across_b)


def _refuse_unfit_sets(a: FeatureMatrix, b: FeatureMatrix, paired: bool) -> None:
    tables = len(a.shape) == len(b.shape) == 2 and a.shape[1] == b.shape[1]
    if not tables or min(len(a), len(b)) < 3 or (paired and len(a) != len(b)):
        raise ValueError(
            "a kernel distance needs (n, d) and (m, d) with n, m >= 3, equal if paired; "
            f"got {a.shape} and {b.shape}"
        )


def _some(rows: FeatureMatrix) -> np.ndarray:
    """Some rows, at most `MOST`, in float64."""
    return np.asarray(rows[evenly(len(rows), MOST)], np.float64)


def _paired_estimate(sums: np.ndarray) -> Estimate:
    """The distance of two sets of n pairs, from the sums of each image over all others, (n,)."""
    n = len(sums)
    without = (sums.sum() - 2 * sums) / ((n - 1) * (n - 2))
    return Estimate(float(sums.sum() / (n * (n - 1))), float(np.sqrt((n - 1) * without.var())))


def _estimate(
    within_a: np.ndarray, within_b: np.ndarray, across_a: np.ndarray, across_b: np.ndarray
) -> Estimate:
    """The distance of independent sets, from the sums of each row over its own set and over the other one.

    Args:
        within_a, across_a: (n,).
        within_b, across_b: (m,).
    """
    n, m = len(within_a), len(within_b)
    total_a, total_b, total = within_a.sum(), within_b.sum(), across_a.sum()
    mean_a, mean_b = total_a / (n * (n - 1)), total_b / (m * (m - 1))
    without_a = (
        (total_a - 2 * within_a) / ((n - 1) * (n - 2)) + mean_b - 2 * (total - across_a) / ((n - 1) * m)
    )
    without_b = (
        mean_a + (total_b - 2 * within_b) / ((m - 1) * (m - 2)) - 2 * (total - across_b) / (n * (m - 1))
    )
    variance = (n - 1) * without_a.var() + (m - 1) * without_b.var()
    return Estimate(float(mean_a + mean_b - 2 * total / (n * m)), float(np.sqrt(variance)))


def kernel_sums(rows: np.ndarray) -> np.ndarray:
    """The sum of the kernel of each row with the other rows of its set, (n, d) -> (n,)."""
    rows = np.asarray(rows, np.float64)
    return _row_sums(rows, rows, diagonal=False)


def _row_sums(a: np.ndarray, b: np.ndarray, diagonal: bool = True) -> np.ndarray:
    """Sums over b of the kernel, (n, d), (m, d) -> (n,), in chunks; optionally without k(a_i, b_i)."""
    d = a.shape[1]
    step = max(1, CHUNK // len(b))
    parts = []
    for start in range(0, len(a), step):
        kernel = (a[start : start + step] @ b.T / d + 1) ** 3
        parts.append(kernel.sum(1))
    sums = np.concatenate(parts)
    return sums if diagonal else sums - ((a * b).sum(1) / d + 1) ** 3
