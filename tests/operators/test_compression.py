"""JPEG against Pillow, quantisation against numpy."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut

from bench.operators import make_operator
from bench.operators.compression import CHROMINANCE, LUMINANCE, quantisation_table


def photo(channels: int = 3) -> np.ndarray:
    """(256, 256, C) uint8, faces and fabric."""
    crop = astronaut()[:256, 100:356]
    return crop if channels == 3 else crop[..., 1:2]


def tensor(u: np.ndarray) -> torch.Tensor:
    return torch.tensor(u).movedim(-1, 0)[None].double() / 127.5 - 1


def pillow(u: np.ndarray, quality: int) -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(u.squeeze()).save(file, "JPEG", quality=quality, subsampling=2)
    return Image.open(file)


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(10 * torch.log10(4 / (a - b).square().mean()))


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 90, 100])
def test_jpeg_tables_are_pillows(quality):
    tables = pillow(photo(), quality).quantization
    for i, base in enumerate((LUMINANCE, CHROMINANCE)):
        assert quantisation_table(base, quality).flatten().tolist() == tables[i]


@pytest.mark.parametrize(("channels", "agreement"), [(1, 49), (3, 40)])
@pytest.mark.parametrize("quality", [10, 50, 90])
def test_jpeg_decodes_as_pillow_does(channels, agreement, quality):
    """Grey: but for rounding to 8 bits and ties; colour: also but for Pillow's smoother doubling of
    chroma."""
    u = photo(channels)
    x, y = tensor(u), tensor(np.asarray(pillow(u, quality)).reshape(u.shape))
    ours = make_operator("jpeg", x.shape[1:], [0], quality=quality)(x)
    assert psnr(ours.clamp(-1, 1), y) > agreement
    assert abs(psnr(ours.clamp(-1, 1), x) - psnr(y, x)) < 0.5, "as far from the original as Pillow's"


@pytest.mark.parametrize("quality", [10, 50, 95])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_jpeg_of_a_jpeg(quality, dtype):
    """Coding what was decoded changes nothing but rounding, on a real photo, in which values beyond [-1, 1]
    occur."""
    A, x = (
        make_operator("jpeg", (3, 256, 256), [0], quality=quality).to(dtype=dtype),
        tensor(photo()).to(dtype),
    )
    y = A(x)
    assert y.abs().max() > 1
    assert (A(A.pinv(y)) - y).abs().max() < (1e-12 if dtype == torch.float64 else 1e-5)


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_quantise(bits):
    A = make_operator("quantise", (1, 8, 32), [0], bits=bits)
    x = torch.from_numpy(np.random.default_rng(0).uniform(-1.2, 1.2, (1, 1, 8, 32)))
    levels = np.linspace(-1, 1, 2**bits)
    nearest = levels[np.abs(x.numpy()[..., None] - levels).argmin(-1)]
    np.testing.assert_allclose(A(x), nearest, atol=1e-15)
    for dtype in (torch.float64, torch.float32):
        low = A.to(dtype=dtype)
        y = low(x.to(dtype))
        assert torch.equal(low(low.pinv(y)), y)
        assert y.min() == -1
        assert y.max() == 1


@pytest.mark.parametrize(
    ("name", "shape", "params", "message"),
    [
        ("jpeg", (3, 24, 32), {}, "jpeg needs sides divisible by 16 for colour images, got 24 x 32"),
        ("jpeg", (1, 28, 28), {}, "divisible by 8 for grey"),
        ("jpeg", (2, 32, 32), {}, "1 or 3 channels, got 2"),
        ("jpeg", (3, 32, 32), {"quality": 0}, "quality = 0 should be greater"),
        ("quantise", (3, 32, 32), {"bits": 0}, "bits = 0 should be greater"),
    ],
)
def test_errors(name, shape, params, message):
    with pytest.raises(ValueError, match=message):
        make_operator(name, shape, [0], **params)
