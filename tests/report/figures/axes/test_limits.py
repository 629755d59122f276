"""Limits that a hopeless row does not stretch, and where it stands then."""

import math

import pytest
from matplotlib.figure import Figure

from bench.report.figures.axes.limits import Limits, around, robust
from bench.stats.intervals import Interval

GOOD = [Interval(mean, mean - 0.5, mean + 0.5, 64) for mean in (25.0, 25.5, 26.0, 26.5, 27.0)]


def far(mean):
    return Interval(mean, mean - 0.1, mean + 0.1, 64)


@pytest.mark.parametrize(("better", "hopeless"), [(1, 7.0), (-1, 90.0)])
def test_a_hopeless_row_is_clipped(better, hopeless):
    limits = robust([*GOOD, far(hopeless)], better)
    assert limits == robust(GOOD, better)
    assert limits.sign(hopeless) == ("↓" if better > 0 else "↑") and limits.share(hopeless) in {0.0, 1.0}
    assert all(limits.sign(end) == "" for interval in GOOD for end in interval[:3])


def test_the_wide_interval_of_a_few_images_does_not_stretch_the_axis():
    wide = Interval(26.0, -40.0, 90.0, 3)
    assert robust([*GOOD, wide], 1) == robust([*GOOD, far(26.0)], 1)


def test_a_much_better_row_is_not():
    limits = robust([*GOOD, far(60.0)], 1)
    assert limits.sign(60.0) == "" and limits.share(60.0) < 1


def test_of_three_rows_none_is_hopeless():
    assert robust([far(7.0), *GOOD[:2]], 1).sign(7.0) == ""


def test_infinite_scores_stand_at_the_end_and_equal_ones_have_room():
    limits = robust([*GOOD, Interval(math.inf, math.nan, math.nan, 3)], 1)
    assert limits.sign(math.inf) == "↑" and limits.share(math.inf) == 1
    for rows in ([far(math.inf)], [Interval(5.0, math.nan, math.nan, 1)], []):
        found = robust(rows, 1)
        assert found.low < found.high and math.isfinite(found.low)


def test_shares_are_those_that_matplotlib_draws():
    for limits in (Limits(2.0, 50.0), Limits(0.01, 100.0, is_log=True)):
        axis = Figure().subplots()
        limits.on(axis, "x")
        for value in (2.0, 3.0, 40.0):
            drawn = axis.transAxes.inverted().transform(axis.transData.transform((value, 0)))[0]
            assert limits.share(value) == pytest.approx(drawn)


def test_ratios_keep_within_their_ends():
    limits = around([1.0, 1e-9, math.inf, math.nan], 0.003, 300, is_log=True)
    assert limits.low == pytest.approx(0.003, rel=0.6) and limits.high == pytest.approx(300, rel=1.1)
    assert limits.sign(1e-9, "←→") == "←" and limits.sign(math.inf, "←→") == "→"
    assert around([], 0, 1, is_log=False).high > around([], 0, 1, is_log=False).low
