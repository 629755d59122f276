"""Measurements without a suite: what docs/use.md shows runs, rows stand alone, settings are a row's, and
misfits are one line."""

import doctest
import re
from dataclasses import dataclass

import pytest
import torch

import bench.api
from bench import load_prior, make_operator, make_solver, solve
from bench.exact.problems import exact_prior
from bench.solver import Solver, Step
from bench.suites.cards import card_of
from bench.suites.yamlfile import SuiteError
from solvers.ddrm import DDRM
from solvers.dps import DPS
from solvers.mcg import MCG
from solvers.pinv import Pinv
from solvers.red_diff import RedDiff
from solvers.tds import TDS
from tests import ROOT


@pytest.fixture(scope="module")
def prior():
    return load_prior("fashion32")


def test_what_the_documentation_shows_runs():
    documentation = (ROOT / "docs" / "use.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", documentation, re.DOTALL)
    shown = {}
    exec(block.replace('"sr_average4"))', '"sr_average4", steps=2))'), shown)
    assert shown["x0"].shape == (1, 1, 32, 32) and shown["x0"].isfinite().all()


def test_the_example_runs():
    assert doctest.testmod(bench.api).failed == 0 < doctest.testmod(bench.api).attempted


def test_a_row_is_the_same_in_every_batch(prior):
    A = make_operator("inpaint_random", prior.shape, range(2))
    y = A(torch.zeros(2, *prior.shape).double())
    both, alone = (solve(y[:n], A[:n], 0.05, prior, DDRM(steps=2)) for n in (2, 1))
    torch.testing.assert_close(both[:1], alone, atol=1e-4, rtol=0)
    assert not torch.equal(solve(y, A, 0.05, prior, DDRM(steps=2), seed=1), both)
    assert solve(y, A, 0.05, prior, TDS(steps=2, particles=3)).shape == both.shape


def test_settings_are_those_of_a_suites_row(prior):
    dps = make_solver("dps", prior, "sr_average4", steps=7)
    tuned = card_of("dps").presets["bench"]["fashion32"]
    assert (dps.zeta, dps.steps) == (tuned["sr_*"]["zeta"], 7)
    assert make_solver("dps", prior).zeta == tuned["*"]["zeta"] != dps.zeta
    assert make_solver("dps", prior, "sr_average4", preset="official").zeta == 0.3
    with pytest.raises(SuiteError, match=r"dps\.zeat: .*did you mean 'zeta'"):
        make_solver("dps", prior, zeat=1.0)
    with pytest.raises(SuiteError, match="unknown solver 'dsp'"):
        make_solver("dsp", prior)


@pytest.mark.parametrize(
    ("n", "operator", "solver", "words"),
    [
        (2, "phase_retrieval", Pinv(), "Pinv needs PinvOperator; PhaseRetrieval is Operator"),
        (
            3,
            "sr_average4",
            Pinv(),
            r"y \(3, 1, 8, 8\), A: 2 x \(1, 32, 32\) -> \(1, 8, 8\) .* do not fit together",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(prior, n, operator, solver, words):
    A = make_operator(operator, prior.shape, range(2))
    with pytest.raises(ValueError, match=words) as error:
        solve(torch.zeros(n, *A.out_shape), A, 0.05, prior, solver)
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(AttributeError, match="no attribute 'solv'"):
        bench.solv  # noqa: B018


def test_a_solver_made_by_hand_is_checked_too(prior):
    A = make_operator("denoise", prior.shape, range(1))
    with pytest.raises(ValueError, match=r"DDRM\.eta: Input should be a finite number"):
        solve(torch.zeros(1, *prior.shape), A, 0.05, prior, DDRM(eta=float("nan")))


def test_what_stands_in_the_holes_of_y_has_no_effect(prior):
    A = make_operator("inpaint_box", prior.shape, range(2))
    y = A(torch.zeros(2, *prior.shape).double() + 0.5)
    for solver in (Pinv(), DDRM(steps=2), DPS(steps=2), MCG(steps=2), RedDiff(steps=2)):
        expected = solve(y, A, 0.05, prior, solver)
        for junk in (-1.0, torch.nan):
            assert torch.equal(solve(torch.where(A.measured, y, junk), A, 0.05, prior, solver), expected)


def test_every_image_may_have_its_own_sigma(prior):
    """It is solved as in a batch of that sigma; methods see one number."""
    A = make_operator("inpaint_random", prior.shape, range(3))
    y = A(torch.zeros(3, *prior.shape).double())
    mixed = solve(y, A, torch.tensor([0.05, 0.05, 0.4]), prior, DDRM(steps=2))
    for sigma, rows in ((0.05, [0, 1]), (0.4, [2])):
        torch.testing.assert_close(
            solve(y, A, sigma, prior, DDRM(steps=2))[rows], mixed[rows], atol=1e-4, rtol=0
        )
    with pytest.raises(ValueError, match="sigma has 2 numbers for 3 images"):
        solve(y, A, torch.tensor([0.1, 0.2]), prior, Pinv())
    for wrong in (-0.1, float("nan"), torch.tensor([0.1, 0.1, float("inf")])):
        with pytest.raises(ValueError, match="sigma must be a finite number >= 0"):
            solve(y, A, wrong, prior, Pinv())


def test_other_noise_is_a_model(prior):
    A = make_operator("denoise", prior.shape, [0])
    y = A(torch.zeros(1, *prior.shape).double())
    assert solve(y, A, bench.Poisson(rate=1.0), prior, DPS(steps=2)).isfinite().all()
    with pytest.raises(ValueError, match="DDRM takes Gaussian noise; y has Poisson"):
        solve(y, A, bench.Poisson(rate=1.0), prior, DDRM(steps=2))


@pytest.mark.parametrize("sigma", [-0.1, float("nan"), float("inf"), torch.tensor([0.1, -0.1])])
def test_a_noise_level_that_is_none_is_refused(prior, sigma):
    A = make_operator("denoise", prior.shape, range(2))
    with pytest.raises(ValueError, match="sigma must be a finite number >= 0"):
        solve(torch.zeros(2, *prior.shape), A, sigma, prior, DDRM(steps=2))
    exact = exact_prior("exact-mixture8")
    A = make_operator("random_matrix", exact.shape, range(1), m=2)
    with pytest.raises(ValueError, match="sigma = "):
        exact.posterior(torch.zeros(1, 2), A, sigma)


@dataclass(frozen=True)
class Diverges(Solver):
    paper = ""

    def solve(self, measurement, prior, noise):
        x = torch.zeros(len(measurement.y), *prior.shape)
        for k in range(3):
            x = x.clone()
            x[1] = torch.nan if k else 0
            yield Step(x, x)


def test_a_result_that_is_not_finite_is_an_error(prior):
    A = make_operator("denoise", prior.shape, range(3))
    with pytest.raises(ValueError, match="Diverges diverged: not finite from image 1 at step 2"):
        solve(torch.zeros(3, *prior.shape), A, 0.1, prior, Diverges())
