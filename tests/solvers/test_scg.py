"""How SCG spends its evaluations, and what methods without a gradient of A make of operators that round."""

import math

import pytest
import torch

from bench.batch import Tally
from bench.exact.prior import GaussianPrior
from bench.noise import StreamNoise, stream_key
from bench.operators import make_operator
from bench.prior import CountingPrior
from bench.solver import Measurement
from solvers.dps import DPS
from solvers.dps_gsg import DPSGSG
from solvers.scg import SCG
from tests.ours import CARDS

SHAPE, B = (1, 8, 8), 4


def noise(name):
    return StreamNoise([stream_key(name, i) for i in range(B)], torch.float64)


@pytest.fixture(scope="module")
def prior():
    generator = torch.Generator().manual_seed(0)
    Q, _ = torch.linalg.qr(torch.randn(64, 64, generator=generator, dtype=torch.float64))
    spectrum = torch.linspace(0.02, 0.5, 64, dtype=torch.float64)
    return GaussianPrior(torch.zeros(SHAPE, dtype=torch.float64), spectrum, Q)


def misfit(solver, A, prior):
    """||y - A(x)|| of the result for y = A of a draw of the prior, summed over the batch."""
    y = A(prior.sample(noise("truth")))
    *_, step = solver.solve(Measurement(y, A, 0.05), prior, noise("solver"))
    return float((y - A(step.x)).norm())


@pytest.mark.parametrize(
    ("settings", "split"),
    [
        ((384250, 512, 0.25), (250, 750)),  # those of the port: 1000 levels, the first 250 free
        ((100, 4, 0.25), (8, 23)),
        ((100, 8, 0.0), (4, 12)),
        ((20, 1, 0.25), (5, 15)),
        ((20, 4, 1.0), (20, 0)),
        ((3, 16, 0.25), (3, 0)),
    ],
)
def test_free_and_guided_levels_take_all_evaluations(settings, split):
    steps, n, threshold = settings
    solver = SCG(steps=steps, candidates=n, threshold=threshold)
    assert (solver.split(), solver.yields(), split[0] + n * split[1]) == (split, sum(split), steps)


def test_it_makes_the_evaluations_that_are_asked_for(prior):
    A, calls = make_operator("denoise", SHAPE, range(B)), Tally(B)
    measurement = Measurement(torch.zeros(B, *SHAPE, dtype=torch.float64), A, 0.1)
    steps = list(SCG(steps=50, candidates=5).solve(measurement, CountingPrior(prior, calls), noise("solver")))
    assert (calls["nfe"].tolist(), len(steps)) == ([50] * B, 14)


def test_a_guided_step_takes_one_a_for_each_candidate_and_a_free_one_none(prior):
    A, calls = make_operator("denoise", SHAPE, range(B)), Tally(B)
    measurement = Measurement(torch.zeros(B, *SHAPE, dtype=torch.float64), A.counting(calls), 0.1)
    list(SCG(steps=50, candidates=5).solve(measurement, prior, noise("solver")))
    assert calls["forward"].tolist() == [45] * B


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_measurement_that_is_not_finite_loses_its_image_and_no_other(prior, bad):
    """Every candidate's misfit is NaN or infinite; an unguided sample would look like a result."""
    A = make_operator("denoise", SHAPE, range(B))
    y = torch.zeros(B, *SHAPE, dtype=torch.float64)
    y[1, 0, 0, 0] = bad
    *_, step = SCG(steps=20, candidates=4).solve(Measurement(y, A, 0.1), prior, noise("solver"))
    assert step.x.isfinite().flatten(1).all(1).tolist() == [True, False, True, True]


def test_whatever_a_search_tries_is_guided():
    """At the 100 evaluations of a search; 512 candidates left an unguided sampler."""
    space = CARDS["scg"].search
    for n in space["candidates"].choices:
        for threshold in (space["threshold"].low, space["threshold"].high):
            assert SCG(steps=100, candidates=n, threshold=threshold).split()[1] > 0


@pytest.mark.long
@pytest.mark.parametrize("operator", ["jpeg", "quantise"])
@pytest.mark.parametrize(
    ("guided", "free"),
    [
        (SCG(steps=200, candidates=8), SCG(steps=200, candidates=1)),
        (DPSGSG(steps=50, zeta=0.3, queries=32, mu=0.3), DPSGSG(steps=50, zeta=0.0, queries=1)),
    ],
    ids=["scg", "dps_gsg"],
)
def test_an_operator_that_rounds_has_methods(prior, operator, guided, free):
    """DPS refuses it; the guidance lowers the misfit of a draw from the prior by more than a fifth."""
    A = make_operator(operator, SHAPE, range(B))
    assert guided.reject(A, prior) is None and "has none" in DPS().reject(A, prior)
    assert misfit(guided, A, prior) < 0.8 * misfit(free, A, prior)
