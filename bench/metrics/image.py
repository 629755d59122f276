"""Image metrics, each a function of one reconstruction and its truth: no reduction crosses the batch.

Images are (B, C, H, W) in [-1, 1] with C = 1 or 3. All metrics but residual and misfit clip them to [-1, 1],
and those that are defined on [0, 1] then map x to (x + 1) / 2. No metric sees a min-max normalised image or
an 8-bit file, but those that say so (`quantised`).

Distances between sets (FID, KID) are computed later, by `bench.stats.distances`, from the features that
`bench.metrics.networks.Inception` returns.
"""

import numpy as np
import torch
from torch import Tensor

from bench.likelihood import Gaussian, NoiseModel
from bench.metrics.networks import unit
from bench.operators.base import Operator


def psnr(x_hat: Tensor, x: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image, in dB: (B, C, H, W) twice -> (B,) float64.

    The data range is 1, on [0, 1]. Equal images give infinity.
    """
    return -10 * (unit(x_hat.double()) - unit(x.double())).square().flatten(1).mean(1).log10()


def ssim(x_hat: Tensor, x: Tensor) -> Tensor:
    """Structural similarity of each image: (B, C, H, W) twice, H and W >= 11 -> (B,) float64.

    The setting is that of the paper (Wang et al. 2004): a Gaussian window of 11 x 11 px and std 1.5 px,
    population covariance, K = (.01, .03), data range 1 on [0, 1]. The mean is over the positions where the
    window fits, and over the channels.
    """
    return torch.tensor([mean for mean, _ in _ssim(x_hat, x)], dtype=torch.float64)


def ssim_full(x_hat: Tensor, x: Tensor) -> Tensor:
    """The same over the full map: (B, C, H, W) twice, H and W >= 11 -> (B,) float64.

    Beyond the border the image is reflected, with its edge repeated. Some papers and libraries take the
    border in, which makes another number, lower or higher.
    """
    return torch.tensor([float(full.mean()) for _, full in _ssim(x_hat, x)], dtype=torch.float64)


def _ssim(x_hat: Tensor, x: Tensor) -> list[tuple[float, np.ndarray]]:
    """For each image the mean where the window fits, and the map, (C, H, W)."""
    from skimage.metrics import structural_similarity

    pairs = zip(_arrays(x_hat), _arrays(x), strict=True)
    setting = {"data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return [structural_similarity(a, b, channel_axis=0, full=True, **setting) for a, b in pairs]


def quantised(x: Tensor) -> Tensor:
    """The images that 8-bit files of some images hold: (B, C, H, W) -> the same, clipped to [-1, 1]."""
    return (unit(x) * 255).round() / 127.5 - 1


def _arrays(x: Tensor) -> np.ndarray:
    return unit(x.double()).cpu().numpy()


def residual(A: Operator, x_hat: Tensor, y: Tensor) -> Tensor:
    """Residual of each image over its m measured entries, ||A x - y|| / sqrt(m), in units of y.

    A complex entry counts as two.

    Args:
        A: one operator per image.
        x_hat: (B, C, H, W), as the solver returned it: not clipped.
        y: (B, *m).

    Returns:
        (B,) float64.

    """
    squares = (A(x_hat) - y).abs().double().square()
    parts = 2 if y.is_complex() else 1
    if A.measured is None:
        return (squares.flatten(1).mean(1) / parts).sqrt()
    kept = A.measured.expand_as(squares)
    return (squares.where(kept, 0).flatten(1).sum(1) / (parts * kept.flatten(1).sum(1))).sqrt()


def misfit(A: Operator, x_hat: Tensor, y: Tensor, noise: NoiseModel) -> Tensor:
    """The residual in units of the noise: (B,) float64.

    That is ||A x - y|| / (sigma sqrt(m)) for Gaussian noise; see `NoiseModel.misfit` for others. The truth
    has about 1. Without noise it means nothing and is NaN: read `residual` there.
    """
    if not isinstance(noise, Gaussian):
        return noise.misfit(A(x_hat), y, A.measured).double()
    r = residual(A, x_hat, y)
    return torch.where(r.new_tensor(noise.sigma) > 0, r / noise.sigma, torch.nan)
