"""Blurs with a kernel of their own per image, by FFT.

Their boundary is reflecting (solved by conjugate gradients) or circular (by the SVD).
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Gt, Lt
from torch import Tensor
from torch.fft import fft2, irfft2, rfft2
from torch.nn.functional import pad

from bench.operators.base import LinearOperator, SVDOperator
from bench.operators.kernels import Std, check_taps, image_shape, motion, scaled_taps
from bench.operators.separable import box_kernel, describe_kernel, gauss_kernel


class BlurMotion(LinearOperator):
    """Correlation with a motion kernel drawn per image (`kernels.motion`), mirrored without its edge.

    Args:
        taps: odd, below the side; by default 61 at 256 pixels, scaled with the smaller side below it (9 at
            32).
        rcond: relative residual at which the pseudo-inverse's conjugate gradients stop.
    """

    batched = ("kernel", "spectrum")

    def __init__(
        self,
        shape: Sequence[int],
        seeds: Sequence[int],
        taps: Annotated[int, Gt(0)] | None = None,
        rcond: Annotated[float, Gt(0), Lt(1)] = 1e-3,
    ) -> None:
        from scipy.fft import next_fast_len  # here, since it takes a tenth of a second

        super().__init__(shape, seeds)
        self.rcond = rcond
        self.kernel = motion_kernels(self.shape, self.seeds, taps)
        self.radius = self.kernel.shape[-1] // 2
        self.grid = tuple(next_fast_len(n + 2 * self.radius, real=True) for n in self.shape[1:])
        self.spectrum = rfft2(self.kernel, s=self.grid)

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape

    def parameters(self) -> dict[str, Tensor]:
        return {"kernel": self.kernel}

    def conventions(self) -> dict[str, str]:
        kernel = f"random path, {self.kernel.shape[-1]} taps, one per image"
        return {"kernel": kernel, "padding": "mirrored without the edge (reflect)"} | super().conventions()

    def guess(self, y: Tensor) -> Tensor:
        """A copy of y: the undamped pseudo-inverse of a blur amplifies the noise."""
        return y.clone()

    def forward(self, x: Tensor) -> Tensor:
        _, H, W = self.shape
        padded = rfft2(pad(x, 4 * (self.radius,), mode="reflect"), s=self.grid)
        return irfft2(self.spectrum.conj() * padded, s=self.grid)[..., :H, :W].contiguous()

    def transpose(self, v: Tensor) -> Tensor:
        x = irfft2(self.spectrum * rfft2(v, s=self.grid), s=self.grid)
        for dim, n in zip((-2, -1), self.shape[1:], strict=True):
            x = fold(x.narrow(dim, 0, n + 2 * self.radius), self.radius, dim)
        return x


class BlurCircular(SVDOperator):
    """Correlation with any kernel on a circular image, diagonal in real arithmetic.

    V is the orthonormal two-dimensional Hartley transform, which is its own inverse and transpose. With the
    kernel's transfer function K(f) = |K| exp(i phase): s = |K|, even in f, so it commutes with the Hartley
    transform's mixing of f and -f; the phase is an all-pass filter, orthogonal and real, and goes into U.

    Args:
        kernel: "gauss" (as `blur_gauss`), "uniform" (as `blur_uniform`) or "motion" (as `blur_motion`, one
            per image).
        std: of the Gaussian, in pixels; only with kernel = "gauss".
        taps: odd, below the side; scaled with the side by default.
        rcond: relative cutoff of singular values in the undamped pseudo-inverse.
    """

    batched = ("kernel", "singular", "phase", "transfer")

    def __init__(
        self,
        shape: Sequence[int],
        seeds: Sequence[int],
        kernel: Literal["gauss", "uniform", "motion"] = "gauss",
        std: Std | None = None,
        taps: Annotated[int, Gt(0)] | None = None,
        rcond: Annotated[float, Gt(0), Lt(1)] = 1e-3,
    ) -> None:
        if std is not None and kernel != "gauss":
            raise ValueError(f"std = {std:g}: only the kernel 'gauss' has one, this is '{kernel}'")
        super().__init__(shape, seeds)
        self.rcond, self.random = rcond, kernel == "motion"
        if kernel == "motion":
            self.kernel = motion_kernels(self.shape, self.seeds, taps)
        else:
            k = gauss_kernel(shape, std, taps) if kernel == "gauss" else box_kernel(shape, taps)
            self.kernel = torch.from_numpy(np.outer(k, k)).repeat(len(self.seeds), 1, 1, 1)
        K = transfer_function(self.kernel, self.shape[1:])
        s = K.abs()
        null = s <= max(self.shape[1:]) * torch.finfo(s.dtype).eps * s.amax((-2, -1), keepdim=True)
        half = self.shape[2] // 2 + 1
        self.singular = torch.where(null, 0, s)
        self.phase = torch.where(null, 0, K / s.clamp_min(torch.finfo(s.dtype).tiny))[..., :half].contiguous()
        self.transfer = self.phase * self.singular[..., :half]

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape

    def parameters(self) -> dict[str, Tensor]:
        return {"kernel": self.kernel} if self.random else {}

    def conventions(self) -> dict[str, str]:
        marginal = self.kernel[0, 0].sum(0).numpy()
        kernel = describe_kernel(marginal)
        if self.random:
            kernel = f"random path, {len(marginal)} taps, one per image"
        return {"kernel": kernel, "padding": "circular"} | super().conventions()

    def guess(self, y: Tensor) -> Tensor:
        """A copy of y: the undamped pseudo-inverse of a blur amplifies the noise by up to 1 / rcond."""
        return y.clone()

    @property
    def s(self) -> Tensor:
        return self.singular.expand(-1, *self.shape)

    def apply(self, response: Tensor, x: Tensor) -> Tensor:
        """The real circular filter of images of any channel count, by its response (B, 1, H, W // 2 + 1)."""
        return irfft2(response * rfft2(x), s=self.shape[1:])

    def forward(self, x: Tensor) -> Tensor:
        return self.apply(self.transfer, x)

    def transpose(self, v: Tensor) -> Tensor:
        return self.apply(self.transfer.conj(), v)

    def solve_pinv(self, y: Tensor, damping: float | Tensor = 0.0) -> Tensor:
        return self.apply(self.phase.conj() * self.filter(damping)[:, :1, :, : self.phase.shape[-1]], y)

    def apply_U(self, z: Tensor) -> Tensor:
        return self.apply(self.phase, hartley(z))

    def apply_Ut(self, y: Tensor) -> Tensor:
        return hartley(self.apply(self.phase.conj(), y))

    def apply_V(self, z: Tensor) -> Tensor:
        return hartley(z)

    def apply_Vt(self, x: Tensor) -> Tensor:
        return hartley(x)


def hartley(x: Tensor) -> Tensor:
    """The orthonormal Hartley transform over the last two axes, sum_n x_n cas(2 pi f n), its own inverse."""
    F = fft2(x, norm="ortho")
    return F.real - F.imag


def transfer_function(kernel: Tensor, size: Sequence[int]) -> Tensor:
    """The factors by which correlation with a centred kernel multiplies the Fourier modes, (B, 1, H, W).

    K(-f) = conj K(f) holds to the last bit, so that what is derived from K keeps real images real.
    """
    taps = kernel.shape[-1]
    padded = pad(kernel, (0, size[1] - taps, 0, size[0] - taps)).roll((-(taps // 2), -(taps // 2)), (-2, -1))
    K = fft2(padded).conj()
    return (K + K.flip((-2, -1)).roll((1, 1), (-2, -1)).conj()) / 2


def motion_kernels(shape: Sequence[int], seeds: Sequence[int], taps: int | None) -> Tensor:
    """(B, 1, taps, taps) float64, one motion kernel per seed."""
    side = min(image_shape(shape, "blur_motion")[1:])
    taps = check_taps(taps or scaled_taps(61, side), side)
    return torch.from_numpy(np.stack([motion(seed, taps) for seed in seeds])[:, None])


def fold(x: Tensor, p: int, dim: int) -> Tensor:
    """The adjoint of reflecting padding by p (without the edge) along one axis.

    The order of summation is fixed.
    """
    n = x.shape[dim] - 2 * p
    out = x.narrow(dim, p, n).clone()
    out.narrow(dim, 1, p).add_(x.narrow(dim, 0, p).flip(dim))
    out.narrow(dim, n - 1 - p, p).add_(x.narrow(dim, n + p, p).flip(dim))
    return out
