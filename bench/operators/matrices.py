"""Matrices as operators on vectors, and compressed sensing.

The singular value decomposition of a dense matrix is shared with the separable operators.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt
from torch import Tensor

from bench.noise import StreamNoise, philox_bits, stream_key
from bench.operators.base import SVDOperator
from bench.operators.kernels import image_shape


def padded_svd(A: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """A = U diag(s) V^T with as many singular values as A has columns.

    Singular values at rounding level, max(m, n) eps times the largest, are 0, and so are their columns of U.

    Args:
        A: (m, n).

    Returns:
        U: (m, n), columns orthonormal where s > 0 and 0 elsewhere.
        s: (n,), decreasing.
        V: (n, n), orthogonal.
    """
    m, n = A.shape
    U, s, Vt = np.linalg.svd(A, full_matrices=m < n)
    s[s <= max(m, n) * np.finfo(float).eps * s[0]] = 0
    padding = n - len(s)
    U = np.pad(U * (s > 0), ((0, 0), (0, padding)))
    return torch.from_numpy(U), torch.from_numpy(np.pad(s, (0, padding))), torch.from_numpy(Vt.T.copy())


class Matrix(SVDOperator):
    """A(x) = M x for vectors (d,), one matrix for the whole batch.

    Args:
        matrix: M, (m, d); m may be smaller or larger than d.
        rcond: relative cutoff of singular values in the undamped pseudo-inverse.
    """

    def __init__(
        self,
        shape: Sequence[int],
        seeds: Sequence[int],
        matrix: Sequence[Sequence[float]] | Tensor,
        rcond: Annotated[float, Gt(0), Lt(1)] = 1e-3,
    ) -> None:
        super().__init__(shape, seeds)
        self.rcond = rcond
        try:
            M = np.asarray(matrix, dtype=float)
        except (TypeError, ValueError) as error:
            raise ValueError("matrix: its rows must be lists of numbers of one length") from error
        fits = M.ndim == 2 and M.shape[1:] == self.shape
        if not fits or not M.size or not np.isfinite(M).all():
            raise ValueError(
                f"matrix of shape {M.shape}: "
                f"vectors of shape {self.shape} need finite entries, (m, d) for (d,)"
            )
        self.matrix = torch.from_numpy(M)
        self.basis_out, self.singular, self.basis = padded_svd(M)

    def conventions(self) -> dict[str, str]:
        """Vectors have no constant image."""
        return {}

    @property
    def out_shape(self) -> tuple[int, ...]:
        return (len(self.matrix),)

    @property
    def s(self) -> Tensor:
        return self.singular[None]

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.matrix.T

    def transpose(self, v: Tensor) -> Tensor:
        return v @ self.matrix

    def apply_U(self, z: Tensor) -> Tensor:
        return z @ self.basis_out.T

    def apply_Ut(self, y: Tensor) -> Tensor:
        return y @ self.basis_out

    def apply_V(self, z: Tensor) -> Tensor:
        return z @ self.basis.T

    def apply_Vt(self, x: Tensor) -> Tensor:
        return x @ self.basis


class RandomMatrix(SVDOperator):
    """A(x) = U diag(s) V^T x for vectors (d,), one matrix per image.

    U, the m columns of V and s are uniformly distributed.

    U and V are products of m Householder reflections I - 2 v v^T / ||v||^2 whose normal v are shorter by one
    entry each time, as in the QR decomposition of a matrix of normals (Stewart 1980, SIAM J. Numer. Anal.
    17); a batch stores the v alone, not d x d matrices.

    Args:
        m: number of measurements, 1 to d.
        s_min, s_max: range of the singular values.
        rcond: relative cutoff of singular values in the undamped pseudo-inverse.
    """

    batched = ("left", "right", "singular")

    def __init__(
        self,
        shape: Sequence[int],
        seeds: Sequence[int],
        m: Annotated[int, Ge(1)],
        s_min: Annotated[float, Gt(0), Le(1e12)] = 0.2,
        s_max: Annotated[float, Gt(0), Le(1e12)] = 1.0,
        rcond: Annotated[float, Gt(0), Lt(1)] = 1e-3,
    ) -> None:
        super().__init__(shape, seeds)
        if len(self.shape) != 1 or m > self.shape[0]:
            raise ValueError(
                f"m = {m}: a random matrix takes vectors of at least m entries; "
                f"these have the shape {self.shape}"
            )
        if s_max < s_min:
            raise ValueError(f"s_max = {s_max:g} is below s_min = {s_min:g}")
        self.rcond, self.m = rcond, m
        stream = StreamNoise(self.seeds, torch.float64)
        s = s_min + (s_max - s_min) * stream.uniform((m,))
        self.singular = torch.nn.functional.pad(s, (0, self.shape[0] - m))
        self.left, self.right = reflectors(stream.new((m, m))), reflectors(stream.new((m, self.shape[0])))

    @property
    def out_shape(self) -> tuple[int, ...]:
        return (self.m,)

    def parameters(self) -> dict[str, Tensor]:
        return {"left": self.left, "right": self.right, "singular": self.singular}

    @property
    def s(self) -> Tensor:
        return self.singular

    def apply_U(self, z: Tensor) -> Tensor:
        return reflect(z[:, : self.m], reversed(self.left.unbind(1)))

    def apply_Ut(self, y: Tensor) -> Tensor:
        return torch.nn.functional.pad(reflect(y, self.left.unbind(1)), (0, self.shape[0] - self.m))

    def apply_V(self, z: Tensor) -> Tensor:
        return reflect(z, reversed(self.right.unbind(1)))

    def apply_Vt(self, x: Tensor) -> Tensor:
        return reflect(x, self.right.unbind(1))


def reflectors(normals: Tensor) -> Tensor:
    """Unit vectors of reflections, (B, m, d) -> (B, m, d); the k-th is 0 in its first k entries."""
    v = normals.triu()
    return v / v.norm(dim=-1, keepdim=True)


def reflect(x: Tensor, vectors: Iterable[Tensor]) -> Tensor:
    """Reflects x, (B, d), at one hyperplane after the other, each with its unit normals, (B, d)."""
    for v in vectors:
        x = torch.addcmul(x, (x * v).sum(1, keepdim=True), v, value=-2)
    return x


class CompressedSensing(SVDOperator):
    """A = the kept rows of H P for each channel.

    P shuffles the pixels, and H is the orthonormal Walsh-Hadamard transform. Both the shuffle and the choice
    of rows are drawn per image and shared by its channels. Without the shuffle, random rows would miss the
    low frequencies, where images have their energy; without the choice, the first rows would be no more than
    the means of groups of ``factor`` pixels. The row of ones, the mean of the image, is always kept.
    A A^T = I.

    Args:
        factor: pixels per measurement: of n pixels, n // factor coefficients are measured in each channel.
    """

    batched = ("pixels", "order", "pixels_back", "order_back")

    def __init__(self, shape: Sequence[int], seeds: Sequence[int], factor: Annotated[int, Ge(1)] = 4) -> None:
        super().__init__(shape, seeds)
        _, H, W = image_shape(shape, "compressed_sensing")
        n = H * W
        if n & (n - 1):
            raise ValueError(
                f"compressed_sensing needs a number of pixels that is a power of two, got {H} x {W} = {n}"
            )
        if factor > n:
            raise ValueError(f"compressed_sensing: factor = {factor} is more than the image's {n} pixels")
        self.m = n // factor
        keys = [stream_key("compressed_sensing", seed) for seed in self.seeds]
        self.pixels = torch.from_numpy(np.stack([shuffle(key, 0, n) for key in keys]))
        self.order = torch.from_numpy(np.stack([np.append(0, 1 + shuffle(key, 1, n - 1)) for key in keys]))
        self.pixels_back, self.order_back = self.pixels.argsort(1), self.order.argsort(1)
        self.singular = (torch.arange(n) < self.m).double().view(1, 1, H, W)

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape[0], self.m

    def parameters(self) -> dict[str, Tensor]:
        """The shuffled pixels' numbers, (B, n), and those of the kept rows in natural order, (B, m)."""
        return {"pixels": self.pixels, "rows": self.order[:, : self.m]}

    def conventions(self) -> dict[str, str]:
        kept = f"{self.m} of {len(self.pixels[0])} coefficients per channel, the image's mean among them"
        return {"transform": "orthonormal Walsh-Hadamard of shuffled pixels", "kept": kept}

    def display(self, y: Tensor) -> Tensor:
        """A+ y: an image, of mostly noise where few coefficients were measured."""
        return self.transpose(y).clamp(-1, 1)

    @property
    def s(self) -> Tensor:
        return self.singular.expand(1, *self.shape)

    def apply_U(self, z: Tensor) -> Tensor:
        return z.flatten(2)[..., : self.m].clone()

    def apply_Ut(self, y: Tensor) -> Tensor:
        z = y.new_zeros(len(y), *self.shape)
        z.flatten(2)[..., : self.m] = y
        return z

    def apply_V(self, z: Tensor) -> Tensor:
        return pick(hadamard(pick(z.flatten(2), self.order_back)), self.pixels_back).view(z.shape)

    def apply_Vt(self, x: Tensor) -> Tensor:
        return pick(hadamard(pick(x.flatten(2), self.pixels)), self.order).view(x.shape)


def shuffle(key: int, call: int, n: int) -> np.ndarray:
    """(n,) a random permutation of 0 .. n - 1, a function of the stream and the call."""
    return np.argsort(philox_bits(key, call, n), kind="stable")


def pick(x: Tensor, index: Tensor) -> Tensor:
    """Entries ``index``, (B, n), of the last axis of x, (B, C, n)."""
    return x.gather(-1, index[:, None].expand_as(x))


def hadamard(x: Tensor) -> Tensor:
    """The orthonormal Walsh-Hadamard transform of the last axis, which is its own inverse.

    Its length n is a power of two: log2(n) rounds of sums and differences, O(n log n). The rows are in
    natural order.
    """
    shape, n, h = x.shape, x.shape[-1], 1
    while h < n:
        a, b = x.reshape(*shape[:-1], n // (2 * h), 2, h).unbind(-2)
        x, h = torch.stack((a + b, a - b), -2), 2 * h
    return x.reshape(shape) / n**0.5
