"""Exact priors against automatic differentiation, Bayes' rule and their own moments."""

import pytest
import torch

from bench.exact.laws.problems import matrix_operator
from bench.exact.prior import GaussianPrior, MixturePrior, dense
from bench.exact.problems import exact_prior
from bench.noise import StreamNoise, stream_key
from bench.operators import make_operator
from bench.schedule import Level, VPSchedule

SCHEDULE = VPSchedule()
LEVELS = [SCHEDULE.level(999), SCHEDULE.level(400), SCHEDULE.level(50), SCHEDULE.at(0.123), SCHEDULE.level(0)]


def streams(n, dtype=torch.float64):
    return StreamNoise([stream_key("test", i) for i in range(n)], dtype)


def orthogonal(d, seed=0):
    return torch.linalg.qr(
        torch.randn(d, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    )[0]


def gaussian(d=5):
    return GaussianPrior(torch.linspace(-1, 1, d).double(), torch.logspace(0, -2, d).double(), orthogonal(d))


def mixture(shared=False, shape=(5,)):
    generator = torch.Generator().manual_seed(1)
    d = torch.Size(shape).numel()
    means = torch.randn(3, *shape, generator=generator, dtype=torch.float64)
    variances = torch.rand(1 if shared else 3, d, generator=generator, dtype=torch.float64) * 0.3 + 0.02
    return MixturePrior(torch.tensor([0.5, 0.3, 0.2]).double(), means, variances, orthogonal(d))


def measured(prior, n, sigma=0.1):
    """n problems with their own y and one operator, and the posterior of each."""
    A = matrix_operator((1.0, 0.5), prior.shape[0], n, prior.dtype)
    x = prior.sample(streams(n))
    y = A(x) + sigma * streams(2 * n)[n:].new((2,))
    return y, A, prior.posterior(y, A, sigma)


PRIORS = {
    "gaussian": gaussian,
    "mixture": mixture,
    "shared covariance": lambda: mixture(shared=True),
    "image": lambda: mixture(shape=(1, 2, 3)),
    "posterior": lambda: measured(mixture(), 6)[2],
    "posterior, shared covariance": lambda: measured(mixture(shared=True), 6)[2],
}


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("t", LEVELS, ids=lambda t: f"t{t.index:g}")
def test_denoiser_is_tweedie_and_its_vjp_is_autograd(name, t):
    prior = PRIORS[name]()
    noise = streams(6)
    x = t.alpha * prior.sample(noise) + t.sigma * noise.new(prior.shape)
    x.requires_grad_()
    score = torch.autograd.grad(prior.log_density(x, t).sum(), x, create_graph=True)[0]
    x0 = (x + t.sigma**2 * score) / t.alpha
    u = noise.like(x)
    pulled = torch.autograd.grad(x0, x, u)[0]
    mine, pull = prior.vjp(x, t)
    assert (mine - x0).abs().max() < 1e-10
    assert torch.equal(mine, prior.denoise(x, t))
    assert (pull(u) - pulled).abs().max() < 1e-10 * max(1, pulled.abs().max())
    assert not mine.requires_grad and not pull(u).requires_grad


@pytest.mark.parametrize("name", ["gaussian", "mixture", "shared covariance"])
@pytest.mark.parametrize("sigma", [0.05, 1.0])
def test_bayes_rule(name, sigma):
    prior = PRIORS[name]()
    A = matrix_operator((1.0, 0.5), 5, 1, torch.float64)
    y = torch.tensor([[0.3, -0.8]]).double()
    posterior = prior.posterior(y, A, sigma)
    x = posterior.sample(streams(50))
    misfit = ((A.repeat_interleave(50)(x) - y) ** 2).sum(1)
    constant = prior.log_density(x) - misfit / (2 * sigma**2) - posterior.log_density(x)
    assert constant.max() - constant.min() < 1e-9


@pytest.mark.parametrize("operator", ["inpaint_random", "sr_average2", "blur_motion"])
def test_bayes_rule_with_an_operator_per_image(operator):
    d, shape = 256, (1, 16, 16)
    prior = GaussianPrior(torch.zeros(shape).double(), torch.linspace(0.1, 1, d).double(), orthogonal(d))
    A, noise = make_operator(operator, shape, range(2)), streams(2)
    y = A(prior.sample(noise))
    n = noise.like(y)
    y = y + 0.1 * (n if A.measured is None else n * A.measured)
    posterior, constants = prior.posterior(y, A, 0.1), []
    for x in (posterior.sample(noise), posterior.sample(noise)):
        misfit = ((A(x) - y) ** 2).flatten(1).sum(1)
        constants.append(prior.log_density(x) - misfit / 0.02 - posterior.log_density(x))
    assert (constants[0] - constants[1]).abs().max() < 1e-9


@pytest.mark.parametrize("name", ["gaussian", "mixture", "shared covariance", "image", "posterior"])
def test_samples_have_the_moments(name):
    prior, n = measured(mixture(), 1)[2] if name == "posterior" else PRIORS[name](), 4000
    x = prior.sample(streams(n)).flatten(1)
    centred = x - x.mean(0)
    spread = prior.covariance[0].diagonal().sum().sqrt()
    assert (x.mean(0) - prior.mean[0].flatten()).abs().max() < 5 * spread / n**0.5
    assert (centred.T @ centred / n - prior.covariance[0]).abs().max() < 5 * spread**2 / n**0.5


@pytest.mark.parametrize("name", ["gaussian", "mixture", "shared covariance", "posterior"])
def test_projection_is_the_distribution_of_the_projected_vector(name):
    prior = PRIORS[name]()
    W = torch.randn(2, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    projected = prior.project(W)
    assert (projected.mean - prior.mean @ W.T).abs().max() < 1e-12
    assert (projected.covariance - W @ prior.covariance @ W.T).abs().max() < 1e-12
    x = prior.sample(streams(6))
    turn = orthogonal(5, 3)
    turned = prior.project(turn)
    assert (turned.log_density(x @ turn.T) - prior.log_density(x)).abs().max() < 1e-9
    assert (turned.responsibilities(x @ turn.T) - prior.responsibilities(x)).abs().max() < 1e-9


def test_responsibilities_are_bayes_rule_on_the_components():
    prior, x = mixture(), mixture().sample(streams(20))
    normal = torch.distributions.MultivariateNormal(
        prior.component_means()[0], prior.component_covariances()[0]
    )
    joint = prior.log_weights.exp() * normal.log_prob(x[:, None]).exp()
    assert (prior.responsibilities(x) - joint / joint.sum(1, keepdim=True)).abs().max() < 1e-12


def test_posterior_of_a_batch_is_each_posterior():
    prior = mixture()
    y, A, posterior = measured(prior, 4)
    x = prior.sample(streams(4))
    for i in range(4):
        alone = prior.posterior(y[i : i + 1], A[i : i + 1], 0.1)
        assert (
            alone.denoise(x[i : i + 1], LEVELS[1]) - posterior.denoise(x, LEVELS[1])[i : i + 1]
        ).abs().max() < 1e-13


def test_noiseless_posterior_keeps_the_measurement():
    y, A, posterior = measured(mixture(), 4, sigma=0.0)
    assert (A(posterior.sample(streams(4))) - y).abs().max() < 1e-7
    assert (A(posterior.mean) - y).abs().max() < 1e-12


def test_posterior_gaussian_against_the_information_form():
    prior = gaussian()
    y, A, posterior = measured(prior, 3, sigma=0.2)
    H = dense(A)[0]
    precision = torch.linalg.inv(prior.covariance[0]) + H.T @ H / 0.04
    mean = torch.linalg.solve(
        precision, torch.linalg.solve(prior.covariance[0], prior.mean[0])[:, None] + H.T @ y.T / 0.04
    )
    assert (posterior.mean - mean.T).abs().max() < 1e-11
    assert (posterior.covariance - torch.linalg.inv(precision)).abs().max() < 1e-11
    assert isinstance(posterior, GaussianPrior)


def test_float32():
    prior, single = mixture(), mixture().to(dtype=torch.float32)
    noise = streams(100)
    for t in LEVELS[:3]:
        x = t.alpha * prior.sample(noise) + t.sigma * noise.new(prior.shape)
        x0 = single.denoise(x.float(), t)
        assert x0.dtype == torch.float32
        assert (x0 - prior.denoise(x, t)).abs().max() < 1e-4


@pytest.mark.parametrize("d", [2, 80])
def test_vjp_in_float32_keeps_its_digits_near_the_clean_image(d):
    """At t = 0 the Jacobian magnifies the rounding of what the components differ in by 1e4: uncentred sums
    are off by 1 %."""
    prior = exact_prior(f"exact-mixture{d}")
    noise = streams(64)
    for t in LEVELS[2:]:
        x = (t.alpha * prior.sample(noise) + t.sigma * noise.new(prior.shape)).float()
        u = noise.new(prior.shape)
        exact = prior.vjp(x.double(), t)[1](u)
        single = prior.to(dtype=torch.float32).vjp(x, t)[1](u.float())
        assert (single - exact).norm() < 1e-5 * exact.norm()


def test_level_per_image():
    prior, noise = mixture(), streams(2)
    x, u = noise.new((5,)), noise.new((5,))
    pair = [SCHEDULE.level(100), SCHEDULE.level(700)]
    both = Level(*(torch.tensor(values, dtype=torch.float64)[:, None] for values in zip(*pair, strict=True)))
    x0, pull = prior.vjp(x, both)
    for i, t in enumerate(pair):
        alone, pull_alone = prior.vjp(x[i : i + 1], t)
        assert (x0[i] - alone).abs().max() < 1e-13
        assert (pull(u)[i] - pull_alone(u[i : i + 1])).abs().max() < 1e-12


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="need weights"):
        MixturePrior(torch.ones(2), torch.zeros(3, 4), torch.ones(3, 4))
    with pytest.raises(ValueError, match="negative"):
        GaussianPrior(torch.zeros(2), torch.tensor([1.0, -1.0]))


def test_the_posteriors_of_some_images():
    """Where each image has its own distribution; a prior that all share is the same for any of them."""
    prior = mixture()
    *_, posterior = measured(prior, 4)
    x, t = streams(4).new((5,)), LEVELS[1]
    for some in (slice(1, 3), torch.tensor([3, 0]), torch.tensor([True, False, False, True])):
        torch.testing.assert_close(posterior[some].denoise(x[some], t), posterior.denoise(x, t)[some])
        assert torch.equal(prior[some].denoise(x[some], t), prior.denoise(x[some], t))
