"""Computed tomography against integrals that are known."""

import numpy as np
import pytest
import torch

from bench.operators import make_operator
from tests.operators.samples import close, images


def test_every_angle_sees_the_whole_image():
    x = images(2, (3, 32, 24))
    A = make_operator("ct", (3, 32, 24), [0, 1], angles=[0.0, 30.0, 45.0, 90.0, 123.4])
    y = 32 * A(x)
    close(y.sum(-1), x.sum((2, 3))[..., None].expand(2, 3, 5), 1e-11)
    edge = (A.bins - 24) // 2
    close(y[:, :, 0, edge:-edge], x.sum(2), 1e-11)
    edge = (A.bins - 32) // 2
    close(y[:, :, 3, edge:-edge], x.sum(3), 1e-11)


@pytest.mark.parametrize("size", [(48, 48), (48, 41)])
def test_a_blob_casts_the_same_shadow_at_its_own_place(size):
    """A Gaussian's line integrals are Gaussian, about the place of its centre, x cos + y sin."""
    H, W = size
    std, (i, j) = 3.0, (20.3, 25.8)
    rows, columns = np.mgrid[:H, :W]
    blob = np.exp(-((rows - i) ** 2 + (columns - j) ** 2) / (2 * std**2))
    A = make_operator("ct", (1, H, W), [0], angles=15)
    y = A(torch.from_numpy(blob)[None, None])[0, 0].numpy() * max(size)
    angle = np.deg2rad(12 * np.arange(15))
    place = (j - (W - 1) / 2) * np.cos(angle) + (i - (H - 1) / 2) * np.sin(angle)
    t = np.arange(A.bins) - (A.bins - 1) / 2
    wide = std**2 + 2 / 12  # a pixel and a bin widen it
    expected = 2 * np.pi * std**2 / (2 * np.pi * wide) ** 0.5
    expected = expected * np.exp(-((t - place[:, None]) ** 2) / (2 * wide))
    np.testing.assert_allclose(y, expected, atol=0.01 * expected.max())  # the bins of 0 degrees widen nothing


def test_a_number_of_angles_is_spread_over_half_a_turn():
    x = images(1, (1, 16, 16))
    few, listed = (make_operator("ct", (1, 16, 16), [0], angles=angles) for angles in (4, [0, 45, 90, 135]))
    assert torch.equal(few(x), listed(x))
    turned = make_operator("ct", (1, 16, 16), [0], angles=[180.0])
    close(turned(x)[..., 0, :], few(x)[..., 0, :].flip(-1), 1e-12)
    with pytest.raises(ValueError, match="angles"):
        make_operator("ct", (1, 16, 16), [0], angles=[])


def test_the_picture_of_a_constant_is_constant():
    A = make_operator("ct", (1, 16, 16), [0])
    close(A.display(A(torch.full((1, 1, 16, 16), 0.5).double())), 0.5, 1e-12)
