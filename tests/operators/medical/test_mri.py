"""Magnetic resonance against its definition in numpy, and the decomposition of a single coil."""

import numpy as np
import pytest
import torch

from bench.operators import make_operator
from bench.operators.medical.coils import VARIABLE, Sensitivities
from bench.operators.medical.mri import MRI
from tests.operators.samples import close, images

SHAPE = (2, 16, 12)


def transform(x: np.ndarray) -> np.ndarray:
    """The centred orthonormal Fourier transform as a matrix per axis."""
    for axis in (-2, -1):
        n = x.shape[axis]
        k = np.arange(n) - n // 2
        F = np.exp(-2j * np.pi * np.outer(k, k) / n) / n**0.5
        x = np.moveaxis(np.tensordot(F, x, (1, axis)), 0, axis)
    return x


@pytest.mark.parametrize("mask", ["cartesian", "radial"])
def test_kspace_is_that_of_the_definition(mask):
    x = images(2, SHAPE)
    A = make_operator("mri", SHAPE, [0, 1], coils=3, mask=mask)
    maps, kept = A.maps.numpy(), A.mask.bool().numpy()
    coils = transform(maps * x.numpy()[:, :, None])
    close(A(x), np.where(kept[:, :, None], coils, 0))
    one = make_operator("mri", SHAPE, [0, 1], coils=1, mask=mask)
    assert torch.equal(one.mask, A.mask), "masks belong to the seed, not to the coils"
    close(one(x), np.where(kept, transform(x.numpy()), 0))


def test_a_real_image_has_half_of_its_kspace_twice():
    """One of a frequency and its negative is enough; where both are measured, the noise of two averages."""
    A = make_operator("mri", (1, 16, 16), [0, 1], coils=1, acceleration=2.5)
    assert torch.allclose(A.s.unique(), torch.tensor([0, 0.5**0.5, 1]).double())
    B = MRI(
        A.shape, A.seeds, [m[0].bool().numpy() for m in A.mask], Sensitivities(np.ones((1, 16, 16), complex))
    )
    B.rcond = 1e-12
    x, noise = images(2, (1, 16, 16)), torch.complex(images(2, (1, 16, 16)), images(2, (1, 16, 16)).flip(-1))
    y = A(x) + 0.1 * A.mask * noise
    close(B.forward(x)[:, :, 0], A(x))
    close(B.pinv(y[:, :, None]), A.pinv(y), 1e-9)
    assert A.pinv(y).is_floating_point()


def test_sensitivities_of_a_file(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((3, 16, 12)) + 1j * rng.standard_normal((3, 16, 12))
    maps[:, 0, 0] = 0
    np.save(tmp_path / "maps.npy", maps)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "maps.npy"))
    A = make_operator("mri", SHAPE, [0], coils=3, sensitivities="file", acceleration=1.0)
    x = images(1, SHAPE)
    x[..., 0, 0] = 0  # where no coil sees anything
    close(A.adjoint(A(x)), x)
    assert A.supplied().keys() == {"sensitivities"} and "file" in A.conventions()["coils"]
    with pytest.raises(ValueError, match="the file of sensitivities has 3 coils, not coils = 4"):
        make_operator("mri", SHAPE, [0], sensitivities="file")
    with pytest.raises(ValueError, match="16 x 12 pixels do not fit images of 16 x 16"):
        make_operator("mri", (1, 16, 16), [0], coils=3, sensitivities="file")
