"""Masks of k-space: how much they measure, and where."""

import numpy as np
import pytest

from bench.operators.medical.sampling import cartesian, radial


def test_lines_are_whole_and_as_many_as_asked():
    masks = np.stack([cartesian(seed, (10, 64), 4.0, 0.08) for seed in range(40)])
    lines = masks[:, 0]
    assert (masks == lines[:, None]).all() and (lines.sum(1) == 16).all()
    assert lines[:, 30:35].all(), "the five around the zero frequency, at 32"
    share = np.delete(lines, slice(30, 35), axis=1).mean(0)
    assert share.min() > 0 and share.max() < 0.5, "all others by chance, 11 of 59"
    with pytest.raises(
        ValueError, match=r"center = 0.5 measures 32 of 64 lines, and acceleration = 4 leaves 16"
    ):
        cartesian(0, (64, 64), 4.0, 0.5)


@pytest.mark.parametrize("size", [(32, 32), (33, 24)])
def test_spokes_meet_in_the_middle(size):
    H, W = size
    for seed in range(5):
        kept = radial(seed, size, 4.0)
        assert kept[H // 2, W // 2]
        assert 0.25 <= kept.mean() < 0.25 + 1.5 / min(size), "at most a spoke more than asked"
        inner = kept[H // 2 - 3 : H // 2 + 4, W // 2 - 3 : W // 2 + 4]
        assert inner.mean() > 2 * kept.mean(), "denser where spokes are close"
    assert not np.array_equal(radial(0, size, 4.0), radial(1, size, 4.0))


def test_spokes_never_reach_the_corners():
    assert radial(0, (32, 32), 1.3).mean() >= 1 / 1.3
    with pytest.raises(
        ValueError, match=r"acceleration = 1\.05 measures 95% of k-space, and spokes of all angles 8"
    ):
        radial(0, (32, 32), 1.05)
