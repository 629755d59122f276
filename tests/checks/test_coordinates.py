"""Every method means the same in all coordinates, and one that does not is told so."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import pytest

from bench.certify.mutants import variant
from bench.checks.coordinates import means_the_same_in_all_coordinates
from bench.checks.promise import NotAboutIt
from bench.checks.solver import check_solver
from bench.exact.laws.mutant import Mutant
from bench.exact.problems import exact_prior
from bench.operators import make_operator
from bench.schedule import KarrasSchedule
from bench.solver import PinvOperator, Solver, Step, Steps, VariancePreserving, ddim
from tests.ours import CLASSES


@pytest.mark.long
@pytest.mark.parametrize("name", CLASSES)
def test_every_method_means_the_same_in_all_coordinates(name):
    assert means_the_same_in_all_coordinates(CLASSES[name]().quick(20)) is None


WRONG = {
    "pigdm": [("score", "(t.std if", "(1 if"), ("paper", "return s.std * t.alpha", "return t.alpha")],
    "dps": [("gradient", "t.std * s.std * pull", "pull"), ("start", "levels[0].std * z", "z")],
    "mcg": [
        ("gradient", "t.std * s.std * pull", "pull"),
        ("weighted", "s.std * pull_x0(2", "pull_x0(2"),
        ("y at level t", "s.std / u.std", "1"),
    ],
    "diffpir": [("the state", "x / t.std", "x")],
}


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "what", "old", "new"), [(name, *wrong) for name, all_of in WRONG.items() for wrong in all_of]
)
def test_a_factor_that_is_missing_is_seen(name, what, old, new):
    wrong = variant(CLASSES[name], Mutant(what, old, new))().quick(20)
    assert " coordinates the result differs by " in means_the_same_in_all_coordinates(wrong)


@dataclass(frozen=True)
class Textbook(Solver):
    """Writes the variance of the noise as 1 - alpha^2."""

    paper: ClassVar[str] = "0000.00000"
    needs: ClassVar = PinvOperator
    steps: Steps = 20

    def solve(self, measurement, prior, noise):
        y, A, _ = measurement
        x = noise.new(prior.shape)
        for t, s in pairwise(prior.schedule.levels(self.steps)):
            x0 = prior.denoise(x, t)
            x0 = x0 + A.pinv(y - A(x0)) / (1 + 0.1 * (1 - t.alpha**2))
            x = ddim(x, x0, t, s, 0.5, noise.like(x))
            yield Step(x, x0)


class Declared(Textbook):
    """Says which schedule it is for."""

    needs_schedule: ClassVar = VariancePreserving


def test_a_method_for_one_kind_of_schedule_says_so_and_refuses_others():
    assert "variance-exploding coordinates" in means_the_same_in_all_coordinates(Textbook())
    with pytest.raises(NotAboutIt):
        means_the_same_in_all_coordinates(Declared())
    assert [promise.broken for promise in check_solver(Declared) if promise.broken] == []
    prior = exact_prior("exact-mixture8")
    A = make_operator("denoise", (8,), [0])
    assert Declared().reject(A, prior) is None
    refusal = Declared().reject(A, prior.on(KarrasSchedule()))
    assert refusal == "Declared needs a VariancePreserving schedule; 'exact-mixture8' has KarrasSchedule"
