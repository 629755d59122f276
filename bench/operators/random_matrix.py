"""A random matrix of its own per image, as an operator on vectors, with its singular value decomposition."""

from collections.abc import Iterable, Sequence
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from bench.noise import StreamNoise
from bench.operators.base import SVDOperator


class RandomMatrix(SVDOperator):
    """A(x) = U diag(s) V^T x for vectors (d,), one per image: U and the m columns of V uniformly distributed, s uniform.

    U and V are products of m Householder reflections I - 2 v v^T / ||v||^2 whose normal v are shorter by one entry each time,
    as in the QR decomposition of a matrix of normals (Stewart 1980, SIAM J. Numer. Anal. 17); a batch stores the v alone, not
    d x d matrices.

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
        s_min: Annotated[float, Gt(0)] = 0.2,
        s_max: Annotated[float, Gt(0)] = 1.0,
        rcond: Annotated[float, Gt(0), Lt(1)] = 1e-3,
    ) -> None:
        super().__init__(shape, seeds)
        if len(self.shape) != 1 or m > self.shape[0]:
            raise ValueError(f"m = {m}: a random matrix takes vectors of at least m entries; these have the shape {self.shape}")
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
