"""A search: what it finds, what it spends, and that kills and repeats change nothing."""

import math

import pytest

from bench.suites.yamlfile import SuiteError
from bench.tune.objectives import objectives
from tests.tune.made_search import MadeTrials, made_search, write_card

PSNR = objectives(["psnr"])


def peak(a, b, at=(10.0, 0.3)):
    """A quadratic in the logarithms, 30 at its top."""
    return 30 - math.log10(a / at[0]) ** 2 - math.log10(b / at[1]) ** 2


def test_a_search_finds_a_better_place_within_its_budget(tmp_path):
    trials = MadeTrials(write_card(tmp_path), peak)
    found = made_search(trials, PSNR, 40 * 20).run()
    first, winner = found.candidates[0], found.winners[0]
    assert first.settings == {"a": 1.0, "b": 1.0}, "the defaults come first"
    assert found.spent == 40 * 20 and len(found.candidates) == 40
    assert winner.told.scores[0].value > 29.5 > 28.9 > first.told.scores[0].value
    assert winner.fresh[0].value == pytest.approx(winner.told.scores[0].value - 0.25, abs=0.02), (
        "images 2 to 4"
    )
    assert sum(bool(one.fresh) for one in found.candidates) == 3


@pytest.mark.parametrize("most", [0, 1, 3, 7, 13])
def test_a_killed_search_goes_on_to_the_same_end(tmp_path, most):
    spec = write_card(tmp_path)
    whole = MadeTrials(spec, peak)
    found = made_search(whole, PSNR).run()
    trials = MadeTrials(spec, peak, most=most)
    with pytest.raises(KeyboardInterrupt):
        made_search(trials, PSNR).run()
    assert len(trials.computed) == most
    trials.most = 10**9
    assert made_search(trials, PSNR).run() == found
    assert trials.computed == whole.computed, "nothing twice, all in the same order"
    search = made_search(trials, PSNR)
    again, pending = search.replay()
    assert again == found == search.run() and not pending


def test_a_budget_counts_what_is_spent(tmp_path):
    """A method that costs twice as much tries half as many; the last batch is what can still be paid."""
    spec = write_card(tmp_path)
    for each, n in ((10, 12), (20, 6), (50, 2), (120, 1)):
        found = made_search(MadeTrials(spec, peak, each), PSNR, 240).run()
        assert len(found.candidates) == n and found.spent <= 240


def test_more_budget_goes_on_where_less_ended(tmp_path):
    trials = MadeTrials(write_card(tmp_path), peak)
    less = made_search(trials, PSNR, 7 * 20).run()
    more = made_search(trials, PSNR, 12 * 20).run()
    names = [one.settings for one in more.candidates]
    assert names[:7] == [one.settings for one in less.candidates] and len(names) == 12


def test_an_end_of_a_range_is_moved_once_and_said(tmp_path):
    """The optimum lies beyond: at a = 10,000 and b = 250; the method takes no b above 300."""
    trials = MadeTrials(write_card(tmp_path), lambda a, b: peak(a, b, (1e4, 250)))
    trials.build = lambda params: params
    found = made_search(trials, PSNR, 60 * 20).run()
    assert made_search(trials, PSNR, 60 * 20).replay()[0] == found
    widened = [remark for remark in found.remarks if "widened" in remark]
    assert "a: 0.01 .. 100 widened to 0.01 .. 1000" in widened and len(widened) == 2
    best = found.winners[0].settings
    assert best["a"] > 100 and best["b"] > 100
    assert f"psnr: a {best['a']:g} is at the high end of its range" in found.remarks


def test_a_range_does_not_leave_the_method_s_own(tmp_path):
    trials = MadeTrials(write_card(tmp_path), lambda a, b: peak(a, b, (1e4, 1)))
    found = made_search(trials, PSNR, 40 * 20).run()
    assert "a: the method's own range ends at the high end" in found.remarks
    assert max(one.settings["a"] for one in found.candidates) <= 100
    firm = write_card(tmp_path, "search:\n  a: {low: 0.01, high: 100, scale: log, firm: true}\n")
    trials = MadeTrials(firm, lambda a: peak(a, 1, (1e4, 1)))
    trials.build = lambda params: params
    assert made_search(trials, PSNR, 40 * 20).run().remarks == []


def test_lost_candidates_are_never_chosen(tmp_path):
    trials = MadeTrials(write_card(tmp_path), lambda a, b: peak(a, b) if a < 5 else None)
    found = made_search(trials, PSNR, 40 * 20).run()
    assert any(one.told.scores[0].value is None for one in found.candidates)
    assert 1 < found.winners[0].settings["a"] < 5
    all_lost = made_search(MadeTrials(write_card(tmp_path), lambda a, b: None), PSNR).run()
    assert all_lost.winners == [None] and len(all_lost.candidates) == 12


def test_one_search_serves_two_objectives(tmp_path):
    """The two agree on nothing: PSNR is best at a = 10, the misfit-constrained one below a = 1."""
    trials = MadeTrials(write_card(tmp_path), peak)
    plain = trials.made

    def made(params, i):
        one = plain(params, i)
        one.metrics["misfit"] = 1.0 if params["a"] <= 1 else 1.5
        return one

    trials.made = made
    found = made_search(trials, objectives(["psnr", "psnr-misfit"]), 40 * 20).run()
    psnr, fitting = found.winners
    assert psnr.settings["a"] > 3 and fitting.settings["a"] <= 1 and fitting.fresh[1].excess == 0


def test_what_cannot_be_searched_is_refused(tmp_path):
    def refused(card, **fixed):
        trials = MadeTrials(write_card(tmp_path, card), peak)
        trials.fixed |= fixed
        with pytest.raises(SuiteError) as error:
            made_search(trials, PSNR)
        return str(error.value)

    assert "has nothing to tune; write the ranges" in refused("title: x\n")
    assert "has nothing to tune" in refused("search:\n  a: {low: 1, high: 2}\n", a=1)
    assert "search.b leaves the range of the method: a: not" in refused("search:\n  b: {low: 1, high: 400}\n")
    assert "search.a: unit has an unknown name 'tua'" in refused(
        "search:\n  a: {low: 1, high: 2, unit: tua}\n"
    )
    loop = "search:\n  a: {low: 1, high: 2, unit: b}\n  b: {low: 1, high: 2, unit: a}\n"
    assert "the units of a, b depend on each other" in refused(loop)
