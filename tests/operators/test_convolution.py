"""Blurs against scipy's correlation."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from bench.operators import make_operator
from bench.operators.base import SVDOperator
from bench.operators.kernels import gauss
from tests.operators.samples import SHAPE, close, images


def correlate(x: torch.Tensor, kernels: np.ndarray, mode: str) -> np.ndarray:
    return np.stack(
        [
            [ndimage.correlate(c, k, mode=mode) for c in image]
            for image, k in zip(x.numpy(), kernels, strict=True)
        ]
    )


@pytest.mark.parametrize(("boundary", "mode"), [("reflect", "mirror"), ("circular", "wrap")])
def test_blurs(boundary, mode):
    x = images()
    for name, k in (("blur_gauss", gauss(5, 0.8)), ("blur_uniform", np.full(5, 0.2))):
        params = {"std": 0.8} if name == "blur_gauss" else {}
        A = make_operator(name, SHAPE, [0, 1], taps=5, boundary=boundary, **params)
        close(A(x), correlate(x, [np.outer(k, k)] * 2, mode))
    A = make_operator("blur_motion", SHAPE, [0, 1], boundary=boundary, taps=9)
    kernels = A.parameters()["kernel"][:, 0].numpy()
    assert not np.allclose(kernels, kernels[:, ::-1, ::-1], atol=0.01)  # a flipped kernel would be seen
    close(A(x), correlate(x, kernels, mode))


def test_boundary_chooses_the_rung():
    assert not isinstance(make_operator("blur_motion", SHAPE, [0]), SVDOperator)
    assert isinstance(make_operator("blur_motion", SHAPE, [0], boundary="circular"), SVDOperator)
    pair = [
        make_operator("blur_motion", SHAPE, [7], boundary=b).parameters()["kernel"]
        for b in ("reflect", "circular")
    ]
    assert torch.equal(*pair)
    assert torch.equal(
        pair[0], make_operator("blur_circular", SHAPE, [7], kernel="motion").parameters()["kernel"]
    )
