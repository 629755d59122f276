"""The solver interface: the pullback that is used once, noise for the next level, and who is refused."""

import copy
import math
import weakref
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import pytest
import torch

from bench.batch import Tally
from bench.exact.prior import MixturePrior
from bench.noise import StreamNoise, stream_key
from bench.operators import make_operator
from bench.operators.base import RUNGS
from bench.prior import CountingPrior
from bench.solver import (
    CLEAN,
    Gaussian,
    Laplace,
    Measurement,
    PinvOperator,
    Poisson,
    Solver,
    Step,
    SVDOperator,
    fresh_noise,
    norm,
    particles,
    squared_misfit,
    vjp_once,
)

F64 = torch.float64


def noise(n=4):
    return StreamNoise([stream_key("solver", i) for i in range(n)], F64)


@pytest.fixture
def prior():
    means = 2 * noise(3).new((5,))
    return MixturePrior(torch.ones(3, dtype=F64), means, torch.full((3, 5), 0.3, dtype=F64))


def test_the_clip_is_inside_the_graph(prior):
    """Against automatic differentiation of the clipped estimate, which Tweedie's formula gives."""
    t, u = prior.schedule.level(300), noise().new((5,))
    x = (noise().new((5,)) * 2).requires_grad_()
    for clip in (False, True):
        score = torch.autograd.grad(prior.log_density(x, t).sum(), x, create_graph=True)[0]
        expected = (x + t.sigma**2 * score) / t.alpha
        if clip:
            expected = expected.clamp(-1, 1)
            assert 0 < (expected.abs() == 1).sum() < expected.numel(), "some are clipped"
        x0, v, pull = vjp_once(prior, x.detach(), t, clip)
        torch.testing.assert_close(x0, expected.detach(), rtol=0, atol=1e-10)
        torch.testing.assert_close(pull(u), torch.autograd.grad(expected, x, u)[0], rtol=0, atol=1e-9)
        assert v is None


class Remembering(CountingPrior):
    """A prior that knows whether its last pullback is alive."""

    def counted(self, x0, v, pull):
        x0, v, pull = super().counted(x0, v, pull)
        self.last = weakref.ref(pull)
        return x0, v, pull


def test_the_pullback_takes_its_graph_with_it(prior):
    remembering = Remembering(prior, Tally(4))
    x0, _, pull = vjp_once(remembering, noise().new((5,)), prior.schedule.level(300))
    assert remembering.last() is not None
    pull(x0)
    assert remembering.last() is None
    with pytest.raises(IndexError):
        pull(x0)


def test_noise_is_drawn_for_noisy_levels_only(prior):
    source, x = noise(), noise().new((5,))
    assert fresh_noise(source, x, CLEAN) is x and not source.calls.any()
    assert torch.equal(fresh_noise(source, x, prior.schedule.level(0)), noise().like(x))


@dataclass(frozen=True)
class Mine(Solver):
    needs: ClassVar = SVDOperator
    needs_gradient: ClassVar[bool] = True

    def solve(self, measurement, prior, noise):
        yield Step(measurement.y, measurement.y)


def test_an_operator_below_the_rung_is_refused_by_the_rung_that_it_is_on():
    def refused(name):
        return Mine().reject(make_operator(name, (1, 16, 16), [0]), None)

    assert refused("inpaint_box") is None
    assert refused("blur_motion") == "Mine needs SVDOperator; BlurMotion is LinearOperator"
    assert refused("hdr") == "Mine needs SVDOperator; HDR is PinvOperator"
    assert refused("phase_retrieval") == "Mine needs SVDOperator; PhaseRetrieval is Operator"
    assert RUNGS[0] is SVDOperator and all(issubclass(a, b) for a, b in pairwise(RUNGS))


def test_a_gradient_is_asked_for():
    @dataclass(frozen=True)
    class Gradient(Mine):
        needs: ClassVar = PinvOperator

    jpeg = make_operator("jpeg", (1, 16, 16), [0])
    assert Gradient().reject(jpeg, None) == "Gradient needs a gradient through A; JPEG has none"


def test_noise_that_a_solver_does_not_take_is_refused_by_its_name():
    @dataclass(frozen=True)
    class Any(Mine):
        noises: ClassVar = (Gaussian, Laplace)

    A = make_operator("denoise", (1, 16, 16), [0])
    assert Mine().refuses(A, None, Gaussian(0.1)) is None
    assert Mine().refuses(A, None, Poisson(1.0)) == "Mine takes Gaussian noise; y has Poisson"
    assert Any().refuses(A, None, Laplace(0.1)) is None
    assert Any().refuses(A, None, Poisson(1.0)) == "Any takes Gaussian or Laplace noise; y has Poisson"
    assert "needs SVDOperator" in Any().refuses(make_operator("hdr", (1, 16, 16), [0]), None, Laplace(0.1))


def test_a_measurement_unpacks_as_three_and_knows_its_noise():
    A = make_operator("denoise", (1, 4, 4), [0, 1])
    y = torch.zeros(2, 1, 4, 4)
    measurement = Measurement(y, A, 0.1)
    y_, A_, sigma = measurement
    assert y_ is y and A_ is A and sigma == measurement.sigma == 0.1 and measurement.noise == Gaussian(0.1)
    assert copy.copy(measurement).noise == Gaussian(0.1)
    _, _, sigma = Measurement(y, A, noise=Poisson(1.0))
    assert math.isnan(sigma)
    assert Measurement(y, A, torch.tensor([0.1, 0.2])).sigma.shape == (2, 1, 1, 1)


def test_what_was_not_measured_is_masked_where_y_enters():
    A = make_operator("inpaint_box", (1, 16, 16), [0, 1])
    y = torch.where(A.measured, 0.5, torch.nan)
    assert torch.equal(Measurement(y, A, 0.1).y, 0.5 * A.measured)
    for taken in (A.pinv(y), A.adjoint(y), A.Ut(y), A.guess(y), A.vjp(torch.zeros(2, 1, 16, 16))[1](y)):
        assert taken.isfinite().all()
    assert norm(y, A.measured).isfinite().all()


def test_particles():
    @dataclass(frozen=True)
    class Many(Mine):
        particles: int = 7

    assert (particles(Mine()), particles(Many())) == (1, 7)


def test_a_misfit_counts_what_was_measured_by_its_weight():
    A = make_operator("inpaint_random", (1, 8, 8), range(2), p=0.5)
    x0 = noise(2).uniform((1, 8, 8))
    y = torch.where(A.measured, 0.5, torch.nan).to(F64)
    for model, weight in ((Laplace(0.1), 1.0), (Poisson(1.0), 1 / 1.5)):
        r = torch.where(A.measured, y - x0, 0)
        expected = weight * (r**2).sum((1, 2, 3), keepdim=True)
        torch.testing.assert_close(squared_misfit(x0, Measurement(y, A, noise=model)), expected)
