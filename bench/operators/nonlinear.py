"""Nonlinear operators: clipped exposure and phase retrieval."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.fft import fft2, fftshift, ifft2, ifftshift

from bench.operators.base import Operator, PinvOperator
from bench.operators.kernels import image_shape


class HDR(PinvOperator):
    """A(x) = clip(2 x, -1, 1), an exposure twice too long; its pseudo-inverse y / 2 knows nothing of what was clipped."""

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape

    def conventions(self) -> dict[str, str]:
        return {"response": "clip(2 x, -1, 1)"}

    def forward(self, x: Tensor) -> Tensor:
        return (2 * x).clamp(-1, 1)

    def solve_pinv(self, y: Tensor) -> Tensor:
        return y / 2


class PhaseRetrieval(Operator):
    """A(x) = |F(x)|: centred amplitudes of the orthonormal Fourier transform of the image amid zeros, channel by channel.

    A quarter of the side is padded on each side, an oversampling of 2 as Chung et al. (DPS, arXiv 2209.14687) use it; the
    transform is orthonormal on the padded grid. Amplitudes do not see where in the grid the image lies, so the code pads
    behind it. The gradient at an amplitude of 0 is 0.
    """

    def __init__(self, shape: Sequence[int], seeds: Sequence[int]) -> None:
        super().__init__(shape, seeds)
        _, H, W = image_shape(shape, "phase_retrieval")
        self.margin = H // 4, W // 4
        self.grid = H + 2 * (H // 4), W + 2 * (W // 4)

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape[0], *self.grid

    def conventions(self) -> dict[str, str]:
        (top, left), (height, width) = self.margin, self.grid
        padding = f"zeros, {top} and {left} px on each side, {height} x {width} in all"
        return {"amplitudes": "orthonormal transform of x in [-1, 1]", "padding": padding}

    def forward(self, x: Tensor) -> Tensor:
        return fftshift(fft2(x, s=self.grid, norm="ortho").abs(), (-2, -1))

    def guess(self, y: Tensor) -> Tensor:
        """The amplitude of the inverse transform of y, cropped to the image and clipped to [-1, 1].

        This is where the published solvers start (there unclipped: the autocorrelation's peak reaches 43 at 256 pixels).
        """
        with torch.no_grad():
            (top, left), (_, H, W) = self.margin, self.shape
            correlation = fftshift(ifft2(ifftshift(y, (-2, -1)), norm="ortho").abs(), (-2, -1))
            return correlation[..., top : top + H, left : left + W].clamp(-1, 1)

    def display(self, y: Tensor) -> Tensor:
        """log(1 + y), scaled per image so that 0 is -1 and the largest amplitude is 1."""
        log = y.clamp_min(0).log1p()
        return 2 * log / log.amax((1, 2, 3), keepdim=True).clamp_min(torch.finfo(y.dtype).tiny) - 1
