"""The exact Gaussian conditional against dense algebra, flow times against an Euler step, the ODE on a
Gaussian, optimisers against torch's own, and particles against their weights."""

import pytest
import torch

from bench.exact.laws.problems import hadamard_noise, matrix_operator, problem
from bench.exact.prior import dense
from bench.operators import make_operator
from bench.operators.matrices import Matrix
from bench.pieces import (
    conditional_draw,
    conditional_mean,
    descent,
    flow_levels,
    probability_flow,
    resample,
    squared_norm,
)
from bench.schedule import CLEAN, VPSchedule, ddim
from bench.solver import Measurement

F64 = torch.float64


@pytest.mark.parametrize("sigma", [0.3, 0.0])
def test_a_draw_has_the_mean_and_the_covariance_of_the_conditional(sigma):
    """Exactly, under Hadamard noise; without noise in y it satisfies A z = y."""
    noise, r = hadamard_noise(6), 0.7
    A = matrix_operator((1.0, 0.5), 4, len(noise))
    x = torch.tensor([0.3, -0.5, 0.2, 0.7], dtype=F64).expand(len(noise), -1)
    y = torch.tensor([0.4, -0.9], dtype=F64).expand(len(noise), -1)
    z = conditional_draw(x, y, A, r, sigma, noise)
    D = dense(A[:1])[0]
    gain = r**2 * D.T @ torch.linalg.inv(r**2 * D @ D.T + sigma**2 * torch.eye(2, dtype=F64))
    mean = x[0] + gain @ (y[0] - D @ x[0])
    off = z - z.mean(0)
    torch.testing.assert_close(z.mean(0), mean, rtol=0, atol=1e-12)
    torch.testing.assert_close(conditional_mean(x, y, A, r, sigma)[0], mean, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        off.T @ off / len(z), r**2 * (torch.eye(4, dtype=F64) - gain @ D), rtol=0, atol=1e-12
    )
    if sigma == 0:
        torch.testing.assert_close(A(z), y, rtol=0, atol=1e-12)


def test_spreads_may_differ_by_image():
    """As a `Measurement` hands them on, shaped like y, beside radii of shape (B,)."""
    A = make_operator("sr_average4", (1, 8, 8), [0, 0])
    x, y = torch.rand(2, 1, 8, 8, dtype=F64), torch.rand(2, *A.out_shape, dtype=F64)
    r, measurement = (
        torch.tensor([0.5, 2.0], dtype=F64),
        Measurement(y, A, torch.tensor([0.1, 0.3], dtype=F64)),
    )
    both = conditional_mean(x, y, A, r, measurement.sigma)
    for i, (radius, sigma) in enumerate(((0.5, 0.1), (2.0, 0.3))):
        one = conditional_mean(x[i : i + 1], y[i : i + 1], A[i : i + 1], radius, sigma)
        torch.testing.assert_close(both[i : i + 1], one)


def test_a_draw_leaves_alone_what_was_not_measured():
    noise = hadamard_noise(200)
    A = make_operator("inpaint_random", (1, 8, 8), [0] * len(noise))
    zero = torch.zeros(len(noise), 1, 8, 8, dtype=F64)
    z = conditional_draw(zero, zero, A, torch.full((len(noise),), 2.0), 0.1, noise)
    variance, hole = z.square().mean(0), ~A.measured[0]
    torch.testing.assert_close(variance[hole], torch.full_like(variance[hole], 4.0))
    assert variance[~hole].max() < 0.011


def test_a_flow_step_is_a_step_of_ddim():
    prior, x = problem("mixture", 0.1).prior, torch.tensor([[0.2, -1.0, 0.5, 0.1]], dtype=F64)
    u, v = flow_levels(prior.schedule, 4)[1:3]
    x0 = prior.denoise(u.scale * x, u.level)
    euler = x + (v.tau - u.tau) * (x0 - x) / (1 - u.tau)
    torch.testing.assert_close(
        v.scale * euler, ddim(u.scale * x, x0, u.level, v.level, 0.0, x), rtol=0, atol=1e-12
    )
    assert u.variance == pytest.approx(u.level.variance)


def test_flow_times_are_clipped_to_what_the_prior_knows():
    schedule = VPSchedule()
    first, *_, last = flow_levels(schedule, 100)
    assert (first.tau, last.tau) == (0.0, 1.0)
    assert first.level.index == 999 and last.level.index == 0
    assert first.scale == first.level.sigma, "pure noise has the noise of the level"
    assert last.scale == last.level.alpha, "an image is scaled as one"
    assert [u.tau for u in flow_levels(schedule, 3, start=0.4)] == pytest.approx([0.4, 0.6, 0.8, 1.0])


def test_the_probability_flow_carries_a_gaussian_to_its_prior():
    """On N(m, I) it keeps u in x = alpha m + (alpha^2 + sigma^2)^(1/2) u, in the limit of many steps."""
    prior, u = problem("unit", 0.3).prior, torch.tensor([[0.5, -1.0, 2.0, 0.0]], dtype=F64)
    schedule, errors = prior.schedule, []
    for n in (200, 400):
        levels = [*schedule.between(50.0, 0.01, n), CLEAN]
        x = probability_flow(levels[0].alpha * prior.mean + levels[0].std * u, levels, prior)
        errors.append(float((x - prior.mean - u).abs().max()))
    assert errors[1] < 0.6 * errors[0] < 0.05


def test_the_probability_flow_clips_its_estimates():
    prior, far = problem("unit", 0.3).prior, torch.full((1, 4), 9.0, dtype=F64)
    levels = [prior.schedule.at(0.1), CLEAN]
    assert float(probability_flow(far, levels, prior).min()) > 8
    assert torch.equal(probability_flow(far, levels, prior, clip=True), torch.ones_like(far))


@pytest.mark.parametrize("adam", [True, False])
def test_steps_are_those_of_the_optimisers_of_torch(adam):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, 1, 4, 4, generator=generator, dtype=F64)
    ours, theirs = start.clone(), start.clone()
    step = descent(ours, 0.1, adam, (0.8, 0.95), 1e-3)
    more = {"betas": (0.8, 0.95), "eps": 1e-3} if adam else {}
    optimiser = (torch.optim.Adam if adam else torch.optim.SGD)([theirs], lr=0.1, **more)
    for _ in range(5):
        theirs.grad = torch.randn(start.shape, generator=generator, dtype=F64)
        step(theirs.grad)
        optimiser.step()
    assert torch.equal(ours, theirs) and not torch.equal(ours, start)


def test_the_unit_of_steps_is_that_of_the_operator():
    x = torch.zeros(2, 4, dtype=F64)
    A = Matrix((4,), [0, 0], 3 * torch.eye(4, dtype=F64)[:2])
    assert torch.equal(squared_norm(A, x), torch.full((2, 1), 9.0, dtype=F64))
    assert torch.equal(0 / squared_norm(Matrix((4,), [0, 0], 0 * A(torch.eye(4, dtype=F64)).mT), x), x[:, :1])
    assert squared_norm(make_operator("hdr", (1, 8, 8), [0]), x) == 1, "not linear"


def test_particles_are_resampled_by_their_weights_where_few_count():
    """Copies are the weight times P, rounded up or down; images of even weights stay as they are."""
    w = torch.tensor([[0.7, 0.2, 0.1, 0.0], [0.25, 0.25, 0.25, 0.25]], dtype=F64)
    for u in (0.0, 0.3, 0.999):
        kept, log_w = resample(w.log() + 5, torch.full((2,), u, dtype=F64), 2.0)
        copies = kept[:4].bincount(minlength=4)
        assert copies.sum() == 4 and (copies - 4 * w[0]).abs().max() < 1
        assert kept[4:].tolist() == [4, 5, 6, 7]
        torch.testing.assert_close(log_w, torch.cat([torch.zeros(4, dtype=F64), w[1].log()]))
