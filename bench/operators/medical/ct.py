"""Computed tomography: sums of an image along parallel lines."""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from torch import Tensor

from bench.operators.base import LinearOperator
from bench.operators.kernels import image_shape

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MOST_ANGLES = 10_000


class CT(LinearOperator):
    """A(x) = the mean of the line integrals of x over each bin of a detector, by angle: a sinogram.

    Parallel beams, pixels of constant value, bins as wide as a pixel; the integral of a pixel over a bin is
    exact. Integrals are in units of the image's longer side, so that those of the constant image 1 are 1
    along that side. At 0 degrees the bins are the columns, at 90 the rows from the top. Each channel of x is
    an image; y is (C, angles, bins).

    Args:
        angles: how many, evenly over 180 degrees from 0 on, or a list of them, in degrees.
        rcond: relative residual at which the pseudo-inverse's conjugate gradients stop.
    """

    def __init__(
        self,
        shape: Sequence[int],
        seeds: Sequence[int],
        angles: Annotated[int, Ge(1), Le(MOST_ANGLES)]
        | Annotated[Sequence[float], MinLen(1), MaxLen(MOST_ANGLES)] = 16,
        rcond: Annotated[float, Gt(0), Lt(1)] = 1e-2,
    ) -> None:
        super().__init__(shape, seeds)
        H, W = image_shape(shape, "ct")[1:]
        self.rcond = rcond
        if isinstance(angles, int):
            angles = [180 * k / angles for k in range(angles)]
        self.degrees = tuple(float(angle) for angle in angles)
        self.bins = detector(H, W)
        A, At = projection(H, W, self.degrees)
        self.pointers, self.columns, self.weights = parts(A)
        self.pointers_back, self.columns_back, self.weights_back = parts(At)

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape[0], len(self.degrees), self.bins

    def conventions(self) -> dict[str, str]:
        units = f"line integrals over {max(self.shape[1:])} pixels, {self.bins} bins of one pixel"
        return {"beams": f"parallel, {len(self.degrees)} angles", "units": units} | super().conventions()

    def display(self, y: Tensor) -> Tensor:
        """The back-projection, each pixel's mean over the lines that cross it; blurred, but an image."""
        lines = self.forward(torch.ones(1, *self.shape).to(y))
        return (self.transpose(y) / self.transpose(lines)).clamp(-1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = product((self.pointers, self.columns, self.weights), x.flatten(2).flatten(0, 1))
        return y.view(len(x), *self.out_shape)

    def transpose(self, v: Tensor) -> Tensor:
        x = product((self.pointers_back, self.columns_back, self.weights_back), v.flatten(2).flatten(0, 1))
        return x.view(len(v), *self.shape)


def detector(H: int, W: int) -> int:
    """The number of bins that see the whole image at every angle; even where W is, to match its columns."""
    bins = math.ceil(math.hypot(H, W))
    return bins + (bins - W) % 2


@lru_cache(maxsize=2)  # every batch asks again
def projection(H: int, W: int, degrees: tuple[float, ...]) -> "tuple[csr_matrix, csr_matrix]":
    """The matrix of `CT`, (angles bins, H W), and its transpose.

    The shadow of a pixel on the detector is the convolution of two boxes, of the widths |cos| and |sin| of
    the angle: a trapezoid of area 1, at most sqrt(2) wide, which falls on three bins at most.
    """
    from scipy.sparse import csr_matrix  # here, since it takes a tenth of a second

    bins, n = detector(H, W), H * W
    rows, columns, weights = [], [], []
    y, x = np.mgrid[:H, :W].reshape(2, n) - np.array([[(H - 1) / 2], [(W - 1) / 2]])
    for k, angle in enumerate(np.deg2rad(degrees)):
        cos, sin = np.cos(angle), np.sin(angle)
        place = x * cos + y * sin + bins / 2
        first = np.floor(place - (abs(cos) + abs(sin)) / 2)
        below = [shadow(first + i - place, abs(cos), abs(sin)) for i in range(4)]
        for i in range(3):
            weight = below[i + 1] - below[i]
            seen = weight > np.finfo(float).eps
            rows.append(k * bins + first[seen].astype(int) + i)
            columns.append(np.flatnonzero(seen))
            weights.append(weight[seen] / max(H, W))
    entries = np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))
    A = csr_matrix(entries, shape=(len(degrees) * bins, n))
    return A, A.T.tocsr()


def shadow(u: np.ndarray, a: float, b: float) -> np.ndarray:
    """The share of a pixel's shadow that lies below u, for the widths a and b of its two boxes."""
    far, near = (a + b) / 2, abs(a - b) / 2
    slope = np.maximum(far - np.abs(u), 0) ** 2 / max(2 * a * b, np.finfo(float).tiny)
    above = np.where(np.abs(u) <= near, 0.5 - np.abs(u) / max(a, b), slope)
    return np.where(u > 0, 1 - above, above)


def parts(A: "csr_matrix") -> tuple[Tensor, Tensor, Tensor]:
    """A matrix as the tensors that `product` takes."""
    return torch.from_numpy(A.indptr), torch.from_numpy(A.indices), torch.from_numpy(A.data)


def product(matrix: tuple[Tensor, Tensor, Tensor], rows: Tensor) -> Tensor:
    """A sparse matrix, (m, n), times each row, (k, n) -> (k, m)."""
    pointers = matrix[0]
    with without_beta_warning():
        A = torch.sparse_csr_tensor(*matrix, (len(pointers) - 1, rows.shape[1]), check_invariants=False)
    return (A @ rows.T).T.contiguous()


@contextmanager
def without_beta_warning() -> Iterator[None]:
    """Keeps torch from saying, once a process, that its sparse matrices are new."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        yield
