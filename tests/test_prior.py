"""Network priors: the embedded weights, the adapter's formulas against plain autograd, and files that must be
refused."""

import pytest
import torch

from bench.batch import Tally
from bench.prior import CountingPrior
from bench.priors import load_prior
from bench.priors.network import NetworkPrior
from bench.priors.unet import build_unet, recompute_activations
from tests.tiny import ARCHITECTURE


@pytest.fixture(scope="module")
def prior():
    return load_prior("fashion32")


def random_network(**changes):
    torch.manual_seed(0)
    network = build_unet(**ARCHITECTURE | changes)
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.05)
    return network


def test_the_embedded_prior_denoises(prior):
    """The error on held-out images grows with the noise, and is a small part of it."""
    from bench.data import load_dataset

    data = load_dataset("fashion32_tune")
    x0 = torch.stack([data.image(i) for i in data.ids[:8]])
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0))
    errors = []
    for index, share in ((20, 0.4), (100, 0.15), (400, 0.03)):
        t = prior.schedule.level(index)
        errors.append((prior.denoise(t.alpha * x0 + t.sigma * eps, t) - x0).square().mean().item())
        assert errors[-1] < share * t.ratio**2
    assert errors == sorted(errors)


def test_noise_prediction_and_learned_variance_are_taken_apart():
    network = random_network(learn_sigma=True)
    prior = NetworkPrior(network, (1, 16, 16))
    x, t = torch.randn(2, 1, 16, 16), prior.schedule.level(300)
    out = network(x, torch.tensor([300.0, 300.0]))
    x0, v = prior.moments(x, t)
    torch.testing.assert_close(t.alpha * x0 + t.sigma * out[:, :1], x)
    torch.testing.assert_close(v, out[:, 1:])
    assert NetworkPrior(random_network(), (1, 16, 16)).moments(x, t)[1] is None


@pytest.mark.parametrize("recompute", [False, True])
def test_pullback_is_the_vector_jacobian_product(recompute):
    network = recompute_activations(random_network().double(), recompute)
    prior = NetworkPrior(network, (1, 16, 16), dtype=torch.float64)
    x, u = torch.randn(2, 2, 1, 16, 16, dtype=torch.float64)
    t = prior.schedule.level(100)
    x0, pull = prior.vjp(x, t)
    h = 1e-6
    slope = (prior.denoise(x + h * u, t) - prior.denoise(x - h * u, t)) / (2 * h)
    torch.testing.assert_close(x0, prior.denoise(x, t))
    w = torch.randn(x.shape, dtype=torch.float64)  # the library's attention rounds to float32
    torch.testing.assert_close((pull(w) * u).sum(), (slope * w).sum(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(pull(2 * w), 2 * pull(w))
    assert torch.is_grad_enabled()


def test_the_watcher_counts(prior):
    calls = Tally(3)
    watched = CountingPrior(prior, calls)
    x, t = torch.zeros(3, *prior.shape), prior.schedule.level(10)
    watched.denoise(x, t)
    _, pull = watched.vjp(x, t)
    pull(x)
    pull(x)
    assert calls["nfe"].tolist() == calls["vjps"].tolist() == [2, 2, 2]
    watched[torch.tensor([2, 0])].denoise(x[:2], t)
    assert calls["nfe"].tolist() == [3, 2, 3]
