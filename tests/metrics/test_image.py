"""Image metrics against scikit-image and against their definitions written out here."""

import numpy as np
import pytest
import skimage.data
import skimage.metrics
import torch
from torch.nn import functional as F

from bench.likelihood import Gaussian
from bench.metrics.image import misfit, psnr, quantised, residual, ssim, ssim_full
from bench.operators.base import Operator


def unit_arrays(x):
    return (np.clip(x.double().numpy(), -1, 1) + 1) / 2


def test_psnr_is_that_of_each_clipped_image(pair):
    a, b = (unit_arrays(x) for x in pair)
    expected = [
        skimage.metrics.peak_signal_noise_ratio(q, p, data_range=1) for p, q in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(psnr(*pair), expected, rtol=1e-10)
    assert psnr(pair[0], pair[0]).isinf().all()


def test_ssim_is_the_definition(pair):
    """Wang et al. 2004, eq. 13, with an explicit 11 x 11 window."""
    g = torch.exp(-(torch.arange(-5.0, 6, dtype=torch.float64) ** 2) / (2 * 1.5**2))
    window = (g[:, None] * g / g.sum() ** 2)[None, None]

    def mean(z):
        return F.conv2d(z.flatten(0, 1)[:, None], window)

    a, b = (torch.tensor(unit_arrays(x)) for x in pair)
    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    values = (2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))
    torch.testing.assert_close(ssim(*pair), values.reshape(3, -1).mean(1), rtol=0, atol=1e-9)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_batch_mates_do_not_matter(metric, pair):
    a, b = pair
    assert torch.equal(metric(a, b), torch.cat([metric(a[i : i + 1], b[i : i + 1]) for i in range(3)]))
    grey = metric(a[:, :1], b[:, :1])
    torch.testing.assert_close(metric(a[:, :1].expand(-1, 3, -1, -1), b[:, :1].expand(-1, 3, -1, -1)), grey)


class Masked(Operator):
    """Doubles the image, and measures a checkerboard for odd seeds, everything for even ones."""

    batched = ("kept",)

    def __init__(self, shape, seeds):
        super().__init__(shape, seeds)
        checker = torch.arange(shape[-1]) % 2 == 0
        self.kept = torch.stack(
            [(checker if s % 2 else torch.ones_like(checker)).expand(shape) for s in seeds]
        )

    def forward(self, x):
        return 2 * x

    @property
    def out_shape(self):
        return self.shape

    @property
    def measured(self):
        return self.kept


def test_misfit_counts_measured_entries_only():
    generator = torch.Generator().manual_seed(0)
    A, sigma = Masked((1, 6, 6), [0, 1]), 0.05
    x, n = (torch.randn(2, 1, 6, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    y = torch.where(A.measured, A(x) + sigma * n, torch.nan)
    expected = [n[0].square().mean().sqrt(), n[1, :, :, ::2].square().mean().sqrt()]
    torch.testing.assert_close(misfit(A, x, y, Gaussian(sigma)), torch.stack(expected))
    torch.testing.assert_close(residual(A, x, y), sigma * torch.stack(expected))
    torch.testing.assert_close(misfit(A[1:2], x[1:], y[1:], Gaussian(sigma))[0], expected[1])
    assert misfit(A, x, y, Gaussian(0.0)).isnan().all()


def test_the_full_map_of_ssim_reflects_the_image(pair):
    """The mean over a reflected image where the window fits is that of the full map of the image itself."""
    wide = [torch.from_numpy(np.pad(x.numpy(), [(0, 0), (0, 0), (5, 5), (5, 5)], "symmetric")) for x in pair]
    torch.testing.assert_close(ssim_full(*pair), ssim(*wide), rtol=0, atol=1e-9)
    assert (ssim_full(*pair) - ssim(*pair)).abs().min() > 1e-4


def test_quantised_images_are_what_an_8_bit_file_holds(pair):
    x = 1.1 * pair[0].double()
    written = ((x.clamp(-1, 1) + 1) / 2 * 255).round().to(torch.uint8)
    torch.testing.assert_close(quantised(x), written.double() / 127.5 - 1, rtol=0, atol=1e-12)
