"""Steps against the formulas of the papers, written from the betas."""

import math

import numpy as np
import pytest
import torch

from bench.schedule import (
    CLEAN,
    FlowSchedule,
    KarrasSchedule,
    VPSchedule,
    ddim,
    ddim_coefficients,
    ddpm,
)

SCHEDULE = VPSchedule()
BETA = np.linspace(1e-4, 2e-2, 1000)


@pytest.mark.parametrize("index", [1, 30, 999])
@pytest.mark.parametrize("v", [None, -1.0, 0.4, 1.0])
def test_ancestral_step_is_ddpm(index, v):
    """Mean and variance of q(x_{t-1} | x_t, x0) from the betas (arXiv 2006.11239, eqs. 6-7; 2102.09672, eq.
    15)."""
    alphas = 1 - BETA
    abar, before, beta = alphas[: index + 1].prod(), alphas[:index].prod(), BETA[index]
    small = (1 - before) / (1 - abar) * beta
    variance = small if v is None else math.exp((v + 1) / 2 * math.log(beta) + (1 - v) / 2 * math.log(small))
    x, x0 = torch.tensor([[0.7]]).double(), torch.tensor([[-0.4]]).double()
    mean = (
        beta * math.sqrt(before) / (1 - abar) * x0 + (1 - before) * math.sqrt(alphas[index]) / (1 - abar) * x
    )
    t, s = SCHEDULE.level(index), SCHEDULE.level(index - 1)
    learned = None if v is None else torch.full_like(x, v)
    plain, kicked = (ddpm(x, x0, t, s, torch.full_like(x, z), learned) for z in (0.0, 1.0))
    assert plain.item() == pytest.approx(mean.item(), abs=1e-12)
    assert ((kicked - plain) ** 2).item() == pytest.approx(variance, rel=1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_ddim_coefficients(eta):
    """Equation 16 of arXiv 2010.02502 in abar; and the noise of the next level is conserved."""
    t, s = SCHEDULE.level(700), SCHEDULE.level(300)
    at, au = t.alpha**2, s.alpha**2
    c1, c2 = ddim_coefficients(t, s, eta)
    assert c1 == pytest.approx(
        eta * math.sqrt((1 - au) / (1 - at)) * math.sqrt(1 - at / au), rel=1e-12, abs=1e-15
    )
    assert c1**2 + c2**2 == pytest.approx(s.sigma**2, rel=1e-12)
    assert ddim_coefficients(t, CLEAN, eta) == (0, 0)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_with_the_true_image_follows_the_forward_law(eta):
    """From x_t = alpha x0 + sigma eps the step gives alpha_s x0 + sigma_s (a unit combination of eps and z);
    x0 when clean."""
    x0, eps, z = torch.eye(3, dtype=torch.float64)
    t, s = SCHEDULE.level(600), SCHEDULE.level(200)
    x = ddim(t.alpha * x0 + t.sigma * eps, x0, t, s, eta, z)
    assert x[0].item() == pytest.approx(s.alpha, rel=1e-12)
    assert x[1:].norm().item() == pytest.approx(s.sigma, rel=1e-12)
    for step in (lambda: ddim(x, x0, s, CLEAN, eta, z), lambda: ddpm(x, x0, s, CLEAN, z, z)):
        assert torch.equal(step(), x0)


@pytest.mark.parametrize("v", [-1.0, -0.3, 1.0])
def test_learned_variance_lies_between_the_two_posterior_variances(v):
    """From the betas of a respaced chain: log variance = f log beta + (1 - f) log beta~, f = (v + 1) / 2."""
    schedule = VPSchedule()
    levels = schedule.levels(100, "respaced")
    t, s = levels[40:42]
    abar, abar_s = schedule.abar[t.index], schedule.abar[s.index]
    beta = 1 - abar / abar_s
    posterior = beta * (1 - abar_s) / (1 - abar)
    f = (v + 1) / 2
    std = math.exp(0.5 * (f * math.log(beta) + (1 - f) * math.log(posterior)))
    mean = beta * math.sqrt(abar_s) / (1 - abar) * 0.5 + (1 - abar_s) * math.sqrt(1 - beta) / (1 - abar) * 0.8
    x, x0, z = (torch.full((1, 1), value, dtype=torch.float64) for value in (0.8, 0.5, 1.0))
    assert ddpm(x, x0, t, s, z, torch.full_like(x, v)).item() == pytest.approx(mean + std, rel=1e-12)


@pytest.mark.parametrize("schedule", [KarrasSchedule.like(SCHEDULE), FlowSchedule.like(SCHEDULE)])
@pytest.mark.parametrize("v", [None, 0.3])
def test_steps_are_the_same_in_all_coordinates(schedule, v):
    x, x0, z = torch.tensor([[0.8]]).double(), torch.tensor([[0.5]]).double(), torch.tensor([[1.1]]).double()
    learned = None if v is None else torch.full_like(x, v)
    t, s = schedule.level(600), schedule.level(200)
    vp = ddpm(x, x0, SCHEDULE.level(600), SCHEDULE.level(200), z, learned)
    assert (ddpm(x * t.std, x0, t, s, z, learned) / s.std).item() == pytest.approx(vp.item(), rel=1e-12)


def test_a_step_to_the_same_level_stays_where_it_is():
    t, x = SCHEDULE.level(300), torch.tensor([[0.8]]).double()
    torch.testing.assert_close(ddpm(x, x / 2, t, t, 3 * x, torch.zeros_like(x)), x, rtol=1e-12, atol=0)
