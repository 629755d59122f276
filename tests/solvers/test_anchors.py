"""Anchor rows and TDS keep the contract, and the exact ones reach the floor."""

import numpy as np
import pytest
import torch

from bench.certify.mutants import variant
from bench.checks.solver import check_solver
from bench.exact.distances import draw, pose, score
from bench.exact.laws.mutant import Mutant
from bench.exact.prior import GaussianPrior
from bench.exact.problems import ExactImages
from bench.operators import make_operator
from bench.plan.task import Task
from bench.run.inputs import SampleNoise, measure
from bench.run.solve import solve
from bench.solver import Measurement
from bench.suites.presets import resolve
from bench.suites.suite import load_suite
from solvers.exact import Exact
from solvers.oracle import Oracle
from solvers.oracle_pigdm import OraclePiGDM
from solvers.pigdm import PiGDM
from solvers.tds import TDS
from tests.ours import ANCHORS


@pytest.mark.long
@pytest.mark.parametrize("name", ANCHORS)
def test_anchors_keep_the_contract(name):
    assert [one for one in check_solver(ANCHORS[name]().quick(20)) if one.broken] == []


def test_anchors_of_the_posterior_refuse_networks():
    A = make_operator("denoise", (1, 8, 8), [0])
    assert "Oracle needs a prior in closed form" in Oracle().reject(A, None)
    assert "Exact needs a prior in closed form" in Exact().reject(A, None)


@pytest.fixture(scope="module")
def problems():
    """Problems with d = 8, m = 2, sigma = 0.2 and their measurements."""
    data = ExactImages("exact-mixture8")
    task = Task("m2", data.name, "random_matrix", 0.2, {"m": 2})
    found = []
    for image in data.ids[:3]:
        x, given, *_ = measure(task, data, [image])
        found.append((given, pose(data.prior, given.A, given.y, given.sigma, x, image)))
    return data.prior, found


def above_the_floor(problems, solver, n):
    """Medians over problems: the sliced distance over its floor, and the mode TV above that of exact
    samples."""
    prior, found = problems
    ratios, excess = [], []
    for k, ((y, A, sigma), problem) in enumerate(found):
        noise = SampleNoise(k, 100 + k, n, torch.float64, "cpu")
        given = Measurement(y.repeat_interleave(n, 0), A.repeat_interleave(n), sigma)
        x = solve(solver, given, prior, noise).x.reshape(1000, 8)
        ours, exact = score(x, problem), score(draw(problem.posterior, 1000, "another", k), problem)
        ratios.append(ours["sw"])
        excess.append(ours["mode_tv"] - exact["mode_tv"])
    return np.median(ratios), np.median(excess)


@pytest.mark.long
@pytest.mark.parametrize(("solver", "n"), [(TDS(steps=100, particles=1000), 1), (Oracle(steps=100), 1000)])
def test_tds_and_oracle_reach_the_floor(problems, solver, n):
    """Goals 3 and 4 at reduced size; a sampler that ignores y is at 10 to 30 times the floor."""
    ratio, excess = above_the_floor(problems, solver, n)
    assert ratio < 2 and excess < 0.03


def last(solver, given, prior, n):
    """The reconstructions of n copies of a problem, from one stream for all solvers."""
    y, A, sigma = given
    noise = SampleNoise(1, 2, n, torch.float64, "cpu")
    return solve(
        solver, Measurement(y.repeat_interleave(n, 0), A.repeat_interleave(n), sigma), prior, noise
    ).x


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_guidance_through_the_score_is_the_posterior_sampler(problems, eta):
    """Two ways to the same path: the prior's denoiser plus guidance, and the posterior's denoiser."""
    prior, ((given, _), *_) = problems
    ours = OraclePiGDM(levels=20, eta=eta, coefficient="score")
    torch.testing.assert_close(
        last(ours, given, prior, 30), last(Oracle(steps=20, eta=eta), given, prior, 30), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("coefficient", ["paper", "nvlabs", "score", "nvlabs_score"])
def test_where_the_approximation_is_exact_it_is_the_method(problems, coefficient):
    """The likelihood's approximation is exact for a prior of unit variance, at any coefficient."""
    _, ((given, _), *_) = problems
    prior = GaussianPrior(torch.linspace(-1, 1, 8).double(), torch.ones(8).double())
    ours = OraclePiGDM(levels=20, coefficient=coefficient)
    theirs = PiGDM(steps=20, coefficient=coefficient, clip=False)
    torch.testing.assert_close(last(ours, given, prior, 5), last(theirs, given, prior, 5), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("name", "n"), [("exact", 6), ("exact-full", 32)])
def test_the_oracle_of_a_sampler_has_its_settings(name, n):
    """It stands beside the row of the method, and tells of it only with the same eta and coefficient."""
    suite, found = load_suite(name), 0
    for task in suite.tasks:
        prior = task.prior or suite.prior
        rows = {row.label: row for row in suite.solvers if row.takes(task.name)}
        for label in [label for label in rows if label.startswith("oracle-pigdm")]:
            own, other = rows[label], rows[label.removeprefix("oracle-")]
            ours = dict(resolve(own.solver, own.preset, prior, task.name, "")[1])
            theirs = resolve(other.solver, other.preset, prior, task.name, "")[1]
            levels = ours.pop("levels")
            assert theirs == {**ours, "steps": levels, "clip": False}
            found += 1
    assert found == n


WRONG_TDS = [
    Mutant("weights without the density of the step", " - dot(shift, 2 * c1 * z + shift) / (2 * c1**2)", ""),
    Mutant("twist without the spread of x0", "log_twist(A, r, v, sigma)", "log_twist(A, r, 0.0, sigma)"),
    Mutant("weights kept after resampling", "torch.where(few, 0, w.log())", "w.log()", helper="resample"),
]


@pytest.mark.long
@pytest.mark.parametrize("mutant", WRONG_TDS, ids=lambda mutant: mutant.name)
def test_a_wrong_tds_does_not_reach_the_floor(problems, mutant):
    """Seen by the modes: the sliced distance of two of these three is below 2."""
    wrong = variant(TDS, mutant)(steps=100, particles=1000)
    assert above_the_floor(problems, wrong, 1)[1] > 0.06
