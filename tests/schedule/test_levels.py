"""Levels, one or one per image."""

import numpy as np
import pytest
import torch

from bench.schedule import FlowSchedule, KarrasSchedule, Level, VPSchedule


def test_level_per_image():
    alpha, sigma = torch.tensor([[0.8], [0.6]]), torch.tensor([[0.6], [0.8]])
    both = Level(torch.tensor([10, 20]), alpha, sigma)
    assert torch.allclose(both.ratio, torch.tensor([[0.75], [4 / 3]]))
    assert torch.allclose(both.variance, torch.tensor([[0.36], [0.64]]))


def test_std_is_exactly_one_at_every_variance_preserving_level():
    """So that a factor of it changes no bit of a result."""
    schedule = VPSchedule()
    ratios = np.geomspace(*schedule.ratio_range, 3001)[1:-1]
    levels = [*schedule.levels(1000), *(schedule.at(float(ratio)) for ratio in ratios)]
    assert {t.std for t in levels} == {1.0}
    t = schedule.level(400)
    images = Level(torch.tensor([400.0]), torch.tensor([[t.alpha]]), torch.tensor([[t.sigma]]))
    assert images.std == 1


@pytest.mark.parametrize("kind", [KarrasSchedule, FlowSchedule])
def test_std_and_gamma_of_other_coordinates(kind):
    """x_t / std is the variance-preserving x_t; gamma J is the covariance of x0, J = dx0 / dx_t."""
    t, vp = kind.like(VPSchedule()).at(1.3), VPSchedule().at(1.3)
    assert (t.alpha / t.std, t.sigma / t.std) == pytest.approx((vp.alpha, vp.sigma), rel=1e-12)
    jacobian = t.alpha / (t.alpha**2 + t.sigma**2)
    assert t.gamma * jacobian == pytest.approx(t.variance, rel=1e-12)
