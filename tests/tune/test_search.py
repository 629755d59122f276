"""A search: what it finds, what it spends, and that kills and repeats change nothing."""

import math
import random
from dataclasses import fields, replace
from functools import partial

import pytest

from bench.suites.cards import list_cards
from bench.suites.methods import build_solver, load_solver, parameters
from bench.suites.yamlfile import SuiteError
from bench.tune.objectives import objectives
from tests.made_run import record
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
    best = found.winners[0].settings["a"]
    assert found.remarks == [f"psnr: a {best:g} is at the high end of what the method takes"]
    assert max(one.settings["a"] for one in found.candidates) <= 100


@pytest.mark.parametrize(
    ("space", "end"),
    [
        ("low: 0.01, high: 100, scale: log, firm: true", "its firm range"),
        ("choices: [1, 3, 30]", "its choices"),
    ],
)
def test_ends_that_are_not_moved_are_said(tmp_path, space, end):
    trials = MadeTrials(write_card(tmp_path, f"search:\n  a: {{{space}}}\n"), lambda a: peak(a, 1, (1e4, 1)))
    trials.build = lambda params: params
    found = made_search(trials, PSNR, 40 * 20).run()
    best = found.winners[0].settings["a"]
    assert found.remarks == [f"psnr: a {best:g} is at the high end of {end}"]


def test_a_search_knows_when_and_by_which_code_its_records_were_made(tmp_path):
    """A search that another commit went on with has both; fresh images count, too."""
    trials = MadeTrials(write_card(tmp_path), peak)
    plain, commits = trials.made, {0: ("2026-01-02", "c2"), 1: ("2026-01-01", "c1"), 4: ("2026-01-03", "c3")}

    def made(params, i):
        created, commit = commits.get(i, ("2026-01-02", "c2"))
        return replace(plain(params, i), created=f"{created}T00:00:00+00:00", commit=commit)

    trials.made = made
    found = made_search(trials, PSNR).run()
    assert found.newest[:10] == "2026-01-03" and found.code == ["c1", "c2", "c3"]


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
    wrong = "search:\n  a: {low: 1, high: 2}\n  bb: {low: 1, high: 2}\n  gamma: {low: 0, high: 0.9}\n"
    assert refused(wrong).splitlines() == [
        f"{tmp_path}/mine.yaml:3: search.bb: unknown parameter (did you mean 'b'?); known: a, b",
        f"{tmp_path}/mine.yaml:4: search.gamma: unknown parameter; known: a, b",
    ]
    assert "search.a: unit has an unknown name 'tua'" in refused(
        "search:\n  a: {low: 1, high: 2, unit: tua}\n"
    )
    loop = "search:\n  a: {low: 1, high: 2, unit: b}\n  b: {low: 1, high: 2, unit: a}\n"
    assert "the units of a, b depend on each other" in refused(loop)


def test_candidates_that_cost_nothing_end_too(tmp_path):
    """A method that fails before its first evaluation would be tried for ever."""
    trials = MadeTrials(write_card(tmp_path), lambda a, b: None, each=0)
    found = made_search(trials, PSNR, 6 * 20).run()
    assert len(found.candidates) == 6 and found.spent == 6 * 20 and found.winners == [None]


def test_parameters_that_a_method_does_not_take_together_are_not_tried(tmp_path):
    """Each range is the method's, but not all of their product."""
    trials = MadeTrials(write_card(tmp_path), peak)
    trials.build = lambda params: refuse(params) if params["a"] > 100 * params["b"] else params
    found = made_search(trials, PSNR).run()
    tried = [one.settings for one in found.candidates]
    assert len(tried) == 12 and all(params["a"] <= 100 * params["b"] for params in tried)


def refuse(params):
    raise SuiteError(f"not together: {params}")


class AllCards(MadeTrials):
    """Any method of ours, with scores that are drawn."""

    def __init__(self, spec, draw):
        super().__init__(spec, None)
        self.found, self.draw = load_solver(spec), draw
        self.fixed = {"steps": 10} if "steps" in parameters(self.found.cls) else {}

    def build(self, params):
        return build_solver(self.found, {**self.fixed, **params}, str)

    def known(self):
        return {**super().known(), **vars(self.build({}))}

    def defaults(self):
        return {f.name: getattr(self.build({}), f.name) for f in fields(self.found.cls) if f.init}

    def made(self, params, i):
        self.build(params)
        metrics = {name: self.draw(params) for name in ("psnr", "lpips", "misfit")}
        status = "failed" if metrics["misfit"] is None else "ok"
        made = record("best", i, psnr=0, nfe=10, vjps=0, params=params, status=status)
        return replace(made, metrics=metrics)


def product(params):
    """Grows with all numbers, so that each range is left at its high end."""
    return sum(math.log(abs(value) + 1e-9) for value in params.values() if isinstance(value, int | float))


SCORES = {
    "at low ends": lambda rng, params: -product(params),
    "at high ends": lambda rng, params: product(params),
    "ties": lambda rng, params: 1.0,
    "all lost": lambda rng, params: None,
    "anything": lambda rng, params: rng.choice(
        [None, math.nan, math.inf, -math.inf, 1e308, -1e308, 0.0, rng.gauss(0, 30)]
    ),
}
BUDGET = 16 * 13
"""The first candidates, and two batches that are asked by what they told."""


@pytest.mark.long
@pytest.mark.parametrize("scores", SCORES)
def test_no_score_stops_a_search_of_any_card(scores):
    """Not after hours either: with all that records may hold, at all ends of all spaces."""
    names = [name for name, card in list_cards().items() if card.search]
    assert len(names) > 20
    for k, name in enumerate(names):
        rng = random.Random(f"{scores}, {name}")
        trials = AllCards(name, partial(SCORES[scores], rng))
        chosen = objectives([["psnr", "lpips"], ["psnr-misfit"]][k % 2])
        found = made_search(trials, chosen, BUDGET, k).run()
        assert found.candidates and found.spent <= BUDGET and len(found.winners) == len(chosen), name
