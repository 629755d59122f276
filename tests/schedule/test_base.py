"""Grids against those of the papers' code, written from their rules."""

from itertools import pairwise

import numpy as np
import pytest

from bench.schedule import CLEAN, Level, VPSchedule

SCHEDULE = VPSchedule()


def indices(n, spacing):
    levels = SCHEDULE.levels(n, spacing)
    assert levels[-1] == CLEAN
    return [t.index for t in levels[:-1]]


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


@pytest.mark.parametrize("n", [0, 1001])
def test_levels_refuses_other_numbers(n):
    with pytest.raises(ValueError, match=f"steps = {n}: .* 1 to 1000"):
        SCHEDULE.levels(n)


def test_levels_refuses_other_spacings():
    with pytest.raises(ValueError, match="unknown spacing 'linear'; known: leading, trailing, quad"):
        SCHEDULE.levels(10, "linear")


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


def test_the_respaced_grid_is_that_of_guided_diffusion_for_every_number_of_steps():
    """Its rule: add up the stride as floats and round each sum, halves to even."""
    for n in range(1, 1001):
        position, kept = 0.0, []
        for _ in range(n):
            kept.append(round(position))
            position += 999 / max(n - 1, 1)
        assert indices(n, "respaced") == kept[::-1], n


@pytest.mark.parametrize("spacing", ["leading", "trailing", "respaced", "quad"])
def test_the_levels_of_any_number_of_steps_are_distinct(spacing):
    for n in range(1, 1001):
        assert (np.diff(indices(n, spacing)) < 0).all(), n
    assert indices(1000, spacing) == list(range(999, -1, -1))
