"""Distances against analytic Gaussians and independent implementations."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from bench.stats.distances import GaussianFit, fit_gaussian, frechet_distance, kernel_distance, kernel_sums

RNG = np.random.default_rng


def gaussian(rng, n, d):
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


def frechet_by_sqrtm(a, b):
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(ca @ cb)
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca + cb - 2 * np.real(root))


@pytest.mark.parametrize(("n", "m"), [(200, 300), (200, 20), (20, 200), (12, 9)])
def test_frechet_distance_agrees_with_sqrtm_in_every_rank_regime(n, m):
    rng, d = RNG(5), 30
    a, b = gaussian(rng, n, d), gaussian(rng, m, d)
    # sqrtm of a singular product is itself only good to about the square root of the machine precision
    assert frechet_distance(a, b) == pytest.approx(
        frechet_by_sqrtm(a, b), rel=1e-9 if min(n, m) > d else 1e-3
    )


def test_frechet_distance_of_known_gaussians():
    rng, d, n = RNG(6), 5, 40
    basis = np.linalg.qr(np.column_stack([np.ones(n), rng.normal(size=(n, d))]))[0][:, 1:] * np.sqrt(n - 1)
    sa, sb, shift = rng.uniform(0.5, 2, d), rng.uniform(0.5, 2, d), rng.normal(size=d)
    turn = scipy.stats.ortho_group.rvs(d, random_state=rng)
    expected = (shift**2).sum() + ((sa - sb) ** 2).sum()
    assert frechet_distance(basis * sa @ turn, (basis * sb + shift) @ turn) == pytest.approx(
        expected, rel=1e-10
    )


def test_frechet_distance_of_a_set_to_itself_and_symmetry():
    a, b = gaussian(RNG(7), 10, 64), gaussian(RNG(8), 90, 64)
    scale = a.var(0).sum()
    assert frechet_distance(a, a) < 1e-9 * scale and frechet_distance(b, b[::-1]) < 1e-9 * scale
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)
    with pytest.raises(ValueError, match="two rows"):
        frechet_distance(a[:1], b)


def kid_by_loops(a, b):
    def k(x, y):
        return (np.dot(x, y) / len(x) + 1) ** 3

    n, m = len(a), len(b)
    xx = sum(k(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    yy = sum(k(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return xx + yy - 2 * sum(k(x, y) for x in a for y in b) / (n * m)


def test_kernel_distance_and_its_jackknife_against_plain_loops():
    a, b = gaussian(RNG(9), 8, 6), gaussian(RNG(10), 6, 6)
    ours = kernel_distance(a, b)
    assert ours.value == pytest.approx(kid_by_loops(a, b), rel=1e-10)
    variance = 0
    for whole, value in ((a, lambda s: kid_by_loops(s, b)), (b, lambda s: kid_by_loops(a, s))):
        without = np.array([value(np.delete(whole, i, 0)) for i in range(len(whole))])
        variance += (len(whole) - 1) / len(whole) * ((without - without.mean()) ** 2).sum()
    assert ours.error == pytest.approx(variance**0.5, rel=1e-8)


def test_kernel_distance_is_unbiased_with_an_honest_error():
    rng = RNG(11)
    draws = [kernel_distance(rng.normal(size=(20, 4)), rng.normal(size=(25, 4))) for _ in range(400)]
    values, errors = np.array(draws).T
    assert abs(values.mean()) < 4 * values.std() / 20
    assert 0.8 < errors.mean() / values.std() < 1.7
    with pytest.raises(ValueError, match="n, m >= 3"):
        kernel_distance(np.zeros((2, 4)), np.zeros((5, 4)))


def test_kernel_distance_of_paired_sets_is_unbiased_where_the_plain_one_is_not():
    rng, noise = RNG(15), 0.3
    truths = [rng.normal(size=(20, 4)) for _ in range(300)]
    blurred = [(t + noise * rng.normal(size=t.shape)) / np.sqrt(1 + noise**2) for t in truths]
    plain = np.array([kernel_distance(t, b).value for t, b in zip(truths, blurred, strict=True)])
    values, errors = np.array(
        [kernel_distance(t, b, paired=True) for t, b in zip(truths, blurred, strict=True)]
    ).T
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(300)
    assert plain.mean() < -20 * plain.std() / np.sqrt(300)
    assert 0.8 < errors.mean() / values.std() < 1.7
    assert kernel_distance(truths[0], truths[0], paired=True) == pytest.approx((0, 0), abs=1e-12)
    without = [
        kernel_distance(np.delete(truths[0], i, 0), np.delete(blurred[0], i, 0), True).value
        for i in range(20)
    ]
    assert errors[0] == pytest.approx(np.sqrt(19 * np.var(without)), rel=1e-8)
    with pytest.raises(ValueError, match="equal if paired"):
        kernel_distance(truths[0], truths[0][:-1], paired=True)


def test_distances_do_not_depend_on_the_size_of_chunks(monkeypatch):
    a, b = gaussian(RNG(12), 33, 7), gaussian(RNG(13), 21, 7)
    whole = kernel_distance(a, b)
    monkeypatch.setattr("bench.stats.distances.CHUNK", 50)
    np.testing.assert_allclose(kernel_distance(a, b), whole, rtol=1e-10)


@pytest.mark.parametrize("n", [3, 50])
def test_a_fitted_gaussian_is_its_mean_and_a_root_of_its_covariance(n):
    rows = gaussian(RNG(16), n, 8)
    fitted = fit_gaussian(rows)
    np.testing.assert_allclose(fitted.mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(fitted.root.T @ fitted.root, np.cov(rows, rowvar=False), atol=1e-12)
    assert len(fitted.root) == min(n, 8)
    assert frechet_distance(GaussianFit(*fitted), rows) == pytest.approx(0, abs=1e-9)


def test_known_sums_save_their_computation_and_change_nothing():
    a, b = gaussian(RNG(17), 9, 5), gaussian(RNG(18), 7, 5)
    assert kernel_distance(a, b, within_b=kernel_sums(b)) == kernel_distance(a, b)
    kernel = (b @ b.T / 5 + 1) ** 3
    np.testing.assert_allclose(kernel_sums(b), kernel.sum(1) - np.diag(kernel), rtol=1e-12)


@pytest.mark.parametrize("shapes", [((5, 4), (5, 3)), ((5,), (5, 4)), ((2, 4), (5, 4))])
def test_sets_that_do_not_fit_are_refused(shapes):
    a, b = (np.zeros(shape) for shape in shapes)
    with pytest.raises(ValueError, match=r"n, m >= 3.*; got \("):
        kernel_distance(a, b)
