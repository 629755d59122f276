"""Schedules against published constants and the formulas of the papers, written from the betas."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from bench.schedule import CLEAN, Level, TableSchedule, VPSchedule, ddim, ddim_coefficients, ddpm

SCHEDULE = VPSchedule()
BETA = np.linspace(1e-4, 2e-2, 1000)


def indices(n, spacing):
    levels = SCHEDULE.levels(n, spacing)
    assert levels[-1] == CLEAN
    return [t.index for t in levels[:-1]]


@pytest.mark.parametrize(
    ("index", "abar", "ratio"),
    [
        (0, "0.99990", "0.0100"),
        (100, "0.8951", "0.342"),
        (500, "0.0778", "3.443"),
        (900, "0.00027", "60.8"),
        (950, "0.000106", "97.1"),
        (990, "0.00004837", "143.8"),
        (999, "0.00004036", "157.4"),
    ],
)
def test_published_constants(index, abar, ratio):
    t = SCHEDULE.level(index)
    for value, printed in ((t.alpha**2, abar), (t.ratio, ratio)):
        assert f"{value:.{len(printed.split('.')[1])}f}" == printed
    assert t.alpha**2 + t.sigma**2 == pytest.approx(1, abs=1e-15)
    assert t.variance == pytest.approx(1 - t.alpha**2, rel=1e-12)
    assert t.index == index


def test_leading_grids():
    assert indices(20, "leading") == list(range(950, -1, -50))
    assert indices(100, "leading") == list(range(990, -1, -10))
    for spacing in ("leading", "trailing", "respaced"):
        assert indices(1000, spacing) == list(range(999, -1, -1))
        assert len(set(indices(37, spacing))) == 37


def test_trailing_grid_starts_at_the_noisiest_level():
    assert indices(20, "trailing") == list(range(999, 48, -50))
    assert indices(1, "trailing") == [999]


def test_respaced_grid_includes_both_ends():
    grid = indices(100, "respaced")
    assert grid[:3] == [999, 989, 979]
    assert grid[-4:] == [30, 20, 10, 0]
    assert indices(4, "respaced") == [999, 666, 333, 0]


def test_quad_grids():
    assert indices(20, "quad") == [
        999, 770, 675, 602, 541, 487, 438, 393, 351, 311, 274, 239, 205, 172, 141, 111, 82, 54, 26, 0,
    ]  # fmt: skip
    grid = indices(100, "quad")
    assert grid[:6] == [999, 899, 857, 825, 798, 775]
    assert grid[-6:] == [25, 20, 15, 10, 5, 0]
    assert indices(1, "quad") == [999]


def test_poly7_grid_is_equidistant_in_the_seventh_root():
    levels = SCHEDULE.levels(18, "poly7")[:-1]
    roots = np.array([t.ratio for t in levels]) ** (1 / 7)
    assert np.diff(roots, 2) == pytest.approx(0, abs=1e-12)
    assert levels[0].ratio == pytest.approx(SCHEDULE.level(999).ratio, rel=1e-12)
    assert levels[-1].ratio == pytest.approx(SCHEDULE.level(0).ratio, rel=1e-12)
    assert any(t.index % 1 for t in levels)


def test_levels_between_two_ratios_stay_in_the_range():
    inside = [t.ratio for t in SCHEDULE.between(20.0, 0.5, 4)]
    assert inside == pytest.approx(
        [(20 ** (1 / 7) * (3 - i) / 3 + 0.5 ** (1 / 7) * i / 3) ** 7 for i in range(4)], rel=1e-12
    )
    assert [t.ratio for t in SCHEDULE.between(1e4, 1e-4, 7)] == [
        t.ratio for t in SCHEDULE.levels(7, "poly7")[:-1]
    ]
    assert [t.ratio for t in SCHEDULE.between(3.0, 0.5, 1)] == pytest.approx([3.0], rel=1e-12)


@pytest.mark.parametrize("spacing", ["leading", "trailing", "respaced", "quad", "poly7"])
@pytest.mark.parametrize("n", [1, 2, 20])
def test_every_grid_has_n_falling_levels_and_ends_clean(spacing, n):
    levels = SCHEDULE.levels(n, spacing)
    assert len(levels) == n + 1
    assert all(s.ratio < t.ratio for t, s in pairwise(levels))
    assert levels[-1] == Level(-1, 1.0, 0.0)


def test_at_inverts_levels():
    for index in (0, 1, 250, 998, 999):
        t = SCHEDULE.level(index)
        back = SCHEDULE.at(t.ratio)
        assert back == pytest.approx(t, abs=1e-9)
    low, high = SCHEDULE.level(400).ratio, SCHEDULE.level(401).ratio
    between = SCHEDULE.at(math.sqrt(low * high))
    assert between.index == pytest.approx(400.5, abs=1e-9)
    assert between.ratio == pytest.approx(math.sqrt(low * high), rel=1e-12)


@pytest.mark.parametrize("sigma", [0.0, 0.009, 158.0])
def test_at_refuses_other_noise_levels(sigma):
    with pytest.raises(ValueError, match=f"sigma = {sigma:g} is outside the schedule's range \\[0.01"):
        SCHEDULE.at(sigma)


@pytest.mark.parametrize("n", [0, 1001])
def test_levels_refuses_other_numbers(n):
    with pytest.raises(ValueError, match=f"steps = {n}: .* 1 to 1000"):
        SCHEDULE.levels(n)


def test_levels_refuses_other_spacings():
    with pytest.raises(ValueError, match="unknown spacing 'linear'; known: leading, trailing, quad"):
        SCHEDULE.levels(10, "linear")


def test_level_per_image():
    alpha, sigma = torch.tensor([[0.8], [0.6]]), torch.tensor([[0.6], [0.8]])
    both = Level(torch.tensor([10, 20]), alpha, sigma)
    assert torch.allclose(both.ratio, torch.tensor([[0.75], [4 / 3]]))
    assert torch.allclose(both.variance, torch.tensor([[0.36], [0.64]]))


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


@pytest.mark.parametrize("n", [1, 20, 250, 1000])
def test_respacing_keeps_the_noise_levels(n):
    """The betas of the shorter chain, multiplied up again, are the original abar at the kept steps.

    Steps 0 and T - 1 are kept.
    """
    schedule = VPSchedule()
    levels = schedule.levels(n, "respaced")
    kept = [level.index for level in levels[-2::-1]]
    stride = (schedule.T - 1) / max(n - 1, 1)
    assert kept == [round(k * stride) for k in range(n)]
    betas = (
        1
        - np.cumprod(1 - np.linspace(1e-4, 2e-2, 1000))[kept]
        / np.r_[1, np.cumprod(1 - np.linspace(1e-4, 2e-2, 1000))[kept[:-1]]]
    )
    np.testing.assert_allclose(
        [level.alpha**2 for level in levels[-2::-1]], np.cumprod(1 - betas), rtol=1e-12
    )
    assert levels[-1] == CLEAN


def test_a_table_is_a_schedule():
    table = TableSchedule(tuple(VPSchedule().abar))
    for spacing in ("leading", "trailing", "quad", "respaced", "poly7"):
        assert table.levels(10, spacing) == VPSchedule().levels(10, spacing)
    for wrong in [(0.5,), (0.5, 0.6), (1.0, 0.5), (0.5, 0.0), (0.5, float("nan"))]:
        with pytest.raises(ValueError, match="decreasing"):
            TableSchedule(wrong)
