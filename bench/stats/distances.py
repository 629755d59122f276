"""Distances between two sets of features: Frechet and kernel."""

from typing import NamedTuple

import numpy as np

from bench.stats.features import Moments, Rows, blocks, evenly, root
from bench.stats.intervals import CHUNK

MOST = 5000
"""Rows of a set that enter a kernel distance: of larger sets so many, evenly spread, which keeps it
unbiased."""


class Estimate(NamedTuple):
    """A value with its standard error."""

    value: float
    error: float


class Gaussian(NamedTuple):
    """A Gaussian: its mean (d,), and a root R of its covariance, C = R^T R, with any number of rows."""

    mean: np.ndarray
    root: np.ndarray


def frechet_distance(a: Rows | Gaussian, b: Rows | Gaussian) -> float:
    """Frechet distance between the Gaussians fitted to two feature sets, (n, d), (m, d) (Heusel et al. 2017,
    arXiv 1706.08500).

    ``|mu_a - mu_b|^2 + tr C_a + tr C_b - 2 tr (C_a C_b)^(1/2)`` with covariances divided by n - 1. With
    centred features X and Y, C_a = X^T X and C_b = Y^T Y after scaling, so ``tr (C_a C_b)^(1/2)`` is the
    nuclear norm of X Y^T (n, m): its singular values are the square roots of the eigenvalues of C_a C_b. With
    more than d images X and Y are first replaced by (d, d) square roots of their covariances, from symmetric
    eigenvalues. Exact and real also where C is singular.

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
    """The Gaussian of a set of features, (n, d), its root with at most min(n, d) rows; more than d rows are
    read in blocks.

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
        return Gaussian(mean, (rows - mean) / np.sqrt(n - 1))
    moments = Moments(d)
    for block in blocks(features):
        moments.add(block)
    return Gaussian(moments.mean, root(moments.covariance))


def kernel_distance(a: Rows, b: Rows, paired: bool = False, within_b: np.ndarray | None = None) -> Estimate:
    """Unbiased squared MMD with the kernel (x.y / d + 1)^3, the KID (Binkowski et al. 2018, arXiv
    1801.01401).

    All rows are used at once, no random subsets; of more than `MOST`, so many, evenly spread. The standard
    error is the jackknife over images.

    Args:
        a: (n, d), n >= 3.
        b: (m, d), m >= 3.
        paired: row i of both sets shows the same image (a reconstruction and its truth, m = n). The two sets
            then depend on each other, and the plain estimate is biased downwards, below 0 for good
            reconstructions; leaving k(a_i, b_i) out makes it unbiased again (Gretton et al. 2012, JMLR 13,
            eq. 4), and exactly 0 where both sets are equal.
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
    without_a = (
        (total_a - 2 * within_a) / ((n - 1) * (n - 2)) + mean_b - 2 * (total - across_a) / ((n - 1) * m)
    )
    without_b = (
        mean_a + (total_b - 2 * within_b) / ((m - 1) * (m - 2)) - 2 * (total - across_b) / (n * (m - 1))
    )
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
