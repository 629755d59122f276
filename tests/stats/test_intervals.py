"""Intervals against their coverage and scipy's."""

from functools import partial

import numpy as np
import pytest
import scipy.stats

from bench.stats.intervals import (
    bootstrap_interval,
    bootstrap_means,
    bootstrap_medians,
    mean_interval,
    median_interval,
)

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
    for bad in ([], [1.0, np.nan], [np.inf, -np.inf, 1.0]):
        for interval in (bootstrap_interval, median_interval):
            with pytest.raises(ValueError, match="needs numbers"):
                interval(bad)


def test_an_infinite_value_makes_the_mean_infinite_and_not_the_lower_bound():
    """One of seven: a resample holds it with probability 1 - (6/7)^7 = .66, so that .025 do not."""
    values = [20.0, 22.0, 21.0, 25.0, 24.0, 23.0, np.inf]
    mean, low, high, n = bootstrap_interval(values)
    assert mean == high == np.inf and 20 < low < 25 and n == 7
    assert bootstrap_interval([np.inf] * 7) == (np.inf, np.inf, np.inf, 7)
    assert median_interval(values).median == 23 and median_interval([np.inf] * 3).high == np.inf


def test_median_interval_covers_the_true_median_of_a_skewed_distribution():
    rng, median = RNG(20), np.log(2)
    hits = [
        i.low <= median <= i.high
        for i in (median_interval(rng.exponential(size=21), resamples=400) for _ in range(400))
    ]
    assert 0.92 < np.mean(hits) < 0.985
    outlier = np.append(rng.normal(size=20), 1e6)
    assert median_interval(outlier).high < 3
    assert np.isnan(median_interval([1.0]).low)
    with pytest.raises(ValueError, match="a median needs numbers that have one; got 2, of which 1"):
        median_interval([0, np.nan])


def test_medians_are_of_the_same_resamples_as_means():
    values = RNG(24).normal(size=2)
    means, medians = bootstrap_means(values, 50), bootstrap_medians(values, 50)
    np.testing.assert_array_equal(means, medians)  # of two values mean and median are equal
    assert len(set(means)) == 3


@pytest.mark.parametrize("n", [8, 16, 64])
@pytest.mark.parametrize("scores", ["normal", "t3", "lognormal"])
def test_the_interval_of_a_mean_holds_it(scores, n):
    """Coverage for small n and skewed scores, where percentiles of resamples miss: .86 and .79 at n = 8."""
    rng, tables = np.random.default_rng(n), 1000
    draw = {"normal": rng.standard_normal, "t3": partial(rng.standard_t, 3)}
    truth = np.exp(0.5) if scores == "lognormal" else 0.0
    held = 0
    for _ in range(tables):
        values = np.exp(rng.standard_normal(n)) if scores == "lognormal" else draw[scores](n)
        found = mean_interval(values)
        held += found.low <= truth <= found.high
    least = 0.89 if scores == "lognormal" else 0.93
    noise = 2 * np.sqrt(0.05 * 0.95 / tables)
    assert least - noise < held / tables < 0.97 + noise


def test_the_interval_of_a_mean_of_equal_few_or_infinite_values():
    """Equal values have a point, five none, and infinity has a mean without bounds."""
    assert mean_interval([2.0] * 6) == (2.0, 2.0, 2.0, 6)
    assert mean_interval([1, 2, 3, 4, 5.0])[0] == 3 and np.isnan(mean_interval([1, 2, 3, 4, 5.0])[1:3]).all()
    assert mean_interval([1.0] * 7 + [np.inf])[0] == np.inf
    with pytest.raises(ValueError, match="1 of them NaN"):
        mean_interval([1.0, np.nan])


def test_the_interval_of_a_mean_is_that_of_student_without_skewness():
    """Symmetric values: scipy's t interval."""
    values = np.array([-3, -1, -0.5, 0, 0.5, 1, 3.0]) + 10
    expected = scipy.stats.t.interval(0.95, 6, values.mean(), values.std(ddof=1) / np.sqrt(7))
    assert mean_interval(values)[1:3] == pytest.approx(expected, rel=1e-9)
