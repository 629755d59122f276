"""The particles of FPS-SMC where images differ in their noise, and without noise."""

import pytest
import torch

from bench.batch import Tally
from bench.exact.prior import GaussianPrior
from bench.noise import StreamNoise, stream_key
from bench.operators import make_operator
from bench.prior import CountingPrior
from bench.solver import Gaussian, Measurement, particles
from solvers.fps_smc import FPSSMC

SHAPE, B, P = (1, 8, 8), 3, 4


def streams():
    return StreamNoise([stream_key("fps", i) for i in range(B)], torch.float64)


def solved(measurement, prior, noise):
    *_, step = FPSSMC(steps=6, particles=P).solve(measurement, prior, noise)
    return step.x


@pytest.fixture(scope="module")
def prior():
    return GaussianPrior(torch.zeros(SHAPE, dtype=torch.float64), torch.full((64,), 0.3, dtype=torch.float64))


@pytest.mark.parametrize("operator", ["inpaint_random", "sr_average4"])
def test_every_image_has_its_own_noise_level(prior, operator):
    """With one sigma per image the particles are those of each image alone with its sigma."""
    A, sigma = make_operator(operator, SHAPE, range(B)), torch.tensor([0.05, 0.3, 1.0], dtype=torch.float64)
    y = A(prior.sample(streams()))
    together = solved(Measurement(y, A, noise=Gaussian(sigma)), prior, streams())
    assert together.shape == (B, P, *SHAPE)
    for i in range(B):
        alone = Measurement(y[i : i + 1], A[i : i + 1], float(sigma[i]))
        torch.testing.assert_close(solved(alone, prior, streams()[i : i + 1])[0], together[i])


def test_a_reconstruction_takes_as_many_evaluations_as_that_of_another_method():
    """A search gives all methods the same steps, and so must not give this one five times the evaluations."""
    assert particles(FPSSMC()) == 1


def test_without_noise_nothing_is_divided_by_it(prior):
    A, calls = make_operator("inpaint_random", SHAPE, range(B)), Tally(B)
    y = A(prior.sample(streams()))
    x = solved(Measurement(y, A, 0.0), CountingPrior(prior, calls), streams())
    assert x.isfinite().all() and calls["nfe"].tolist() == [6 * P] * B
    measured = (x - y[:, None])[A.measured[:, None].expand_as(x)]
    assert measured.abs().max() < 0.2, "steps keep to y; the last estimate of the prior shrinks it a little"
