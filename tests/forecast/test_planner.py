"""Plans: their sums are those of their rows, and what cannot be is refused."""

import pytest

from bench.forecast import planner
from bench.forecast.planner import cost_of, cost_of_suite, images_within, seconds_of, worst
from bench.forecast.rates import Rates, Times, find_target
from bench.forecast.trial import CellTrial
from bench.forecast.work import Work
from bench.plan.options import Options
from bench.suites.changes import override
from bench.suites.suite import SuiteError, load_suite
from tests.tiny import build


@pytest.fixture
def suite_cost(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    suite = override(load_suite(str(build(tmp_path))), ["pinv", "ddrm", "dps"], ["box"])
    return cost_of_suite(suite, find_target("h100"), Options(), None)


def test_a_row_costs_its_evaluations_and_backward_passes(suite_cost):
    pinv, dps, ddrm = suite_cost.costs
    assert [(cost.nfe, cost.vjps) for cost in suite_cost.costs] == [(0, 0), (4, 4), (4, 0)]
    assert pinv.tflop == 0 < ddrm.tflop < dps.tflop < 2.1 * ddrm.tflop
    assert pinv.seconds < ddrm.seconds < dps.seconds
    assert dps.gb > ddrm.gb and dps.largest < ddrm.largest
    assert suite_cost.batch == 8 and suite_cost.factor == 2.0 and not suite_cost.failed
    assert suite_cost.seconds == pytest.approx(sum(4 * cost.seconds for cost in suite_cost.costs))


def test_the_budget_takes_as_many_images_as_fit(suite_cost):
    one = seconds_of(suite_cost.costs, 1)
    assert images_within(suite_cost.costs, 2.5 * one) == 2
    assert images_within(suite_cost.costs, 99 * one) == 4
    with pytest.raises(SuiteError, match="nothing fits into the budget"):
        images_within(suite_cost.costs, 0.9 * one)


def test_seconds_are_those_of_the_batch(suite_cost):
    cell = suite_cost.costs[1].cell
    probed = {"evaluation": [(1, 1.0), (4, 2.0)], "vjp": [(1, 3.0), (4, 6.0)]}
    times = Times("", 1.3, Rates(0, 0, 0), Rates(0, 0, 0), probed)
    trial = CellTrial(10, 5, Work(), 0.5)
    assert [cost_of(cell, trial, times, n, 8).seconds for n in (1, 4)] == [10 + 5 * 2 + 0.5, 5 + 5 + 0.5]


def test_a_row_that_does_not_fit_alone_is_named(tmp_path, monkeypatch):
    suite = override(load_suite(str(build(tmp_path))), ["dps"], ["box"])
    monkeypatch.setattr(planner, "room_on", lambda _: 1e4)
    with pytest.raises(SuiteError, match=r"does not fit .*box dps.*--recompute"):
        cost_of_suite(suite, find_target("h100"), Options(), None)


def test_one_unknown_source_makes_the_sum_unknown():
    assert (worst([1.3, 2.0]), worst([1.3, None]), worst([])) == (2.0, None, 1.0)
