"""A dense matrix as an operator on vectors, and the singular value decomposition that it shares with separable operators."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from annotated_types import Gt, Lt
from torch import Tensor

from bench.operators.base import SVDOperator


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
        if len(self.shape) != 1 or M.ndim != 2 or M.shape[1] != self.shape[0] or not M.size or not np.isfinite(M).all():
            raise ValueError(f"matrix of shape {M.shape}: vectors of shape {self.shape} need finite entries, (m, d) for (d,)")
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
