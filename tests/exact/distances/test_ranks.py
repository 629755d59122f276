"""Density ranks against the chi-squared distribution, and the weights of modes."""

import pytest
import scipy.linalg
import scipy.stats
import torch

from bench.exact.distances import score
from bench.exact.distances.draws import draw
from tests.exact.distances.made import gaussian, linear, perturbed


def test_density_ranks_of_a_gaussian_against_chi_squared():
    problem = linear(gaussian(6), 2, 0.3)
    x = draw(problem.posterior, 800, "solver") * 1.2
    normal = torch.distributions.MultivariateNormal(
        problem.posterior.mean[0], problem.posterior.covariance[0]
    )
    mahalanobis = -2 * (normal.log_prob(x) - normal.log_prob(normal.mean))
    exact = scipy.stats.kstest(scipy.stats.chi2(6).sf(mahalanobis), "uniform").statistic
    assert score(x, problem)["hpd_ks"] == pytest.approx(exact, abs=0.015)
    assert exact > 0.1


@pytest.mark.long
def test_mode_weights_are_in_units_of_total_variation(grid):
    assert score(perturbed(grid, 0, 4000, tv=0.3), grid)["mode_tv"] == pytest.approx(0.3, abs=0.03)
