"""Distances to exact posteriors: against Monte Carlo, scipy and torch, and against wrong samples they must or
cannot see."""

import math
from itertools import product

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch

from bench.exact.distances import DISTANCES, REPETITIONS, floor, pose, score
from bench.exact.distances.draws import draw
from bench.exact.distances.kernel import expected_kernel, mean_embedding, mmd2
from bench.exact.distances.moments import gaussian_kl, gaussian_w2
from bench.exact.prior import GaussianPrior, MixturePrior
from bench.operators.matrices import Matrix, padded_svd

F64 = torch.float64


def rng(*seed):
    return np.random.default_rng(seed)


def linear(prior, m, sigma, name="problem", A=None):
    """One problem of a random matrix with singular values between .2 and 1."""
    r, d = rng(5), prior.shape[0]
    if A is None:
        left, right = (
            np.linalg.qr(r.standard_normal((m, m)))[0],
            np.linalg.qr(r.standard_normal((d, d)))[0][:m],
        )
        A = left * r.uniform(0.2, 1, m) @ right
    A = Matrix((d,), [0], A)
    x = draw(prior, 1, name, "truth")
    return pose(
        prior, A, A(x) + sigma * torch.from_numpy(r.standard_normal((1, len(A.matrix)))), sigma, x, name
    )


def gaussian(d):
    return GaussianPrior(torch.linspace(-1, 1, d, dtype=F64), torch.logspace(0, -1, d, dtype=F64))


def mixture(shared, seed, d=3):
    r = rng(seed)
    basis = np.linalg.qr(r.standard_normal((d, d)))[0]
    parts = (
        r.uniform(1, 2, 4),
        r.standard_normal((4, d)),
        r.uniform(0.05, 0.5, (1 if shared else 4, d)),
        basis,
    )
    return MixturePrior(*(torch.from_numpy(part) for part in parts))


def grid_mixture(d=8):
    """25 modes on a grid, unit variance in all, the mixture that MCGdiff is tested on at a smaller scale."""
    means = np.array([(a, b) * (d // 2) for a, b in product(range(-2, 3), repeat=2)]) / math.sqrt(2)
    weights = rng(1).chisquare(3, 25)
    return MixturePrior(
        torch.from_numpy(weights), torch.from_numpy(means), torch.full((1, d), 1 / 128, dtype=F64)
    )


@pytest.fixture(scope="module")
def grid():
    return linear(grid_mixture(), 1, 0.5)


@pytest.fixture(scope="module")
def grid_floor(grid):
    return floor(grid, 1000)


# The kernel's closed forms.


@pytest.mark.parametrize(("shared_p", "shared_q"), product([True, False], repeat=2))
def test_expected_kernel_against_monte_carlo_and_its_limits(shared_p, shared_q):
    p, q, ell2, n = mixture(shared_p, 1), mixture(shared_q, 2), 0.3, 40_000
    k = (draw(p, n, "p") - draw(q, n, "q")).square().sum(1).mul(-0.5 / ell2).exp()
    value = expected_kernel(p, q, ell2)
    assert abs(k.mean() - value) < 4 * k.std() / n**0.5
    assert expected_kernel(q, p, ell2) == pytest.approx(value, rel=1e-12)
    points = MixturePrior(
        q.log_weights[0].exp(), q.component_means()[0], torch.full((1, 3), 1e-13, dtype=F64)
    )
    embedded = mean_embedding(p, q.component_means()[0], ell2) @ q.log_weights[0].exp()
    assert expected_kernel(p, points, ell2) == pytest.approx(embedded.item(), rel=1e-10)


def test_mmd_is_unbiased_at_small_n_and_is_the_exact_distance_of_another_law():
    p, q, ell2 = mixture(False, 1), mixture(True, 2), 0.3
    exact = expected_kernel(q, q, ell2) - 2 * expected_kernel(q, p, ell2) + expected_kernel(p, p, ell2)
    for law, truth in ((p, 0), (q, exact)):
        values = np.array([mmd2(draw(law, 10, "small", i), p, ell2) for i in range(300)])
        assert abs(values.mean() - truth) < 4 * values.std() / 300**0.5
    # The mean over all pairs, the diagonal with them, would be off by about (1 - E k) / n = .09.
    assert values.std() / 300**0.5 < 0.01 < exact


# Ranks, moments and Gaussian distances against independent implementations.


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


@pytest.mark.parametrize(("d", "m", "measured"), [(40, 2, 2), (40, 16, 4), (40, 38, 6), (40, 40, 8)])
def test_view_has_measured_directions_first(d, m, measured):
    problem = linear(gaussian(d), m, 0.3)
    assert (problem.view @ problem.view.T - torch.eye(8)).abs().max() < 1e-12
    assert ((problem.A @ problem.view[measured:].T).abs() < 1e-12).all()
    unmeasured = problem.subspaces["unmeasured"]
    assert ((problem.view[:measured] @ unmeasured).abs() < 1e-9).all()
    x = draw(problem.posterior, 500, "solver")
    assert score(x, problem)["hpd_ks"] < 0.09
    for basis in problem.subspaces.values():
        wide = x + (x - problem.posterior.mean) @ basis @ basis.T
        assert basis.shape[1] == 0 or score(wide, problem)["hpd_ks"] > 0.15
    assert linear(gaussian(8), 3, 0.3).view is None


def test_nothing_depends_on_which_axes_a_machine_returns(monkeypatch):
    """Eigenvectors and singular vectors are arbitrary where values repeat, and differ between processors."""

    def turned(values, vectors):
        vectors = vectors.clone()
        for value in values.flatten().unique():
            same = (values - value).abs() < 1e-9
            k = int(same.sum())
            vectors[..., same] = vectors[..., same] @ torch.from_numpy(
                np.linalg.qr(rng(7).standard_normal((k, k)))[0]
            )
        return vectors

    def eigh(matrix):
        e, Q = plain(matrix)
        if matrix.dim() == 2:
            return e, turned(e, Q)
        assert matrix.shape[:2] == (1, 1)
        return e, turned(e[0, 0], Q[0, 0])[None, None]

    prior, plain = grid_mixture(16), torch.linalg.eigh
    usual = linear(prior, 2, 0.5)
    x = draw(usual.posterior, 300, "solver") * 1.1
    scores = score(x, usual)
    svd = padded_svd(usual.A.numpy())
    monkeypatch.setattr(torch.linalg, "eigh", eigh)
    monkeypatch.setattr(
        "bench.exact.distances.problem.padded_svd", lambda A: (*svd[:2], turned(svd[1], svd[2]))
    )
    other = linear(prior, 2, 0.5)
    assert (other.posterior.basis - usual.posterior.basis).abs().max() > 0.1
    assert (draw(other.posterior, 300, "solver") * 1.1 - x).abs().max() < 1e-9
    assert score(x, other) == pytest.approx(scores, abs=1e-9)


def exact_moments(law, n):
    """n vectors whose sample mean and covariance are those of the law."""
    z = rng(6).standard_normal((n, law.mean.shape[1]))
    z -= z.mean(0)
    z = z @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T))).T
    return law.mean + torch.from_numpy(z @ np.linalg.cholesky(law.covariance[0].numpy()).T)


def test_moments_are_split_between_measured_and_unmeasured_directions():
    problem = linear(gaussian(6), 2, 0.3)
    x, law, H = exact_moments(problem.posterior, 50), problem.posterior, problem.A
    row = torch.linalg.pinv(H) @ H
    rest = torch.eye(6, dtype=F64) - row
    scores = score(x @ (2 * row + 0.5 * rest) + law.mean @ (-row + 0.5 * rest), problem)
    expected = {
        "mean_gap_measured": 0,
        "mean_gap_unmeasured": 0,
        "var_ratio_measured": 4,
        "var_ratio_unmeasured": 0.25,
    }
    assert {name: scores[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    direction, beside = torch.linalg.svd(H).Vh[[0, -1]]
    shifted = score(x + 0.3 * direction, problem)
    within = H @ law.covariance[0] @ H.T
    gap = H @ direction * 0.3
    assert shifted["mean_gap_measured"] == pytest.approx(
        (gap @ torch.linalg.solve(within, gap) / 2).sqrt().item(), rel=1e-9
    )
    assert shifted["mean_gap_unmeasured"] < 1e-9
    V = torch.linalg.svd(H).Vh[2:].T
    gap = V.T @ beside * 0.3
    expected = (gap @ torch.linalg.solve(V.T @ law.covariance[0] @ V, gap) / 4).sqrt().item()
    assert (
        score(x + 0.3 * beside, problem)["mean_gap_unmeasured"] == pytest.approx(expected, rel=1e-9)
        and expected > 0.1
    )
    full = linear(gaussian(6), 6, 0.3)
    assert "var_ratio_unmeasured" not in score(draw(full.posterior, 10, "solver"), full)


def test_gaussian_distances_against_sqrtm_and_torch():
    a, b = (mixture(True, s, 5) for s in (3, 4))
    parts = a.mean[0], a.covariance[0], b.mean[0], b.covariance[0]
    root = scipy.linalg.sqrtm((a.covariance[0] @ b.covariance[0]).numpy()).real
    squared = (parts[0] - parts[2]).square().sum() + (parts[1] + parts[3]).trace() - 2 * np.trace(root)
    roots = [torch.linalg.cholesky(cov).mT for cov in parts[1::2]]
    assert gaussian_w2(parts[0], roots[0], parts[2], roots[1]) == pytest.approx(
        squared.sqrt().item(), rel=1e-9
    )
    laws = (torch.distributions.MultivariateNormal(*parts[i : i + 2]) for i in (0, 2))
    assert gaussian_kl(*parts) == pytest.approx(torch.distributions.kl_divergence(*laws).item(), rel=1e-9)
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


# What each distance sees of known errors, and what it is known not to see.


def perturbed(problem, seed, n=1000, within=1.0, measured=1.0, tv=0.0, shift=0.0):
    """Samples drawn here from the posterior with its variance within the modes, or along the measured
    directions within them, scaled, total variation moved between the modes, or all shifted by a part of the
    standard deviation within a mode."""
    r, law = rng(9, seed), problem.posterior
    weights, cov = law.log_weights[0].exp().numpy().copy(), law.component_covariances()[0, 0].numpy()
    heavy = weights >= np.sort(weights)[-6]
    for part, sign in ((heavy, -1), (~heavy, 1)):
        weights[part] *= 1 + sign * tv / weights[part].sum()
    V = problem.subspaces["measured"].numpy()
    off = r.standard_normal((n, len(cov))) @ np.linalg.cholesky(cov).T * within**0.5
    off += (measured**0.5 - 1) * off @ V @ V.T
    along = np.full(len(cov), len(cov) ** -0.5)
    off += shift * np.sqrt(along @ cov @ along) * along
    modes = r.choice(len(weights), n, p=weights / weights.sum())
    return torch.from_numpy(law.component_means()[0].numpy()[modes] + off)


BLIND = (-3, 3)
SEEN = (5, math.inf)
PERTURBATIONS = {
    "exact": ({}, dict.fromkeys(set(DISTANCES) - {"sw_floor", "w2", "kl"}, BLIND)),
    "within-mode variance x .8": (
        {"within": 0.8},
        {
            "hpd_ks": SEEN,
            "var_ratio_unmeasured": (-math.inf, -5),
            "mode_tv": BLIND,
            "mmd": BLIND,
            "sw": BLIND,
        },
    ),
    "within-mode variance x .5": (
        {"within": 0.5},
        {
            "hpd_ks": (20, math.inf),
            "mmd_small": SEEN,
            "var_ratio_unmeasured": (-math.inf, -5),
            "mmd": BLIND,
            "sw": BLIND,
        },
    ),
    "measured variance x .25": (
        {"measured": 0.25},
        {"hpd_ks": (3, math.inf), "var_ratio_unmeasured": BLIND, "sw": BLIND},
    ),
    "measured variance x 4": (
        {"measured": 4},
        {"hpd_ks": SEEN, "mmd_small": SEEN, "var_ratio_measured": (3, math.inf), "sw": BLIND},
    ),
    "mode weights TV .1": ({"tv": 0.1}, {"mmd_small": SEEN, "mode_tv": SEEN}),
    "mode weights TV .3": ({"tv": 0.3}, {"mmd": SEEN, "mmd_small": SEEN, "mode_tv": SEEN, "sw": SEEN}),
    "shift by .5": ({"shift": 0.5}, {"mmd_small": (2.5, math.inf), "mode_tv": BLIND, "sw": BLIND}),
}


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_each_distance_sees_what_it_must_see(grid, grid_floor, name):
    change, expected = PERTURBATIONS[name]
    scores = [score(perturbed(grid, seed, **change), grid) for seed in range(3)]
    z = {n: (np.mean([s[n] for s in scores]) - grid_floor[n].mean) / grid_floor[n].std for n in expected}
    assert all(low < z[n] < high for n, (low, high) in expected.items()), z


@pytest.mark.long
def test_mode_weights_are_in_units_of_total_variation(grid):
    assert score(perturbed(grid, 0, 4000, tv=0.3), grid)["mode_tv"] == pytest.approx(0.3, abs=0.03)


def test_prior_scores_one_and_the_floor_contains_exact_samples(grid, grid_floor):
    narrow = linear(grid_mixture(), 2, 0.1)
    ignorant = score(draw(narrow.prior, 1000, "prior"), narrow)
    assert ignorant["mmd"] == pytest.approx(1, abs=0.03) and ignorant["mmd_small"] == pytest.approx(
        1, abs=0.03
    )
    scores = score(draw(grid.posterior, 1000, "solver"), grid)
    assert set(scores) == set(grid_floor) | {"sw_floor"} and set(scores) <= set(DISTANCES)
    assert sum(bound.low <= scores[n] <= bound.high for n, bound in grid_floor.items()) >= len(grid_floor) - 1
    assert grid_floor["mode_tv"].low == -math.inf and grid_floor["var_ratio_measured"].low < 1


def test_sliced_distance_of_a_shift(grid):
    x = draw(grid.posterior, 1000, "solver")
    shift = torch.linspace(1, 3, 8, dtype=F64)
    moved = score(x + shift, grid)
    assert moved["sw"] * moved["sw_floor"] == pytest.approx((shift.square().sum() / 8).sqrt().item(), rel=0.1)


def test_scores_depend_on_the_samples_alone(grid):
    x = draw(grid.posterior, 200, "solver")
    first = score(x, grid)
    assert score(x, grid) == first
    again = linear(grid_mixture(), 1, 0.5)
    assert score(x.flip(0), again) == pytest.approx(first, rel=1e-9, abs=1e-12)
    assert score(x.float(), grid) == pytest.approx(first, rel=1e-3, abs=1e-3)
    other = linear(grid_mixture(), 1, 0.5, "another name")
    assert score(x, other)["sw_floor"] != first["sw_floor"]
    assert not torch.equal(draw(grid.posterior, 5, "a"), draw(grid.posterior, 5, "b"))


def test_wrong_input_is_named(grid):
    x = draw(grid.posterior, 5, "solver")
    for bad in (x[:1], x[:, :7], torch.where(x > 0, x, torch.nan)):
        with pytest.raises(ValueError, match="at least two finite samples of 8 entries"):
            score(bad, grid)
    with pytest.raises(ValueError, match=f"at least {REPETITIONS} repetitions; got 20"):
        floor(grid, 10, 20)
    with pytest.raises(ValueError, match="use sigma > 0"):
        linear(grid_mixture(), 1, 0.0)
