"""Kernels: their widths, and a golden motion kernel."""

import hashlib

import numpy as np

from bench.operators import make_operator
from bench.operators.kernels import motion, scaled_taps


def test_default_kernels_scale_with_the_side():
    assert [scaled_taps(61, side) for side in (512, 256, 128, 32)] == [61, 61, 31, 9]
    assert [scaled_taps(9, side) for side in (256, 128, 32)] == [9, 5, 3]
    wide, narrow = (
        make_operator("blur_gauss", (1, side, side), [0]).left[side // 2].numpy() for side in (256, 32)
    )
    spread = [
        float(np.sqrt((row * (np.arange(len(row)) - len(row) // 2) ** 2).sum())) for row in (wide, narrow)
    ]
    np.testing.assert_allclose(spread, [3, 1], rtol=2e-3)


def test_a_motion_kernel_is_the_same_on_every_machine():
    """A golden hash: the records of two machines can only be compared while it holds."""
    kernel = motion(1234567, 61)
    assert kernel.min() == 0
    assert abs(kernel.sum() - 1) < 1e-14
    centre = (kernel * np.indices((61, 61))).sum((1, 2))
    np.testing.assert_allclose(centre, 30, atol=1e-9)
    assert hashlib.sha256(kernel.tobytes()).hexdigest()[:16] == "02d83b4b53cc877d"
