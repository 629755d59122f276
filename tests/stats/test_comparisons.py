"""Paired comparisons: what they see, and how often they see what is not there."""

import numpy as np
import pytest

from bench.stats.comparisons import at_floor, differ, median_difference, paired_difference, side
from bench.stats.intervals import bootstrap_interval, median_interval

RNG = np.random.default_rng


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


@pytest.mark.parametrize(("better", "sides"), [(1, (1, -1)), (2, (0, 0))])
def test_the_signed_rank_test_is_at_5_percent_on_both_sides(better, sides):
    """One gain on seven problems: p = 3 / 128 where it is the second smallest change, 5 / 128 where the
    third; twice that is 4.7 % and 7.8 %. The medians' interval says nothing."""
    floor, changes = 10.0 * np.arange(7), np.arange(1, 8) / 10
    changes[better] *= -1
    difference = median_difference(floor + changes, floor)
    assert difference.low < 0 < difference.high
    assert (side(floor + changes, floor), side(floor, floor + changes)) == sides


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
