"""Means and variances of samples against exact ones, and distances between Gaussians.

Measured and unmeasured directions count apart.
"""

import math

import torch
from torch import Tensor

from bench.exact.prior import MixturePrior


class SplitMoments:
    """Gap of the mean and ratio of the variances in two subspaces.

    They are the row space of A ("measured") and its complement ("unmeasured"). ``mean_gap_*`` is the root
    mean square, over the directions of the subspace, of the gap between the means in posterior standard
    deviations; n exact samples leave 1 / sqrt(n). ``var_ratio_*`` is the mean over the same directions of the
    ratio of the variances; 1 is right. The directions are the principal axes of the posterior within the
    subspace, so the numbers do not depend on the basis that it came in. A subspace without directions has no
    entries.

    Args:
        posterior: one distribution.
        subspaces: name -> (d, r), orthonormal columns.
    """

    def __init__(self, posterior: MixturePrior, subspaces: dict[str, Tensor]) -> None:
        self.mean, cov = posterior.mean.flatten(), posterior.covariance[0]
        self.axes = {name: _whitening(basis, cov) for name, basis in subspaces.items() if basis.shape[1]}

    def __call__(self, x: Tensor) -> dict[str, float]:
        """(n, d), n >= 2 -> up to four numbers."""
        scores = {}
        for name, axes in self.axes.items():
            z = (x - self.mean) @ axes
            scores[f"mean_gap_{name}"] = z.mean(0).square().mean().sqrt().item()
            scores[f"var_ratio_{name}"] = z.var(0).mean().item()
        return scores


def _whitening(basis: Tensor, cov: Tensor) -> Tensor:
    """Principal axes of the covariance within a subspace, divided by its standard deviations, (d, r)."""
    e, Q = torch.linalg.eigh(basis.T @ cov @ basis)
    return basis @ Q / e.sqrt()


def gaussian_w2(mean_a: Tensor, root_a: Tensor, mean_b: Tensor, root_b: Tensor) -> float:
    """2-Wasserstein distance between two Gaussians, in units of x.

    The trace of (C_a C_b)^(1/2) is the nuclear norm of a product of roots, which stays real where a
    covariance is singular.

    Args:
        mean_a, mean_b: (d,).
        root_a, root_b: (k, d), any R with R^T R the covariance C.
    """
    cross = torch.linalg.svdvals(root_a @ root_b.T).sum()
    total = (mean_a - mean_b).square().sum() + root_a.square().sum() + root_b.square().sum()
    return (total - 2 * cross).clamp_min(0).sqrt().item()


def gaussian_kl(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> float:
    """KL(N(mean_a, cov_a) || N(mean_b, cov_b)) in nats; (d,), (d, d) twice; infinite where cov_a is singular.

    Args:
        mean_a, cov_a: of the samples or the solver.
        mean_b, cov_b: exact; cov_b must be positive definite.
    """
    whiten = _whitening(torch.eye(len(mean_b), dtype=cov_b.dtype), cov_b)
    ratios = torch.linalg.eigvalsh(whiten.T @ cov_a @ whiten).clamp_min(0)
    gap = ((mean_a - mean_b) @ whiten).square().sum()
    return (0.5 * (gap + (ratios - 1 - ratios.log()).sum())).item()


class Calibration:
    """``calibration``: squared error of the mean of the samples over what their variance claims.

    The truth is one more draw of the posterior, N(mu, C) or not. Its squared distance from the mean m of n
    samples with covariance S is tr C + ||mu - m||^2 on average, which needs no draw of it. n samples of the
    right distribution say (1 + 1 / n) tr S. The ratio is 1 for these, above 1 for samples that are too sure,
    below 1 for those that are too wide; the direction of an error it does not tell.
    """

    def __init__(self, posterior: MixturePrior) -> None:
        self.mean, self.variance = posterior.mean.flatten(), posterior.covariance[0].trace().item()

    def __call__(self, x: Tensor) -> dict[str, float]:
        """(n, d), n >= 2 -> ``calibration``."""
        error = self.variance + (x.mean(0) - self.mean).square().sum().item()
        return {"calibration": calibration(error, x)}


def calibration(error: float, x: Tensor) -> float:
    """A squared error of the mean of samples, (n, d), over what they claim; infinite where they are equal."""
    claimed = (1 + 1 / len(x)) * x.var(0).sum().item()
    return error / claimed if claimed > 0 else math.inf


class GaussianMoments:
    """``w2`` and ``kl`` between the Gaussian fitted to the samples and a Gaussian posterior.

    ``w2`` is in units of the posterior's total standard deviation, sqrt(tr C): 1 for a solver that returns
    the posterior mean. ``kl`` is in nats and needs n > d; both are biased upwards by the finite sample, which
    the floor shows.
    """

    def __init__(self, posterior: MixturePrior) -> None:
        self.mean, self.cov = posterior.mean.flatten(), posterior.covariance[0]
        e, Q = torch.linalg.eigh(self.cov)
        self.root = (Q * e.clamp_min(0).sqrt()).T

    def __call__(self, x: Tensor) -> dict[str, float]:
        """(n, d), n >= 2 -> ``w2`` and, with more samples than dimensions, ``kl``."""
        n, d = x.shape
        mean = x.mean(0)
        root = (x - mean) / (n - 1) ** 0.5
        scores = {"w2": gaussian_w2(mean, root, self.mean, self.root) / self.cov.trace().sqrt().item()}
        if n > d:
            scores["kl"] = gaussian_kl(mean, root.T @ root, self.mean, self.cov)
        return scores
