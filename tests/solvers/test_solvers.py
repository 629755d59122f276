"""What the laws do not reach: nonlinear guidance, masks in the loss, cutoffs without noise, presets and
options."""

import math
from itertools import pairwise

import pytest
import torch

from bench.batch import Tally
from bench.checks.solver import check_solver
from bench.exact.prior import GaussianPrior
from bench.noise import StreamNoise, stream_key
from bench.operators import make_operator
from bench.prior import CountingPrior
from bench.solver import Measurement
from solvers.daps import DAPS
from solvers.ddnm import DDNM
from solvers.ddrm import DDRM
from solvers.diffpir import DiffPIR
from solvers.dps import DPS
from solvers.mcg import MCG
from solvers.pigdm import PiGDM
from solvers.red_diff import RedDiff
from tests.ours import CARDS, METHODS, SOLVERS

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
        jacobian = (prior.denoise(x[:1] + h * basis, t) - prior.denoise(x[:1] - h * basis, t)).view(
            64, 64
        ) / (2 * h)
        g = (u.flatten(1) @ jacobian.T).view_as(
            x
        )  # the Gaussian's Jacobian is the same at every x; row i is d x0 / d x_i
        c2 = s.sigma
        eps = (x - t.alpha * x0) / t.sigma
        k = {"paper": t.alpha, "nvlabs": t.alpha * s.alpha, "score": s.alpha / t.alpha - c2 / t.sigma}[
            coefficient
        ]
        x = s.alpha * x0 + c2 * eps + k * g
        torch.testing.assert_close(got, x, rtol=1e-6, atol=1e-8)
        x = got


def test_red_diff_counts_measured_entries_only(prior):
    """One step of gradient descent under a mask: the data term is a mean over the pixels that were
    measured."""
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
    torch.testing.assert_close(
        solved(solver, Measurement(y, A, 0.1), prior), mu - gradient, rtol=1e-10, atol=1e-10
    )


def test_red_diff_returns_the_iterate_it_says(prior):
    A = make_operator("sr_average2", SHAPE, range(B))
    y = A(prior.sample(noise(name="x")))
    measurement = Measurement(y, A, 0.1)
    last = [s.x.clone() for s in RedDiff(steps=5).solve(measurement, prior, noise())]
    before = [
        s.x.clone() for s in RedDiff(steps=5, returned="before_last").solve(measurement, prior, noise())
    ]
    assert torch.equal(before[-1], last[-2])
    assert torch.equal(before[0], A.guess(y))


@pytest.mark.long
@pytest.mark.parametrize("spacing", ["leading", "poly7"])
def test_red_diff_with_random_levels_keeps_the_contract(spacing):
    assert [p for p in check_solver(RedDiff(steps=40, timesteps="random", spacing=spacing)) if p.broken] == []


def test_ddrm_without_noise_trusts_what_the_pseudo_inverse_trusts():
    """A singular value below the cutoff counts as unmeasured: 1 / s would blow up, and the result is that of
    s = 0."""
    prior = GaussianPrior(torch.zeros(3, dtype=torch.float64), torch.full((3,), 0.5, dtype=torch.float64))
    results = []
    for tiny in (1e-7, 0.0):
        A = make_operator("matrix", (3,), range(B), matrix=[[1.0, 0, 0], [0, tiny, 0]])
        y = torch.tensor([[0.5, 1.0]] * B, dtype=torch.float64)
        results.append(solved(DDRM(steps=10), Measurement(y, A, 0.0), prior))
    torch.testing.assert_close(results[0].abs(), results[1].abs(), rtol=1e-6, atol=1e-6)
    assert results[0].abs().max() < 10


def test_ddnm_says_which_form_an_operator_allows(prior):
    blur, mask = (
        make_operator("blur_motion", (1, 32, 32), [0]),
        make_operator("inpaint_box", (1, 32, 32), [0]),
    )
    assert "DDNM+ needs SVDOperator; BlurMotion is LinearOperator" in DDNM().reject(blur, prior)
    assert "DDNM needs LinearOperator; HDR is PinvOperator" in DDNM().reject(
        make_operator("hdr", SHAPE, [0]), prior
    )
    assert DDNM(plus=False).reject(blur, prior) is None
    assert DDNM().reject(mask, prior) is None


@pytest.mark.parametrize("operator", ["inpaint_random", "sr_average2"])
def test_ddnm_without_noise_is_consistent_in_every_estimate(prior, operator):
    A = make_operator(operator, SHAPE, range(B))
    y = A(prior.sample(noise(name="x")))
    for step in DDNM(steps=5).solve(Measurement(y, A, 0.0), prior, noise()):
        torch.testing.assert_close(A(step.x0), y, rtol=0, atol=1e-12)


def test_diffpir_returns_what_it_says(prior):
    """``state`` is the input of the last network evaluation, whose result is not used; ``estimate`` the last
    x0'."""
    A = make_operator("sr_average2", SHAPE, range(B))
    measurement = Measurement(A(prior.sample(noise(name="x"))), A, 0.1)
    state, estimate = (
        [step.x.clone() for step in DiffPIR(steps=5, returned=returned).solve(measurement, prior, noise())]
        for returned in ("state", "estimate")
    )
    assert torch.equal(state[-1], state[-2])
    assert torch.equal(state[-2], estimate[-2])
    t = prior.schedule.level(0)
    x0 = prior.denoise(state[-1], t).clamp(-1, 1)
    rho = (0.1 * t.alpha / t.sigma) ** 2
    # The rows of pooling by 2 are orthogonal, of squared length 1/4.
    expected = x0 + A.adjoint(measurement.y - A(x0)) / (0.25 + rho)
    torch.testing.assert_close(estimate[-1], expected, rtol=0, atol=1e-12)


def test_daps_moves_along_a_nonlinear_likelihood(prior):
    """One level written out: one Euler step to the clean image, three Langevin steps with HDR's slope of 2
    where unclipped."""
    A = make_operator("hdr", SHAPE, range(B))
    y = A(prior.sample(noise(name="x")))
    solver = DAPS(steps=1, ode_steps=1, sigma_max=0.8, langevin_steps=3, tau=0.5, lr=0.01)
    got = solved(solver, Measurement(y, A, 0.1), prior)
    n, t = noise(), prior.schedule.at(0.8)
    x0 = u = prior.denoise(t.sigma * n.new(SHAPE), t)
    for _ in range(3):
        gradient = torch.where((2 * u).abs() < 1, 2 * (y - 2 * u), 0) / 0.25
        u = u + 0.01 * (gradient + (x0 - u) / 0.64) + 0.02**0.5 * n.new(SHAPE)
    torch.testing.assert_close(got, u, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("steps", "ode_steps"), [(4, 5), (7, 3), (6, 2)])
def test_daps_evaluates_as_often_as_it_says(prior, steps, ode_steps):
    calls = Tally(B)
    A = make_operator("denoise", SHAPE, range(B))
    measurement = Measurement(torch.zeros(B, *SHAPE, dtype=torch.float64), A, 0.1)
    solver = DAPS(steps=steps, ode_steps=ode_steps, langevin_steps=1)
    levels = len(list(solver.solve(measurement, CountingPrior(prior, calls), noise())))
    assert (calls["nfe"].tolist(), levels) == ([steps] * B, solver.yields())


@pytest.mark.parametrize("solver", [DPS(steps=20, zeta=0.0), MCG(steps=20, zeta=0.0)])
def test_a_residual_of_zero_is_no_division_by_zero(solver, prior):
    A = make_operator("denoise", SHAPE, range(B))
    y = torch.zeros(B, *SHAPE, dtype=torch.float64)
    assert solved(solver, Measurement(y, A, 0.1), prior).isfinite().all()


@pytest.mark.parametrize("name", METHODS)
def test_every_preset_builds_its_solver(name):
    presets = CARDS[name].presets
    assert {"bench", "official"} <= presets.keys()
    for priors in presets.values():
        for tasks in priors.values():
            for params in tasks.values():
                solver = SOLVERS[name](**params)
                assert all(not isinstance(v, float) or math.isfinite(v) for v in vars(solver).values())
