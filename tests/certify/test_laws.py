"""Every solver keeps its laws."""

import pytest
import torch

from bench.certify.laws import all_laws, measured, run_laws
from bench.exact.laws.law import Law
from bench.exact.laws.problems import StartingAt, hadamard_noise, problem, streams
from bench.suites.cards import FOLDER
from tests.ours import METHODS, SOLVERS


@pytest.mark.parametrize("name", all_laws())
def test_laws_hold(name):
    broken = {r.law.name: r.error for r in run_laws(name) if not r.passed}
    assert not broken


def test_every_method_has_laws():
    assert METHODS.keys() <= all_laws().keys()


def test_every_file_of_laws_is_of_a_method():
    """What has LAWS under a name that no card has would never be measured."""
    with_laws = {file.stem for file in (FOLDER / "laws").glob("*.py") if "LAWS = [" in file.read_text()}
    assert with_laws == all_laws().keys()


def test_unknown_name():
    with pytest.raises(ValueError, match="no laws for 'redif'; there are laws for red_diff, dps, "):
        run_laws("redif")


def test_a_law_that_raises_is_broken_and_says_what_and_where():
    def raises(cls):
        raise ValueError("no such\nproblem")

    result = measured(Law("raises", 1e9, raises), SOLVERS["pinv"])
    line = raises.__code__.co_firstlineno + 1
    assert not result.passed and result.raised == f"ValueError: no such problem (test_laws.py:{line})"
    for error in (lambda cls: None, lambda cls: float("nan")):
        assert not measured(Law("no number", 1e9, error), SOLVERS["pinv"]).passed


def test_hadamard_noise_has_exact_moments():
    noise = hadamard_noise(12)
    draws = torch.cat(
        [noise.new((4,)), noise.new((2, 2)).flatten(1), noise.like(torch.zeros(len(noise), 4))], 1
    ).double()
    assert torch.equal(draws.mean(0), torch.zeros(12).double())
    assert torch.equal(draws.T @ draws / len(noise), torch.eye(12).double())
    assert torch.equal(hadamard_noise(12)[3:5].new((4,)), hadamard_noise(12).new((4,))[3:5])
    other = hadamard_noise(12)
    some = other[torch.tensor([1, 0])].new((4,))
    assert torch.equal(some, draws[[1, 0], :4].to(some)) and torch.equal(
        other[2:].new((4,)), draws[2:, :4].to(some)
    )
    with pytest.raises(ValueError, match="no 4 rows left after 12 draws"):
        noise.new((4,))


def test_two_solvers_can_start_at_the_same_state():
    plain, noise = streams(3), StartingAt(torch.full((3, 4), 7.0), streams(3))
    assert torch.equal(noise[1:][:1].new((4,)), torch.full((1, 4), 7.0))
    assert torch.equal(noise.new((4,)), torch.full((3, 4), 7.0))
    plain.new((4,))
    assert torch.equal(noise.new((4,)), plain.new((4,)))


def test_the_problems_are_what_they_say():
    case = problem("skew", 0.1)
    assert (torch.linalg.svdvals(case.A.matrix) - torch.tensor([1.0, 0.5])).abs().max() < 1e-14
    overlap = case.A.basis.T @ case.prior.covariance[0] @ case.A.basis
    assert (overlap - overlap.diagonal().diag()).abs().max() > 0.05
    assert torch.equal(case.path(SOLVERS["pinv"](), streams(3))[0][0], case.A.pinv(case.y)[0])
