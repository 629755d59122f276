"""The kernel Stein discrepancy against derivatives taken by autograd, and what it sees."""

import math

import pytest
import torch

from bench.exact.distances import score, stein
from bench.exact.distances.draws import draw
from bench.exact.distances.kernel import within_modes
from bench.exact.distances.stein import SteinDistance, learned_score, median_square, stein_discrepancy
from bench.exact.prior import GaussianPrior
from bench.operators.matrices import Matrix
from bench.solver import Measurement
from tests.exact.distances.made import F64, gaussian, linear, mixture, rng

ELL2 = 0.7


def kernel(x, y):
    return (1 + (x - y).square().sum() / ELL2) ** -0.5


def stein_kernel(p, x, y):
    """The kernel after both Stein operators, by its definition."""

    def first(a, b):
        (slope,) = torch.autograd.grad(kernel(a, b), a, create_graph=True)
        return slope + kernel(a, b) * score_of(p, a)

    a, b = (v.clone().requires_grad_() for v in (x, y))
    once = first(a, b)
    trace = sum(torch.autograd.grad(once[i], b, retain_graph=True)[0][i] for i in range(len(x)))
    return (trace + once @ score_of(p, b)).item()


def score_of(p, x):
    x = x.detach().clone().requires_grad_()
    return torch.autograd.grad(p.log_density(x[None]).sum(), x)[0]


def test_it_is_the_mean_of_the_stein_kernel_over_pairs(monkeypatch):
    p, x = mixture(True, 3), torch.from_numpy(rng(1).standard_normal((7, 3)))
    pairs = [stein_kernel(p, x[i], x[j]) for i in range(7) for j in range(7) if i != j]
    expected = ELL2 / 3 * sum(pairs) / len(pairs)
    found = stein_discrepancy(x, p.score(x), ELL2)
    assert found == pytest.approx(expected, rel=1e-9)
    monkeypatch.setattr(stein, "CHUNK", 15)
    assert stein_discrepancy(x, p.score(x), ELL2) == pytest.approx(found, rel=1e-12)


@pytest.mark.parametrize("p", [mixture(True, 3), mixture(False, 3), gaussian(4)])
def test_the_score_is_the_gradient_of_the_log_density(p):
    for t in (p.schedule.level(300), *p.schedule.levels(1)[1:]):
        x = torch.from_numpy(rng(2).standard_normal((5, *p.shape))).requires_grad_()
        (expected,) = torch.autograd.grad(p.log_density(x, t).sum(), x)
        torch.testing.assert_close(p.score(x.detach(), t), expected, rtol=1e-9, atol=1e-9)


def test_samples_at_the_mode_of_a_gaussian_have_one():
    p = gaussian(6)
    x = p.mean.expand(20, -1)
    assert stein_discrepancy(x, p.score(x), 0.3) == pytest.approx(1, rel=1e-12)


def test_exact_samples_have_zero_on_average_and_wrong_ones_do_not():
    problem = linear(mixture(True, 4, 5), 2, 0.3)
    mean, ksd, values = problem.posterior.mean, SteinDistance(problem.posterior), []
    for i in range(100):
        x = draw(problem.posterior, 60, "stein", i)
        values.append([ksd(v)["ksd"] for v in (x, mean + 0.7 * (x - mean), x + 0.1)])
    found = torch.tensor(values, dtype=F64)
    z = found.mean(0) / found.std(0) * 10
    assert abs(z[0]) < 3 and z[1] > 10 and z[2] > 10
    x = draw(problem.posterior, 60, "stein")
    assert score(x, problem)["ksd"] == ksd(x)["ksd"]


def test_images_are_scored_as_their_pixels():
    p, image = gaussian(6), GaussianPrior(gaussian(6).mean.view(1, 2, 3), gaussian(6).variances[0, 0])
    x = draw(p, 20, "pixels")
    assert SteinDistance(image)(x) == SteinDistance(p)(x)


def test_far_samples_are_infinitely_wrong_and_no_error():
    p = gaussian(3)
    x = 1e200 * torch.from_numpy(rng(3).standard_normal((4, 3)))
    assert stein_discrepancy(x, p.score(x), 1.0) == math.inf


def test_a_denoiser_at_the_smallest_level_gives_the_score_of_the_smoothed_posterior():
    prior, A = gaussian(5), Matrix((5,), [0], rng(4).standard_normal((2, 5)))
    y, x = A(draw(prior, 1, "truth")), draw(prior, 6, "samples")
    ratio = prior.schedule.level(0).ratio
    smoothed = GaussianPrior(prior.mean[0], prior.variances[0, 0] + ratio**2)
    found = learned_score(x, prior, Measurement(y, A, 0.3))
    torch.testing.assert_close(found, smoothed.posterior(y, A, 0.3).score(x), rtol=1e-7, atol=1e-7)


def test_the_bandwidth_of_samples_is_near_their_variance():
    p = GaussianPrior(torch.zeros(200, dtype=F64), torch.ones(200, dtype=F64))
    assert median_square(draw(p, 100, "samples")) == pytest.approx(within_modes(p), rel=0.05)
