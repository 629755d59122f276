"""Split moments and Gaussian distances against scipy and torch."""

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch

from bench.exact.distances import score
from bench.exact.distances.draws import draw
from bench.exact.distances.moments import Calibration, gaussian_kl, gaussian_w2
from tests.exact.distances.made import (
    F64,
    exact_moments,
    gaussian,
    linear,
    mixture,
)


def test_moments_are_split_between_measured_and_unmeasured_directions():
    problem = linear(gaussian(6), 2, 0.3)
    x, posterior, H = exact_moments(problem.posterior, 50), problem.posterior, problem.A
    row = torch.linalg.pinv(H) @ H
    rest = torch.eye(6, dtype=F64) - row
    scores = score(x @ (2 * row + 0.5 * rest) + posterior.mean @ (-row + 0.5 * rest), problem)
    expected = {
        "mean_gap_measured": 0,
        "mean_gap_unmeasured": 0,
        "var_ratio_measured": 4,
        "var_ratio_unmeasured": 0.25,
    }
    assert {name: scores[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    direction, beside = torch.linalg.svd(H).Vh[[0, -1]]
    shifted = score(x + 0.3 * direction, problem)
    within = H @ posterior.covariance[0] @ H.T
    gap = H @ direction * 0.3
    assert shifted["mean_gap_measured"] == pytest.approx(
        (gap @ torch.linalg.solve(within, gap) / 2).sqrt().item(), rel=1e-9
    )
    assert shifted["mean_gap_unmeasured"] < 1e-9
    V = torch.linalg.svd(H).Vh[2:].T
    gap = V.T @ beside * 0.3
    expected = (gap @ torch.linalg.solve(V.T @ posterior.covariance[0] @ V, gap) / 4).sqrt().item()
    assert (
        score(x + 0.3 * beside, problem)["mean_gap_unmeasured"] == pytest.approx(expected, rel=1e-9)
        and expected > 0.1
    )
    full = linear(gaussian(6), 6, 0.3)
    assert "var_ratio_unmeasured" not in score(draw(full.posterior, 10, "solver"), full)


def test_calibration_is_the_error_that_truths_have_over_the_claim():
    """The truths here are draws, which the closed form does without."""
    problem = linear(gaussian(6), 2, 0.3)
    x, mean = exact_moments(problem.posterior, 50), problem.posterior.mean
    assert score(x, problem)["calibration"] == pytest.approx(50 / 51, rel=1e-9)
    truths = draw(problem.posterior, 200_000, "truths")
    for samples in (mean + 0.5 * (x - mean), x + 0.4, mean + 2 * (x - mean)):
        error = (truths - samples.mean(0)).square().sum(1).mean()
        expected = (error / samples.var(0).sum() * 50 / 51).item()
        assert score(samples, problem)["calibration"] == pytest.approx(expected, rel=0.02)
    assert score(mean.expand(50, -1), problem)["calibration"] == math.inf


def test_exact_samples_are_calibrated_on_average():
    problem = linear(gaussian(6), 2, 0.3)
    calibration = Calibration(problem.posterior)
    found = np.log([calibration(draw(problem.posterior, 50, "few", i))["calibration"] for i in range(200)])
    assert found.mean() == pytest.approx(0, abs=4 * found.std() / 200**0.5 + 0.02)


def test_gaussian_distances_against_sqrtm_and_torch():
    a, b = (mixture(True, s, 5) for s in (3, 4))
    parts = a.mean[0], a.covariance[0], b.mean[0], b.covariance[0]
    root = scipy.linalg.sqrtm((a.covariance[0] @ b.covariance[0]).numpy()).real
    squared = (parts[0] - parts[2]).square().sum() + (parts[1] + parts[3]).trace() - 2 * np.trace(root)
    roots = [torch.linalg.cholesky(cov).mT for cov in parts[1::2]]
    assert gaussian_w2(parts[0], roots[0], parts[2], roots[1]) == pytest.approx(
        squared.sqrt().item(), rel=1e-9
    )
    normals = (torch.distributions.MultivariateNormal(*parts[i : i + 2]) for i in (0, 2))
    assert gaussian_kl(*parts) == pytest.approx(torch.distributions.kl_divergence(*normals).item(), rel=1e-9)
    assert (
        gaussian_w2(parts[0], roots[0], parts[0], roots[0]) < 1e-6
        and gaussian_kl(*parts[:2], *parts[:2]) < 1e-12
    )


def test_gaussian_distances_of_samples():
    problem = linear(gaussian(6), 2, 0.3)
    x, mean = exact_moments(problem.posterior, 50), problem.posterior.mean
    right, wide = score(x, problem), score(mean + 2 * (x - mean), problem)
    assert right["w2"] < 1e-6 and abs(right["kl"]) < 1e-10 and "mode_tv" not in right
    assert wide["w2"] == pytest.approx(1, rel=1e-6) and wide["kl"] == pytest.approx(
        3 * (3 - math.log(4)), rel=1e-9
    )
    collapsed = score(mean.expand(50, -1), problem)
    assert collapsed["w2"] == pytest.approx(1, rel=1e-9) and collapsed["kl"] == math.inf
    assert "kl" not in score(x[:6], problem)
