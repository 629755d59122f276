"""Intervals against coverage and scipy, distances against analytic Gaussians and independent
implementations."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from bench.stats.comparisons import at_floor, differ, median_difference, paired_difference, side
from bench.stats.distances import frechet_distance, kernel_distance
from bench.stats.intervals import bootstrap_interval, bootstrap_means, median_interval

RNG = np.random.default_rng


@pytest.mark.parametrize("draw", [RNG(0).normal, lambda size: RNG(1).exponential(size=size) ** 2])
def test_interval_agrees_with_scipy(draw):
    values = draw(size=80)
    ours = bootstrap_interval(values, resamples=20_000)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=RNG(0)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.mean == pytest.approx(values.mean(), rel=1e-12)
    assert abs(ours.low - theirs.low) < 0.03 * width
    assert abs(ours.high - theirs.high) < 0.03 * width


def test_interval_covers_the_true_mean_as_often_as_it_says():
    rng = RNG(2)
    hits = [
        i.low <= 1 <= i.high
        for i in (bootstrap_interval(rng.gamma(2, 0.5, 60), resamples=500) for _ in range(400))
    ]
    assert 0.91 <= np.mean(hits) <= 0.97


def test_interval_is_deterministic_and_scales():
    values = RNG(3).normal(size=50)
    first = bootstrap_interval(values)
    assert bootstrap_interval(values) == first
    assert bootstrap_interval(values, seed=1) != first
    np.testing.assert_allclose(
        bootstrap_interval(10 * values + 5)[:3], 10 * np.array(first[:3]) + 5, rtol=1e-9
    )
    assert bootstrap_means(values, 100)[:50].tolist() == bootstrap_means(values, 100).tolist()[:50]


def test_interval_of_degenerate_samples():
    assert bootstrap_interval([0.1] * 7)[1:] == (pytest.approx(0.1), pytest.approx(0.1), 7)
    mean, low, high, n = bootstrap_interval([3.0])
    assert (mean, n) == (3, 1) and np.isnan([low, high]).all()
    for bad in ([], [1.0, np.nan], [np.inf, 1.0]):
        with pytest.raises(ValueError, match="finite"):
            bootstrap_interval(bad)


def test_pairing_sees_what_separate_intervals_do_not():
    rng = RNG(4)
    images = rng.normal(25, 5, 100)
    a, b = images + rng.normal(0, 0.1, 100), images + 0.1 + rng.normal(0, 0.1, 100)
    separate = [bootstrap_interval(v) for v in (a, b)]
    assert separate[0].high > separate[1].low
    difference = paired_difference(a, b)
    assert difference.high < 0 and difference.mean == pytest.approx((a - b).mean())
    assert paired_difference(b, a).low > 0
    jitter = rng.normal(0, 0.1, 100)
    assert paired_difference(a, a)[:3] == (0, 0, 0)
    close = paired_difference(a, a + jitter - jitter.mean() - 0.005)
    assert close.mean == pytest.approx(0.005) and close.low < 0 < close.high
    with pytest.raises(ValueError, match="same images"):
        paired_difference(a, b[:-1])


def test_median_interval_covers_the_true_median_of_a_skewed_law():
    rng, median = RNG(20), np.log(2)
    hits = [
        i.low <= median <= i.high
        for i in (median_interval(rng.exponential(size=21), resamples=400) for _ in range(400))
    ]
    assert 0.92 < np.mean(hits) < 0.985
    outlier = np.append(rng.normal(size=20), 1e6)
    assert median_interval(outlier).high < 3
    assert np.isnan(median_interval([1.0]).low)
    with pytest.raises(ValueError, match="a median needs finite values; got 2, 1 of them"):
        median_interval([0, np.inf])


def test_median_difference_is_paired():
    rng = RNG(21)
    a = rng.exponential(size=20) * 10
    b = a - 0.5 + 0.1 * rng.normal(size=20)
    apart = median_interval(a).high - median_interval(a).low
    difference = median_difference(a, b)
    assert difference.median == pytest.approx(np.median(a) - np.median(b), rel=1e-12)
    assert 0 < difference.low < 0.5 < difference.high < difference.low + apart / 5
    with pytest.raises(ValueError, match="same problems"):
        median_difference(a, b[:-1])


def test_a_small_loss_on_nearly_every_problem_is_seen():
    """16 of 20 problems are a little worse, about which the medians' interval says nothing."""
    rng = RNG(23)
    floor = rng.exponential(size=20)
    values = floor + np.where(np.arange(20) < 16, 0.05, -0.01) * rng.uniform(0.5, 1, 20)
    difference = median_difference(values, floor)
    assert difference.low < 0 < difference.high
    assert side(values, floor) == 1 and side(floor, values) == -1 and side(floor, floor) == 0
    assert not at_floor(values, floor) and not at_floor(floor, values), "neither way is right"


def scores(rng, problems, shift=0.0):
    """Distances that vary by 40 % on each of problems of unlike difficulty, raised by a share of it."""
    return problems * (rng.gamma(6, 1 / 6, len(problems)) + shift)


@pytest.mark.long
@pytest.mark.parametrize("n", [6, 20])
def test_nothing_at_the_floor_is_a_difference(n):
    rng = RNG(22)
    problems = [rng.exponential(size=n) for _ in range(60)]
    exact = [(scores(rng, p), scores(rng, p), scores(rng, p)) for p in problems]
    assert (
        sum(at_floor(a, floor) for a, _, floor in exact) >= 52
    )  # a right 95 % is above with probability .99
    both = [at_floor(a, floor) and at_floor(b, floor) for a, b, floor in exact]
    assert sum(both) > 40 and not any(
        differ(*three) for three, inside in zip(exact, both, strict=True) if inside
    )
    worse = [(scores(rng, p, 1.2), scores(rng, p)) for p in problems]
    assert sum(at_floor(*pair) for pair in worse) < 15
    overlap = [(median_interval(a), median_interval(floor)) for a, floor in worse]
    assert sum(a.low <= f.high for a, f in overlap) > 35, "the two intervals would not have told them apart"
    pairs = [(scores(rng, p, 5), scores(rng, p, 5), scores(rng, p)) for p in problems]
    assert sum(differ(*three) for three in pairs) <= 8


def test_fewer_than_six_problems_tell_nothing_apart():
    floor = RNG(23).normal(1, 0.2, 6)
    assert (
        not at_floor(floor + 1, floor) and not at_floor(floor - 1, floor) and differ(floor, floor + 1, floor)
    )
    assert not differ(floor[:5] + 3, floor[:5] + 2, floor[:5]) and at_floor(floor[:5] + 1, floor[:5])


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


def test_distances_do_not_depend_on_the_block_size(monkeypatch):
    a, b = gaussian(RNG(12), 33, 7), gaussian(RNG(13), 21, 7)
    values = RNG(14).normal(size=100)
    whole = kernel_distance(a, b), bootstrap_interval(values, resamples=300)
    monkeypatch.setattr("bench.stats.intervals.CHUNK", 50)
    monkeypatch.setattr("bench.stats.distances.CHUNK", 50)
    np.testing.assert_allclose(kernel_distance(a, b), whole[0], rtol=1e-10)
    assert bootstrap_interval(values, resamples=300) == whole[1]
