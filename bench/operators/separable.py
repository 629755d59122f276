"""Operators that act on rows and columns separately: bicubic downsampling, Gaussian and box blur.

A(X) = L X R^T for every channel. The singular value decomposition of a Kronecker product is the product of
two small ones, one per axis, so it is exact and costs one matrix of the side's size per axis.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Gt, Lt
from torch import Tensor

from bench.operators.base import SVDOperator
from bench.operators.kernels import Std, box, check_taps, gauss, image_shape, scaled_taps
from bench.operators.matrices import padded_svd
from bench.operators.means import check_factor


class Separable(SVDOperator):
    """A(X) = L X R^T for every channel X.

    Args:
        left: L, (h, H).
        right: R, (w, W).
    """

    def __init__(
        self, shape: Sequence[int], seeds: Sequence[int], left: np.ndarray, right: np.ndarray
    ) -> None:
        super().__init__(shape, seeds)
        self.left, self.right = torch.from_numpy(left), torch.from_numpy(right)
        self.left_out, s_rows, self.left_basis = padded_svd(left)
        self.right_out, s_columns, self.right_basis = padded_svd(right)
        self.singular = s_rows[:, None] * s_columns

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape[0], len(self.left), len(self.right)

    @property
    def s(self) -> Tensor:
        return self.singular.expand(1, *self.shape)

    def forward(self, x: Tensor) -> Tensor:
        return self.left @ (x @ self.right.T)

    def transpose(self, v: Tensor) -> Tensor:
        return self.left.T @ (v @ self.right)

    def apply_U(self, z: Tensor) -> Tensor:
        return self.left_out @ (z @ self.right_out.T)

    def apply_Ut(self, y: Tensor) -> Tensor:
        return self.left_out.T @ (y @ self.right_out)

    def apply_V(self, z: Tensor) -> Tensor:
        return self.left_basis @ (z @ self.right_basis.T)

    def apply_Vt(self, x: Tensor) -> Tensor:
        return self.left_basis.T @ (x @ self.right_basis)


class SRBicubic(Separable):
    """Super-resolution from antialiased bicubic downsampling by ``factor`` (Keys 1981, a = -0.5).

    The kernel is stretched by the factor, to 4 ``factor`` taps per axis. Beyond the border the image is
    mirrored with its edge repeated.
    """

    def __init__(self, shape: Sequence[int], seeds: Sequence[int], factor: int) -> None:
        check_factor(shape, factor, "sr_bicubic")
        super().__init__(shape, seeds, bicubic_matrix(shape[1], factor), bicubic_matrix(shape[2], factor))
        self.factor = factor

    def conventions(self) -> dict[str, str]:
        cubic = f"cubic (a = -0.5), stretched by {self.factor} against aliasing, {4 * self.factor} taps"
        own = {"down-sampler": cubic, "padding": "mirrored with the edge (symmetric)"}
        return own | super().conventions()


class Blur(Separable):
    """Correlation with the outer product of a kernel with itself.

    The image is mirrored without repeating its edge.
    """

    def __init__(self, shape: Sequence[int], seeds: Sequence[int], kernel: np.ndarray) -> None:
        super().__init__(shape, seeds, mirror_matrix(shape[1], kernel), mirror_matrix(shape[2], kernel))
        self.kernel = describe_kernel(kernel)

    def conventions(self) -> dict[str, str]:
        own = {"kernel": self.kernel, "padding": "mirrored without the edge (reflect)"}
        return own | super().conventions()

    def guess(self, y: Tensor) -> Tensor:
        """A copy of y: the undamped pseudo-inverse of a blur amplifies the noise by up to 1 / rcond."""
        return y.clone()


class BlurGauss(Blur):
    """Gaussian blur with reflecting boundary: 61 taps and a standard deviation of 3 at 256 pixels.

    Below 256 both scale with the smaller side, the standard deviation no further than to 1 pixel, since .375
    at 32 pixels would be nearly the identity: 1 and 9 taps there.

    Args:
        std: in pixels; by default max(1, 3 side / 256).
        taps: odd, below the side; by default 61 side / 256, rounded to an odd number.
        rcond: relative cutoff of singular values in the undamped pseudo-inverse.
    """

    def __init__(
        self,
        shape: Sequence[int],
        seeds: Sequence[int],
        std: Std | None = None,
        taps: Annotated[int, Gt(0)] | None = None,
        rcond: Annotated[float, Gt(0), Lt(1)] = 1e-3,
    ) -> None:
        super().__init__(shape, seeds, gauss_kernel(shape, std, taps))
        self.rcond = rcond


class BlurUniform(Blur):
    """Box blur with reflecting boundary: 9 taps at 256 pixels.

    Below 256 they scale with the smaller side, never under 3 (at 32).

    Args:
        taps: odd, below the side.
        rcond: relative cutoff of singular values in the undamped pseudo-inverse.
    """

    def __init__(
        self,
        shape: Sequence[int],
        seeds: Sequence[int],
        taps: Annotated[int, Gt(0)] | None = None,
        rcond: Annotated[float, Gt(0), Lt(1)] = 1e-3,
    ) -> None:
        super().__init__(shape, seeds, box_kernel(shape, taps))
        self.rcond = rcond


def gauss_kernel(shape: Sequence[int], std: float | None, taps: int | None) -> np.ndarray:
    """The one-dimensional kernel of ``blur_gauss`` for images of ``shape``."""
    side = min(image_shape(shape, "blur_gauss")[1:])
    taps = check_taps(taps or scaled_taps(61, side), side)
    return gauss(taps, std or max(1.0, 3 * min(side, 256) / 256))


def box_kernel(shape: Sequence[int], taps: int | None) -> np.ndarray:
    """The one-dimensional kernel of ``blur_uniform`` for images of ``shape``."""
    side = min(image_shape(shape, "blur_uniform")[1:])
    return box(check_taps(taps or scaled_taps(9, side), side))


def describe_kernel(kernel: np.ndarray) -> str:
    """Taps and standard deviation in pixels of a one-dimensional kernel, as it is and not as asked for."""
    x = np.arange(len(kernel)) - len(kernel) // 2
    return f"{len(kernel)} taps, std {np.sqrt((kernel * x**2).sum() / kernel.sum()):.3g} px"


def mirror_matrix(n: int, kernel: np.ndarray) -> np.ndarray:
    """(n, n), correlation of a signal with ``kernel`` (odd length), mirrored without repeating its ends."""
    positions = np.arange(n)[:, None] + np.arange(len(kernel)) - len(kernel) // 2
    return _banded(n, positions, kernel, "reflect")


def bicubic_matrix(n: int, factor: int) -> np.ndarray:
    """(n / factor, n), antialiased bicubic downsampling of a signal, mirrored with its ends repeated."""
    centre = (np.arange(n // factor)[:, None] + 0.5) * factor - 0.5
    taps = np.floor(centre).astype(int) + np.arange(-2 * factor, 2 * factor + 1)
    weights = keys_cubic((taps - centre) / factor)
    return _banded(n, taps, weights / weights.sum(1, keepdims=True), "symmetric")


def keys_cubic(x: np.ndarray, a: float = -0.5) -> np.ndarray:
    """The cubic convolution kernel on [-2, 2] (Keys 1981, eq. 15)."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _banded(
    n: int, positions: np.ndarray, weights: np.ndarray, mode: Literal["reflect", "symmetric"]
) -> np.ndarray:
    """The matrix whose row i weighs the signal at ``positions[i]``.

    numpy's padding ``mode`` folds the positions into 0 .. n - 1.
    """
    reach = max(-int(positions.min()), int(positions.max()) - n + 1, 0)
    folded = np.pad(np.arange(n), reach, mode=mode)[positions + reach]
    A = np.zeros((len(positions), n))
    np.add.at(A, (np.arange(len(positions))[:, None], folded), np.broadcast_to(weights, positions.shape))
    return A
