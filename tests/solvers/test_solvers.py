"""What the laws do not reach: nonlinear guidance, masks in the loss, cutoffs without noise, presets and
options."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from bench.batch import Tally
from bench.checks.solver import check_solver
from bench.exact.prior import GaussianPrior
from bench.noise import StreamNoise, stream_key
from bench.operators import make_operator
from bench.operators.matrices import Matrix
from bench.prior import CountingPrior
from bench.solver import Gaussian, Laplace, Measurement, Poisson, VPSchedule
from solvers.daps import DAPS
from solvers.dcdp import DCDP
from solvers.ddnm import DDNM
from solvers.ddrm import DDRM
from solvers.diffpir import DiffPIR
from solvers.dps import DPS
from solvers.dsg import DSG
from solvers.lgd_mc import LGDMC
from solvers.mcg import MCG
from solvers.mmps import MMPS
from solvers.pigdm import PiGDM
from solvers.red_diff import RedDiff
from solvers.repaint import RePaint
from solvers.scg import SCG
from solvers.sitcom import SITCOM
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


@pytest.mark.parametrize("coefficient", ["paper", "nvlabs", "score", "nvlabs_score"])
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
        k = {
            "paper": t.alpha,
            "nvlabs": t.alpha * s.alpha,
            "score": s.alpha / t.alpha - c2 / t.sigma,
            "nvlabs_score": (s.alpha - c2 * t.alpha / t.sigma) * t.alpha,
        }[coefficient]
        x = s.alpha * x0 + c2 * eps + k * g
        torch.testing.assert_close(got, x, rtol=1e-6, atol=1e-8)
        x = got


def jacobian(prior, t):
    """(64, 64), row i is d x0 / d x_i, by central differences; a Gaussian's is the same at every x."""
    h, x = 1e-4, torch.zeros(1, *SHAPE, dtype=torch.float64)
    basis = torch.eye(64, dtype=torch.float64).view(64, *SHAPE)
    return (prior.denoise(x + h * basis, t) - prior.denoise(x - h * basis, t)).view(64, 64) / (2 * h)


NVLABS = {"steps": 3, "spacing": "leading", "start": "pinv", "clip": False, "learned_variance": False}
"""How NVlabs/RED-diff runs DPS and MCG."""


def nvlabs_steps(prior, y, A, eta):
    """Yields t, s, the residual of x0, x after its DDIM step and the noise; the next x is to be sent."""
    n, levels = noise(), prior.schedule.levels(3)
    x = levels[0].alpha * A.pinv(y) + levels[0].sigma * n.new(SHAPE)
    for t, s in pairwise(levels):
        x0 = prior.denoise(x, t)
        c1 = eta * (s.sigma / t.sigma) * (1 - (t.alpha / s.alpha) ** 2) ** 0.5
        moved = s.alpha * x0 + (s.sigma**2 - c1**2) ** 0.5 * (x - t.alpha * x0) / t.sigma
        z = n.new(SHAPE) if s.sigma > 0 else 0
        x = yield t, s, y - A(x0), moved + c1 * z, n


@pytest.mark.parametrize("eta", [0.0, 0.5])
def test_dps_with_ddim_steps_is_that_of_nvlabs(prior, eta):
    """The step is 2 w times the gradient of each image's norm, after a DDIM step from a noised A+ y."""
    A = make_operator("inpaint_random", SHAPE, range(B), p=0.75)
    y = A(0.4 * noise(name="x").new(SHAPE))
    solver = DPS(zeta=2 * 0.3, eta=eta, **NVLABS)
    steps, x = nvlabs_steps(prior, y, A, eta), None
    for got in solver.solve(Measurement(y, A, 0.1), prior, noise()):
        t, _, r, moved, _ = steps.send(x)
        unit = r / r.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        x = moved + 2 * 0.3 * ((A.measured * unit).flatten(1) @ jacobian(prior, t).T).view_as(moved)
        torch.testing.assert_close(got.x, x, rtol=1e-6, atol=1e-8)


def test_mcg_with_ddim_steps_is_that_of_nvlabs(prior):
    """Masked: the guided DDIM step where nothing was measured, and A+ y noised to s elsewhere."""
    A = make_operator("inpaint_random", SHAPE, range(B), p=0.75)
    y, mask = A(0.4 * noise(name="x").new(SHAPE)), A.measured
    solver = MCG(zeta=0.3, step="weighted_pinv", eta=0.5, **NVLABS)
    steps, x = nvlabs_steps(prior, y, A, 0.5), None
    for got in solver.solve(Measurement(y, A, 0.1), prior, noise()):
        t, s, r, moved, n = steps.send(x)
        g = -2 * ((mask * r).flatten(1) @ jacobian(prior, t).T).view_as(moved) * 0.3 * t.alpha
        seen = s.alpha * y + s.sigma * n.new(SHAPE) if s.sigma > 0 else y
        x = torch.where(mask, seen, moved - g)
        torch.testing.assert_close(got.x, x, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("loss", "m"), [("mean", 16), ("mean_with_holes", 64)])
def test_red_diff_counts_what_its_loss_says(prior, loss, m):
    """One step of gradient descent under a mask: the data term is a mean over the m pixels that count."""
    A = make_operator("inpaint_random", SHAPE, range(B), p=0.75)
    y = A(prior.sample(noise(name="x"))) + 0.3 * A.measured
    solver = RedDiff(steps=1, optimiser="sgd", lr=1.0, lam=0.7, spacing="trailing", loss=loss)
    t = prior.schedule.level(999)
    eps = noise().new(SHAPE)
    mu = A.pinv(y) + 1.0  # moved off the data, so that its term is not zero
    A.guess = lambda _: mu.clone()
    x = t.alpha * mu + t.sigma * eps
    eps_hat = (x - t.alpha * prior.denoise(x, t)) / t.sigma
    mask = A.measured
    gradient = 0.7 * t.sigma / t.alpha * (eps_hat - eps) / 64 + mask * (mu - y) / m
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


@pytest.mark.parametrize("preset", ["official", "paper"])
def test_daps_learns_at_the_rates_of_its_reference_code(preset):
    """That code's lr falls to lr_min_ratio 0.01 over one level more than it has: K + 1, ours over K."""
    task = {"*": {}}
    for priors in CARDS["daps"].presets[preset].values():
        task = priors
    for name, changes in task.items():
        solver = DAPS(**task["*"] | changes)
        K = solver.steps // solver.ode_steps
        for k in (0, K // 2, K - 1):
            ours = 1 + k / K * (solver.lr_min_ratio - 1)
            assert ours == pytest.approx(1 + k / (K + 1) * (0.01 - 1), abs=1e-6), name


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


MODELS = [Poisson(1.0), Poisson(0.05), Laplace(0.1)]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_dps_descends_what_it_says(prior, model):
    """Against autograd through the weighted norm, and through the log likelihood."""
    A = make_operator("sr_average4", SHAPE, range(B))
    y = model.draw(A(prior.sample(noise(name="x"))), noise(name="y"))
    at = A(prior.sample(noise(name="other"))).requires_grad_()
    w = 1.0
    if isinstance(model, Poisson):
        w = 1 / (y + 1).clamp_min(1 / model.gain)
    norms = (w * (y - at) ** 2).flatten(1).sum(1).sqrt()
    (gradient,) = torch.autograd.grad(norms.sum(), at)
    Ax = at.detach()
    torch.testing.assert_close(DPS().fall(Ax, y, model), -gradient, rtol=1e-10, atol=1e-10)
    (gradient,) = torch.autograd.grad(model.log_likelihood(at, y).sum(), at)
    got = DPS(likelihood="score", step="squared").fall(Ax, y, model)
    torch.testing.assert_close(got, 2 * model.unit * gradient, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_red_diff_descends_the_log_likelihood(prior, model):
    A = make_operator("sr_average4", SHAPE, range(B))
    y = model.draw(A(prior.sample(noise(name="x"))), noise(name="y"))
    mu = A.guess(y).requires_grad_()
    (gradient,) = torch.autograd.grad(model.log_likelihood(A.forward(mu), y).sum(), mu)
    solver = RedDiff(steps=1, lam=0.0, loss="sum", optimiser="sgd", lr=0.01)
    got = solved(solver, Measurement(y, A, noise=model), prior)
    expected = mu.detach() + 0.01 * model.unit * gradient
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_daps_walks_along_the_score(prior, model):
    A, t = make_operator("sr_average4", SHAPE, range(B)), prior.schedule.level(300)
    y = model.draw(A(prior.sample(noise(name="x"))), noise(name="y"))
    u = prior.sample(noise(name="other")).requires_grad_()
    (gradient,) = torch.autograd.grad(model.log_likelihood(A.forward(u), y).sum(), u)
    solver, z = DAPS(langevin_steps=1), noise().new(SHAPE)
    got = solver.inner(u.detach(), t, 1e-4, Measurement(y, A, noise=model), noise())
    expected = u.detach() + 1e-4 * gradient + 2e-4**0.5 * z
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


def test_sitcom_ends_an_image_by_itself_and_counts_what_it_made(prior):
    """An image whose residual is that of noise makes one evaluation, whatever its batch mates need."""
    A, calls = make_operator("denoise", SHAPE, range(B)), Tally(B)
    first = prior.denoise(noise().new(SHAPE), prior.schedule.level(500))
    y = torch.cat([first[:1], torch.full((B - 1, *SHAPE), 9.0, dtype=torch.float64)])
    steps = SITCOM(steps=8, iterations=3, lr=0.01).solve(
        Measurement(y, A, 0.1), CountingPrior(prior, calls), noise()
    )
    assert next(steps).notes["updates"].tolist() == [0, 3, 3]
    assert (calls["nfe"].tolist(), calls["vjps"].tolist()) == ([1, 4, 4], [1, 3, 3])


@pytest.mark.parametrize(
    "solver",
    [
        DPS(steps=2),
        RedDiff(steps=2),
        DAPS(steps=2, ode_steps=1),
        MCG(steps=2),
        SITCOM(steps=4, iterations=1),
        DCDP(steps=2, ode_steps=1),
        DSG(steps=2),
        LGDMC(steps=2),
        LGDMC(steps=2, step="logmeanexp"),
    ],
)
def test_holes_may_hold_anything(solver, prior):
    A = make_operator("inpaint_random", SHAPE, range(B))
    y = A(prior.sample(noise(name="x")))
    expected = solved(solver, Measurement(y, A, 0.1), prior)
    got = solved(solver, Measurement(torch.where(A.measured, y, torch.nan), A, 0.1), prior)
    assert torch.equal(got, expected)


def test_dcdp_leaves_an_operator_of_zeros_to_the_prior():
    """||A|| = 0 is no divisor: 0 / 0 lost every image."""
    A = make_operator("matrix", (3,), range(B), matrix=[[0.0, 0, 0]])
    flat = GaussianPrior(torch.zeros(3, dtype=torch.float64), torch.full((3,), 0.5, dtype=torch.float64))
    x = solved(DCDP(steps=4, ode_steps=2), Measurement(torch.zeros(B, 1, dtype=torch.float64), A, 0.1), flat)
    assert x.isfinite().all()


def test_a_likelihood_needs_noise(prior):
    """Without noise p(y | x) has no gradient; the other losses do without it."""
    A, alike, one = make_operator("hdr", SHAPE, range(B)), Gaussian(0.1), torch.tensor([0.1, 0.0, 0.1])
    for noise_of_y in (Gaussian(0.0), Gaussian(one)):
        assert "sigma is 0" in LGDMC(step="logmeanexp").refuses(A, prior, noise_of_y)
        assert LGDMC().refuses(A, prior, noise_of_y) is None
    assert LGDMC(step="logmeanexp").refuses(A, prior, alike) is None


@pytest.mark.parametrize(
    ("solver", "levels"),
    [
        (SITCOM(steps=4000, iterations=1), 2000),
        (SCG(steps=4000, candidates=2, threshold=0.0), 2001),
        (RePaint(steps=1001, repeats=1), 1001),
    ],
)
def test_more_levels_than_the_schedule_has_are_refused_before_the_run(prior, solver, levels):
    A = make_operator("denoise", SHAPE, range(B))
    assert f"has {levels} levels; the schedule of 'unnamed'" in str(solver.reject(A, prior))
    assert replace(solver, steps=1000).reject(A, prior) is None


def test_a_schedule_of_few_levels_is_told_apart_from_a_long_run(prior):
    """Every method with a grid is refused before the run; methods of other levels need none."""
    few, A = prior.on(VPSchedule(T=50)), make_operator("denoise", SHAPE, range(B))
    for solver in (DPS(steps=51), RedDiff(steps=51), PiGDM(steps=51, spacing="poly7")):
        assert "has 51 levels; the schedule of 'unnamed' has 50" in solver.reject(A, few)
        assert replace(solver, steps=50).reject(A, few) is None
    assert DAPS(steps=200, ode_steps=1).reject(A, few) is None


def test_mmps_clips_what_its_iterations_made(prior):
    """The correction itself, which may be far too long; the guidance is that of the unclipped one."""
    A = make_operator("sr_average2", SHAPE, range(B))
    measurement = Measurement(torch.full((B, *A.out_shape), 5.0, dtype=torch.float64), A, 0.1)
    free, clipped = (
        next(MMPS(steps=5, clip=clip).solve(measurement, prior, noise())).x0 for clip in (False, True)
    )
    assert free.max() > 1
    assert torch.equal(clipped, free.clamp(-1, 1))


@pytest.mark.parametrize("name", SOLVERS)
def test_an_operator_that_is_zero_leaves_the_prior(name):
    """Nothing is divided by its norm, by a residual that is 0 or by its singular values."""
    A = Matrix((4,), range(B), torch.zeros(2, 4, dtype=torch.float64))
    prior = GaussianPrior(torch.zeros(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64))
    solver = SOLVERS[name]().quick(6)
    for sigma in (0.0, 0.1):
        measurement = Measurement(A(noise().new((4,))), A, sigma)
        if solver.refuses(A, prior, measurement.noise) is None:
            assert solved(solver, measurement, prior).isfinite().all()
