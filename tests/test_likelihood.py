"""Every noise model keeps the laws of a likelihood: its score is its gradient, its draws are of its density,
and the truth has misfit 1; and every image has its own."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from bench.likelihood import LEAST_COUNT, Gaussian, Laplace, Poisson, make_noise
from bench.noise import StreamNoise

MODELS = [Gaussian(0.3), Gaussian(torch.tensor([0.1, 0.2, 0.4])), Poisson(1.0), Poisson(0.05), Laplace(0.2)]
B, SHAPE = 3, (2, 4)


def streams(n=B, name=0):
    return StreamNoise([1000 * name + i for i in range(n)], torch.float64)


def means(model, shape=SHAPE, seed=0):
    """A(x) of some images, with black, white and, for Poisson noise, what has less than a count."""
    Ax = torch.rand(B, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1
    Ax[:, 0, 0], Ax[:, 0, 1] = -1, 1
    if isinstance(model, Poisson):
        Ax[:, 1, 0] = -1 + LEAST_COUNT / model.gain / 3
        Ax[:, 1, 1] = -1.2
    return Ax


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_the_score_is_the_gradient_of_the_log_likelihood(model):
    Ax = means(model)
    y = model.draw(Ax, streams()) + 2 / 255  # nowhere equal to A(x), where Laplace noise has a kink
    Ax = Ax.requires_grad_()
    each = model.log_likelihood(Ax, y)
    (gradient,) = torch.autograd.grad(each.sum(), Ax)
    assert each.shape == (B,)
    torch.testing.assert_close(model.score(Ax.detach(), y), gradient, rtol=1e-10, atol=1e-10)


def test_densities_are_those_of_scipy():
    Ax, y = 0.5, torch.linspace(-2, 2, 9, dtype=torch.float64)[None]
    at = torch.full_like(y, Ax)
    assert np.allclose(Gaussian(0.3).log_density(at, y), stats.norm.logpdf(y, Ax, 0.3))
    assert np.allclose(Laplace(0.3).log_density(at, y), stats.laplace.logpdf(y, Ax, 0.3))
    poisson, k = Poisson(0.1), torch.arange(9.0, dtype=torch.float64)[None]
    y = k / poisson.gain - 1
    expected = stats.poisson.logpmf(k, poisson.counts(at).numpy())
    assert np.allclose(poisson.log_density(at, y), expected)


@pytest.mark.parametrize("model", [Gaussian(0.3), Poisson(1.0), Poisson(0.02), Laplace(0.2)], ids=str)
def test_draws_have_the_moments_of_the_density(model):
    n, a = 40000, 0.2
    y = model.draw(torch.full((1, n), a, dtype=torch.float64), streams(1)).numpy()
    if isinstance(model, Poisson):
        law = stats.poisson(255 * model.rate * (a + 1) / 2)
        y = (y + 1) * 255 * model.rate / 2
        assert np.allclose(y, np.round(y), atol=1e-9), "counts are whole"
    else:
        law = stats.norm(a, 0.3) if isinstance(model, Gaussian) else stats.laplace(a, 0.2)
    mean, var, skew, kurtosis = law.stats("mvsk")
    assert abs(y.mean() - mean) < 5 * math.sqrt(var / n)
    assert abs(y.var() / var - 1) < 5 * math.sqrt((kurtosis + 2) / n)
    assert abs(stats.skew(y, axis=None) - skew) < 0.15
    assert abs(model.variance(torch.tensor(a)).item() / ((y / getattr(model, "gain", 1)).var()) - 1) < 0.05


@pytest.mark.parametrize("model", [Gaussian(0.3), Poisson(1.0), Poisson(0.02), Laplace(0.2)], ids=str)
def test_the_misfit_of_the_truth_is_one_on_average(model):
    """Its square is, exactly, whatever the share of black pixels, over the measured entries alone."""
    Ax = means(model)
    measured = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1)) < 0.6
    for keep in (None, measured):
        squares = []
        for i in range(600):
            y = model.draw(Ax, streams(name=i))
            if keep is not None:
                y = torch.where(keep, y, torch.nan)
            squares.append(model.misfit(Ax, y, keep).square())
        squares = torch.cat(squares)
        error = squares.std() / len(squares) ** 0.5
        assert abs(squares.mean() - 1) < 4 * error < 0.2


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_draw_and_a_score_belong_to_their_image(model):
    Ax = means(model)
    y = model.draw(Ax, streams())
    for i in range(B):
        own = slice(i, i + 1)
        assert torch.equal(model[own].draw(Ax[own], streams()[own]), y[own])
        assert torch.equal(model[own].score(Ax[own], y[own]), model.score(Ax, y)[own])
        assert torch.equal(model[own].misfit(Ax[own], y[own]), model.misfit(Ax, y)[own])
    twice = model.repeat_interleave(2)
    doubled = twice.misfit(Ax.repeat_interleave(2, 0), y.repeat_interleave(2, 0))
    torch.testing.assert_close(doubled, model.misfit(Ax, y).repeat_interleave(2))


@pytest.mark.parametrize("model", [*MODELS, Gaussian(0.0)], ids=str)
def test_nothing_pulls_where_y_is_what_is_expected(model):
    """So do entries that were not measured, where both are 0."""
    Ax = torch.zeros(B, *SHAPE, dtype=torch.float64)
    assert (model.residual(Ax, Ax) == 0).all()
    if torch.as_tensor(model.std != 0).all():
        assert (model.score(Ax, Ax) == 0).all()


def test_the_residual_of_gaussian_noise_is_that_of_y_to_the_bit():
    Ax = means(MODELS[0])
    y = Gaussian(0.1).draw(Ax, streams())
    assert torch.equal(Gaussian(0.1).residual(Ax, y), y - Ax)
    assert Gaussian(0.1).weights(y) == 1.0
    torch.testing.assert_close(0.1**2 * Gaussian(0.1).score(Ax, y), y - Ax)


def test_poisson_weights_are_one_over_twice_y_in_the_unit_interval():
    y = torch.tensor([[0.5, 0.0, -0.5]], dtype=torch.float64)
    torch.testing.assert_close(Poisson(1.0).weights(y), 1 / (y + 1))
    assert Poisson(1.0).weights(torch.tensor([[-1.0]])).item() == Poisson(1.0).gain / LEAST_COUNT


def test_complex_noise_has_its_deviation_in_each_part():
    """The real parts are drawn first, then the imaginary ones, as of two channels."""
    model, Ax = Gaussian(0.3), torch.zeros(B, 5000, dtype=torch.complex128)
    y = model.draw(Ax, streams())
    assert abs(y.real.std() / 0.3 - 1) < 0.03 and abs(y.imag.std() / 0.3 - 1) < 0.03
    stacked = model.draw(torch.zeros(B, 2, 5000, dtype=torch.float64), streams())
    assert torch.equal(torch.stack([y.real, y.imag], 1), stacked)
    parts = torch.stack([Ax.real, Ax.imag], 1)
    torch.testing.assert_close(model.misfit(Ax, y), model.misfit(parts, stacked))
    torch.testing.assert_close(model.log_likelihood(Ax, y), model.log_likelihood(parts, stacked))
    assert abs(model.misfit(Ax, y).mean() - 1) < 0.02
    for other in (Poisson(1.0), Laplace(0.1)):
        with pytest.raises(ValueError, match="real measurements"):
            other.draw(Ax, streams())


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("gaussian", {"sigma": -0.1}),
        ("gaussian", {"sigma": math.nan}),
        ("gaussian", {"sigma": torch.tensor([0.1, math.inf])}),
        ("gaussian", {"sigma": torch.ones(2, 2)}),
        ("gaussian", {"sigma": "0.1"}),
        ("gaussian", {"sigma": [0.1, 0.2]}),
        ("poisson", {"rate": 0.0}),
        ("poisson", {"rate": torch.tensor([1.0, 2.0])}),
        ("laplace", {"scale": math.inf}),
    ],
)
def test_what_is_no_noise_is_refused_by_name(kind, params):
    with pytest.raises(ValueError, match=f"{next(iter(params))} must be a finite number"):
        make_noise(kind, **params)
