"""What the laws do not reach: nonlinear guidance, masks in the loss, cutoffs without noise, presets and options."""

import math
from itertools import pairwise

import pytest
import torch

from bench.contract import check
from bench.exact import GaussianPrior
from bench.noise import StreamNoise, stream_key
from bench.operators import make_operator
from bench.solver import Measurement
from bench.suites.presets import load_presets
from solvers import DDRM, DPS, MCG, SOLVERS, PiGDM, RedDiff

SHAPE, B = (1, 8, 8), 3


@pytest.fixture(scope="module")
def prior():
    generator = torch.Generator().manual_seed(0)
    Q, _ = torch.linalg.qr(torch.randn(64, 64, generator=generator, dtype=torch.float64))
    e = torch.linspace(0.02, 0.5, 64, dtype=torch.float64)
    return GaussianPrior(0.1 * torch.ones(SHAPE, dtype=torch.float64), e, Q)


def noise(n=B, name="solvers"):
    return StreamNoise([stream_key(name, i) for i in range(n)], torch.float64)


def solved(solver, measurement, prior):
    *_, step = solver.solve(measurement, prior, noise(len(measurement.y)))
    return step.x.clone()


@pytest.mark.parametrize("coefficient", ["paper", "nvlabs", "score"])
def test_pigdm_guides_through_a_nonlinear_pseudo_inverse(prior, coefficient):
    """Against the update written out, with the Jacobian by central differences."""
    A = make_operator("hdr", SHAPE, range(B))
    y = A(prior.sample(noise(name="x")))
    solver = PiGDM(steps=2, coefficient=coefficient, clip=False, eta=0.0)
    steps = [step.x.clone() for step in solver.solve(Measurement(y, A, 0.1), prior, noise())]
    x = noise().new(SHAPE)
    for (t, s), got in zip(pairwise(prior.schedule.levels(2)), steps, strict=True):
        x0 = prior.denoise(x, t)
        u = y / 2 - (2 * x0).clamp(-1, 1) / 2
        basis = torch.eye(64, dtype=torch.float64).view(64, *SHAPE)
        h = 1e-4
        jacobian = (prior.denoise(x[:1] + h * basis, t) - prior.denoise(x[:1] - h * basis, t)).view(64, 64) / (2 * h)
        g = (u.flatten(1) @ jacobian.T).view_as(x)  # the Gaussian's Jacobian is the same at every x; row i is d x0 / d x_i
        c2 = s.sigma
        eps = (x - t.alpha * x0) / t.sigma
        k = {"paper": t.alpha, "nvlabs": t.alpha * s.alpha, "score": s.alpha / t.alpha - c2 / t.sigma}[coefficient]
        x = s.alpha * x0 + c2 * eps + k * g
        torch.testing.assert_close(got, x, rtol=1e-6, atol=1e-8)
        x = got


def test_red_diff_counts_measured_entries_only(prior):
    """One step of gradient descent under a mask: the data term is a mean over the pixels that were measured."""
    A = make_operator("inpaint_random", SHAPE, range(B), p=0.75)
    y = A(prior.sample(noise(name="x"))) + 0.3 * A.measured
    solver = RedDiff(steps=1, optimiser="sgd", lr=1.0, lam=0.7, spacing="trailing")
    t = prior.schedule.level(999)
    eps = noise().new(SHAPE)
    mu = A.pinv(y) + 1.0  # moved off the data, so that its term is not zero
    A.guess = lambda _: mu.clone()
    x = t.alpha * mu + t.sigma * eps
    eps_hat = (x - t.alpha * prior.denoise(x, t)) / t.sigma
    mask = A.measured
    gradient = 0.7 * t.sigma / t.alpha * (eps_hat - eps) / 64 + mask * (mu - y) / 16
    torch.testing.assert_close(solved(solver, Measurement(y, A, 0.1), prior), mu - gradient, rtol=1e-10, atol=1e-10)


def test_red_diff_returns_the_iterate_it_says(prior):
    A = make_operator("sr_average2", SHAPE, range(B))
    y = A(prior.sample(noise(name="x")))
    measurement = Measurement(y, A, 0.1)
    last = [s.x.clone() for s in RedDiff(steps=5).solve(measurement, prior, noise())]
    before = [s.x.clone() for s in RedDiff(steps=5, returned="before_last").solve(measurement, prior, noise())]
    assert torch.equal(before[-1], last[-2])
    assert torch.equal(before[0], A.guess(y))


@pytest.mark.parametrize("spacing", ["leading", "poly7"])
def test_red_diff_with_random_levels_keeps_the_contract(spacing):
    assert [p for p in check(RedDiff(steps=40, timesteps="random", spacing=spacing)) if p.broken] == []


def test_ddrm_without_noise_trusts_what_the_pseudo_inverse_trusts():
    """A singular value below the cutoff counts as unmeasured: 1 / s would blow up, and the result is that of s = 0."""
    prior = GaussianPrior(torch.zeros(3, dtype=torch.float64), torch.full((3,), 0.5, dtype=torch.float64))
    results = []
    for tiny in (1e-7, 0.0):
        A = make_operator("matrix", (3,), range(B), matrix=[[1.0, 0, 0], [0, tiny, 0]])
        y = torch.tensor([[0.5, 1.0]] * B, dtype=torch.float64)
        results.append(solved(DDRM(steps=10), Measurement(y, A, 0.0), prior))
    torch.testing.assert_close(results[0].abs(), results[1].abs(), rtol=1e-6, atol=1e-6)
    assert results[0].abs().max() < 10


@pytest.mark.parametrize("solver", [DPS(steps=20, zeta=0.0), MCG(steps=20, zeta=0.0)])
def test_a_residual_of_zero_is_no_division_by_zero(solver, prior):
    A = make_operator("denoise", SHAPE, range(B))
    y = torch.zeros(B, *SHAPE, dtype=torch.float64)
    assert solved(solver, Measurement(y, A, 0.1), prior).isfinite().all()


@pytest.mark.parametrize("name", [name for name in SOLVERS if name != "pinv"])
def test_every_preset_builds_its_solver(name):
    presets = load_presets(name)
    assert {"bench", "official"} <= presets.keys()
    for priors in presets.values():
        for tasks in priors.values():
            for params in tasks.values():
                solver = SOLVERS[name](**params)
                assert all(not isinstance(v, float) or math.isfinite(v) for v in vars(solver).values())
