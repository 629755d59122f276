"""Schedules against published constants, and the same levels in three kinds of coordinates."""

import math

import pytest

from bench.schedule import FlowSchedule, KarrasSchedule, TableSchedule, VPSchedule

SCHEDULE = VPSchedule()


@pytest.mark.parametrize(
    ("index", "abar", "ratio"),
    [
        (0, "0.99990", "0.0100"),
        (100, "0.8951", "0.342"),
        (500, "0.0778", "3.443"),
        (900, "0.00027", "60.8"),
        (950, "0.000106", "97.1"),
        (990, "0.00004837", "143.8"),
        (999, "0.00004036", "157.4"),
    ],
)
def test_published_constants(index, abar, ratio):
    t = SCHEDULE.level(index)
    for value, printed in ((t.alpha**2, abar), (t.ratio, ratio)):
        assert f"{value:.{len(printed.split('.')[1])}f}" == printed
    assert t.alpha**2 + t.sigma**2 == pytest.approx(1, abs=1e-15)
    assert t.variance == pytest.approx(1 - t.alpha**2, rel=1e-12)
    assert t.index == index


def test_at_inverts_levels():
    for index in (0, 1, 250, 998, 999):
        t = SCHEDULE.level(index)
        back = SCHEDULE.at(t.ratio)
        assert back == pytest.approx(t, abs=1e-9)
    low, high = SCHEDULE.level(400).ratio, SCHEDULE.level(401).ratio
    between = SCHEDULE.at(math.sqrt(low * high))
    assert between.index == pytest.approx(400.5, abs=1e-9)
    assert between.ratio == pytest.approx(math.sqrt(low * high), rel=1e-12)


@pytest.mark.parametrize("sigma", [0.0, 0.009, 158.0])
def test_at_refuses_other_noise_levels(sigma):
    with pytest.raises(ValueError, match=f"= {sigma:g} is outside the schedule's range \\[0.01"):
        SCHEDULE.at(sigma)


def test_a_table_is_a_schedule():
    table = TableSchedule(tuple(VPSchedule().abar))
    for spacing in ("leading", "trailing", "quad", "respaced", "poly7"):
        assert table.levels(10, spacing) == VPSchedule().levels(10, spacing)
    for wrong in [(0.5,), (0.5, 0.6), (1.0, 0.5), (0.5, 0.0), (0.5, float("nan"))]:
        with pytest.raises(ValueError, match="decreasing"):
            TableSchedule(wrong)


@pytest.mark.parametrize("kind", [KarrasSchedule, FlowSchedule])
def test_other_coordinates_have_the_same_ratios(kind):
    """At levels and between them: a change of coordinates is a change of scale."""
    other = kind.like(SCHEDULE)
    assert other.T == SCHEDULE.T
    assert other.ratio_range == pytest.approx(SCHEDULE.ratio_range, rel=1e-12)
    for mine, theirs in ((other.level(k), SCHEDULE.level(k)) for k in (0, 400, 999, -1)):
        assert (mine.index, mine.ratio) == (theirs.index, pytest.approx(theirs.ratio, rel=1e-12))
    assert other.at(0.7).index == pytest.approx(SCHEDULE.at(0.7).index, abs=1e-9)
    for spacing in ("leading", "quad", "respaced", "poly7"):
        got, expected = ([t.ratio for t in each.levels(7, spacing)] for each in (other, SCHEDULE))
        assert got == pytest.approx(expected, rel=1e-12)


def test_each_kind_is_in_its_own_coordinates():
    for t in (*KarrasSchedule().levels(5), KarrasSchedule().at(0.7)):
        assert t.alpha == 1
    for t in (*FlowSchedule().levels(5), FlowSchedule().at(0.7)):
        assert t.alpha + t.sigma == pytest.approx(1, abs=1e-15)
    assert KarrasSchedule().ratio_range == pytest.approx((0.002, 80), rel=1e-12)
    assert [FlowSchedule().level(k).sigma for k in (0, 499, 998)] == pytest.approx([0.001, 0.5, 0.999])


@pytest.mark.parametrize("kind", [KarrasSchedule, FlowSchedule])
@pytest.mark.parametrize("table", [(0.5,), (0.6, 0.5), (0.0, 0.5), (0.5, math.inf), (0.5, math.nan)])
def test_a_table_that_does_not_rise_is_no_schedule(kind, table):
    with pytest.raises(ValueError, match="at least 2 values of sigma, rising, above 0 and below"):
        kind(table)


def test_pure_noise_is_no_level_of_a_flow():
    with pytest.raises(ValueError, match="below 1"):
        FlowSchedule((0.5, 1.0))
