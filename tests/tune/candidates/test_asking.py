"""Candidates: new ones, inside of the space, a function of what is told."""

import math

import pytest
import torch

from bench.suites.tuning import Space
from bench.suites.yamlfile import SuiteError
from bench.tune.candidates import asking
from bench.tune.candidates.asking import Told, ask
from bench.tune.candidates.points import Spaces
from bench.tune.objectives import CandidateScore, objectives

BOTH = objectives(["psnr", "lpips"])
SPACES = Spaces(
    {
        "zeta": Space(0.01, 100, "log"),
        "eta": Space(choices=(0.0, 0.5, 1)),
        "step": Space(choices=("norm", True, 1)),
        "n": Space(1, 4, integer=True),
    },
    {},
)
FIRST = Told({"zeta": 1.0, "eta": 1, "step": True, "n": 2}, (CandidateScore(20.0), CandidateScore(0.3)))


def told(points):
    """They are the better the nearer zeta is to 10; every third is lost."""
    found = [FIRST]
    for i, point in enumerate(points):
        psnr = 20 - abs(point["zeta"] - 10)
        values = (None, None) if i % 3 == 2 else (psnr, -psnr / 100)
        found.append(Told(point, tuple(map(CandidateScore, values))))
    return found


def test_candidates_are_new_and_a_function_of_what_is_told():
    start = ask(SPACES, [FIRST], 4, BOTH, ("a", 1))
    more = ask(SPACES, told(start), 4, BOTH, ("a", 2))
    settings = [SPACES.settings(point) for point in (FIRST.point, *start, *more)]
    assert all(one not in settings[:i] for i, one in enumerate(settings)) and len(settings) == 9
    for point in (*start, *more):
        assert all(space.contains(point[name]) for name, space in SPACES.spaces.items()), point
    lost = Told(FIRST.point, (CandidateScore(None), CandidateScore(None)))
    assert ask(SPACES, [lost], 4, BOTH, ("a", 1)) == start, "no score enters the start"
    assert ask(SPACES, told(start), 4, BOTH, ("a", 2)) == more
    assert ask(SPACES, told(start), 2, BOTH, ("a", 2)) == more[:2], "shorter batches begin alike"
    assert ask(SPACES, told(start), 4, BOTH, ("b", 2)) != more


def test_what_another_method_has_set_does_not_enter():
    start = told(ask(SPACES, [FIRST], 4, BOTH, ("a", 1)))
    points = ask(SPACES, start, 1, BOTH, ("a", 2))
    threads = torch.get_num_threads()
    torch.manual_seed(1)
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    try:
        assert ask(SPACES, start, 1, BOTH, ("a", 2)) == points
        assert (torch.get_num_threads(), torch.get_default_dtype()) == (2, torch.float64)
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(torch.float32)


def test_the_start_spreads():
    """Each half of a range has its share; of independent draws one half is often empty."""
    spaces = Spaces({"zeta": Space(0.01, 100, "log")}, {})
    for seed in range(5):
        points = ask(spaces, [Told({"zeta": 1.0}, FIRST.scores)], 4, BOTH, (seed,))
        assert sum(point["zeta"] < 1 for point in points) == 2


@pytest.mark.long
def test_a_few_candidates_come_near_the_best():
    """Six of them over more than three decades, as many as a method with backward passes has."""
    spaces = Spaces({"zeta": Space(0.01, 30, "log")}, {})
    for best in (0.05, 0.4, 4.0):
        told, psnr = [], {}
        for batch, n in enumerate((1, 4, 1)):
            points = ask(spaces, told, n, BOTH, (batch, best)) if told else [{"zeta": 1.0}]
            for point in points:
                value = 26 - 9 * math.log10(point["zeta"] / best) ** 2
                psnr[point["zeta"]] = value
                told.append(Told(point, (CandidateScore(value), CandidateScore(-value / 100))))
        assert max(psnr.values()) > 25.5, best


@pytest.mark.parametrize("choices", [(0.0, 0.5, 1.0), ("a", "b", "c")])
def test_a_space_that_can_be_counted_is_tried_as_a_whole_and_no_more(choices):
    spaces = Spaces({"eta": Space(choices=choices), "n": Space(1, 2, integer=True)}, {})
    found = [Told({"eta": choices[0], "n": 1}, FIRST.scores)]
    while points := ask(spaces, found, 4, BOTH, ("x", len(found))):
        found += [
            Told(point, (CandidateScore(1.0 + i), CandidateScore(1.0))) for i, point in enumerate(points)
        ]
    assert len({tuple(one.point.values()) for one in found}) == len(found) == 6


def rising(*zetas):
    """The best is at the high end of the range, as far as these tell."""
    return [Told({"zeta": zeta}, (CandidateScore(round(20 + 3 * math.log10(zeta), 2)),)) for zeta in zetas]


def test_an_end_that_stays_the_best_does_not_end_a_search():
    """Gaussian processes ask for 100 again and again."""
    spaces = Spaces({"zeta": Space(0.01, 100, "log", firm=True)}, {})
    found = rising(1.0, 0.0463, 1.88, 27.4, 0.328, 100.0, 85.4, 82.4, 1.07)
    points = ask(spaces, found, 1, objectives(["psnr"]), ("t", 0, 9))
    assert len(points) == 1 and points[0] not in [one.point for one in found]
    assert ask(spaces, found, 1, objectives(["psnr"]), ("t", 0, 9)) == points


def test_a_long_range_of_whole_numbers_is_not_listed():
    """It would take all memory there is."""
    spaces = Spaces({"zeta": Space(1, 10**15, integer=True)}, {})
    (point,) = ask(spaces, rising(1, 10**9, 10**12), 1, objectives(["psnr"]), ("long",))
    assert isinstance(point["zeta"], int) and spaces.spaces["zeta"].contains(point["zeta"])


def test_without_optuna_there_is_a_line(monkeypatch):
    monkeypatch.setitem(asking.__dict__["warnings"].sys.modules, "optuna", None)
    with pytest.raises(SuiteError, match=r"needs Optuna 5 or newer: pip install .*\[tune\]"):
        ask(SPACES, [FIRST], 4, BOTH, ("a",))


def test_points_at_which_a_unit_has_no_value_are_not_asked():
    """At each end alone it has one, so that the card is fine."""
    spaces = Spaces({"a": Space(0.2, 2), "b": Space(1, 2, unit="a + c - 1"), "c": Space(0.2, 2)}, {})
    found = [Told({"a": 1.0, "b": 1.0, "c": 1.0}, FIRST.scores)]
    points = ask(spaces, found, 40, BOTH, ("unit",))
    assert len(points) == 40 and all(point["a"] + point["c"] > 1 for point in points)


def test_parameters_that_are_not_allowed_are_not_asked():
    odd = ask(SPACES, [FIRST], 4, BOTH, ("a", 1), lambda params: params["n"] % 2 == 1)
    assert len(odd) == 4 and {point["n"] for point in odd} <= {1, 3}
    assert ask(SPACES, [FIRST], 4, BOTH, ("a", 1), lambda params: False) == []
