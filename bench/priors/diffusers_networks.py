"""Networks of diffusers, each brought from the process that it was trained on to E[x0 | x_t].

Each keeps the process that it was trained on: x_t = alpha x0 + sigma eps has alpha^2 + sigma^2 = 1 where
there are betas, alpha = 1 for EDM and scores, and alpha + sigma = 1 for flows.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from bench.priors.foreign import LogRatios
from bench.schedule import RatioTable


class WithBetas(nn.Module):
    """A network of the variance-preserving process as (x, index, labels) -> prediction."""

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, x: Tensor, index: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.unet(x, index, class_labels=labels).sample


class AtRatio(nn.Module):
    """A network of another process as (x, index, labels) -> E[x0 | x_t] in its schedule's coordinates."""

    def __init__(self, unet: nn.Module, schedule: RatioTable) -> None:
        super().__init__()
        self.unet, self.log_ratios = unet, LogRatios(schedule)

    def forward(self, x: Tensor, index: Tensor, labels: Tensor | None = None) -> Tensor:
        r = self.log_ratios(index).exp().to(x.dtype).view(-1, 1, 1, 1)
        return self.denoise(x, r, labels)

    def ask(self, x: Tensor, time: Tensor, labels: Tensor | None) -> Tensor:
        """The network's output at its own input and time."""
        return self.unet(x, time.flatten(), class_labels=labels).sample

    def denoise(self, x: Tensor, r: Tensor, labels: Tensor | None) -> Tensor:
        """E[x0 | x_t = x], (B, C, H, W), at the ratio r = sigma / alpha, (1 or B, 1, 1, 1)."""
        raise NotImplementedError


def quarter_log(sigma: Tensor) -> Tensor:
    """EDM's time of a noise level."""
    return sigma.log() / 4


def angle(sigma: Tensor) -> Tensor:
    """The arctangent of a noise level, scaled to 0 .. 1."""
    return sigma.atan() * (2 / math.pi)


TIMES = {"log": quarter_log, "angle": angle}


class Preconditioned(AtRatio):
    """EDM (Karras et al. 2022, arXiv 2206.00364, eq. 7 and table 1): c_skip x + c_out F(c_in x, c_noise).

    Args:
        unet: the network F.
        schedule: of the noise levels, alpha = 1.
        sigma_data: standard deviation of the data.
        sign: of c_out, which diffusers turns for ``v_prediction``.
        time: maps sigma to c_noise.

    """

    def __init__(
        self,
        unet: nn.Module,
        schedule: RatioTable,
        sigma_data: float,
        sign: int,
        time: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__(unet, schedule)
        self.sigma_data, self.sign, self.time = sigma_data, sign, time

    def denoise(self, x: Tensor, r: Tensor, labels: Tensor | None) -> Tensor:
        total = torch.sqrt(r**2 + self.sigma_data**2)
        out = self.ask(x / total, self.time(r), labels)
        return (self.sigma_data / total) ** 2 * x + self.sign * self.sigma_data * r / total * out


class Flow(AtRatio):
    """Flow matching (Lipman et al. 2023, arXiv 2210.02747).

    At time s T, the network gives the velocity eps - x0 of (1 - s) x0 + s eps.

    Args:
        unet: the network.
        schedule: of the noise levels, alpha + sigma = 1.
        T: the time of pure noise.
        inverted: the network gives x0 - eps, at time (1 - s) T.

    """

    def __init__(self, unet: nn.Module, schedule: RatioTable, T: int, inverted: bool) -> None:
        super().__init__(unet, schedule)
        self.T, self.inverted = T, inverted

    def denoise(self, x: Tensor, r: Tensor, labels: Tensor | None) -> Tensor:
        s = r / (1 + r)
        if self.inverted:
            return x + s * self.ask(x, self.T * (1 - s), labels)
        return x - s * self.ask(x, self.T * s, labels)


class ScoreInUnitRange(AtRatio):
    """The score of x01 + sigma eps, images in [0, 1] (Song et al. 2021, arXiv 2011.13456).

    In [-1, 1] the noise level is r = 2 sigma, and alpha = 1.
    """

    def denoise(self, x: Tensor, r: Tensor, labels: Tensor | None) -> Tensor:
        return x + r**2 / 2 * self.ask((x + 1) / 2, r / 2, labels)


class OnCircle(AtRatio):
    """The velocity eps cos - x0 sin at x0 cos + eps sin of an angle, asked at the angle."""

    def denoise(self, x: Tensor, r: Tensor, labels: Tensor | None) -> Tensor:
        cos = torch.rsqrt(1 + r**2)
        return cos * (x - r * self.ask(x, angle(r), labels))
