"""Bicubic downsampling against torch's."""

import numpy as np
import torch
from torch.nn.functional import interpolate

from bench.operators import make_operator
from tests.operators.samples import SHAPE, close, images


def test_bicubic():
    """torch's antialiased bicubic: in the interior, and everywhere once the border is mirrored by hand."""
    A, x = make_operator("sr_bicubic4", SHAPE, [0, 1]), images()
    resize = {"scale_factor": 0.25, "mode": "bicubic", "antialias": True}
    close(A(x)[..., 2:-2, 2:-2], interpolate(x, **resize)[..., 2:-2, 2:-2], 1e-7)
    wide = torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), (16, 16), (16, 16)), mode="symmetric"))
    close(A(x), interpolate(wide, **resize)[..., 4:-4, 4:-4], 1e-7)
    s = torch.linalg.svdvals(make_operator("sr_bicubic4", (1, 256, 256), [0]).left)
    close([s.min(), s.max()], [0.3485, 0.5], 1e-4)  # of the reference resizer, one axis
