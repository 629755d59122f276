"""A small problem on which an operator is tried, and comparisons of what the operator computes on it."""

import copy
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from bench.operators import make_operator
from bench.operators.base import LinearOperator, Operator, PinvOperator, SVDOperator

SHAPES = (3, 16, 16), (1, 16, 16), (3, 32, 32), (1, 32, 32), (3, 256, 256), (16,)
"""Shapes of images or vectors, in the order in which they are tried on an operator."""
SEEDS = (10, 11, 12)
ROUNDING = 1e-9
"""Relative tolerance of float64 arithmetic in another order: far above rounding, far below any coupling."""
DAMPING = 0.1
"""A fixed value rather than the noise's variance, large enough that conjugate gradients converge."""


class Trial:
    """An operator in float64 with made-up images and data; content is made from fixed seeds.

    Attributes:
        A: the operator, built from SEEDS for the first of SHAPES that it takes.
        x, z: (B, *shape), two batches of images.

    Raises:
        ValueError: the operator takes none of SHAPES; the message is about the first one.
    """

    def __init__(self, spec: str) -> None:
        self.spec, refusal = spec, ""
        for self.shape in SHAPES:
            try:
                self.A = self.build()
                break
            except ValueError as error:
                refusal = refusal or str(error)
        else:
            raise ValueError(refusal)
        self.x, self.z = (0.4 * normals(*self.shape, seed=seed) for seed in (0, 1))

    @cached_property
    def v(self) -> Tensor:
        """Data of the operator's shape and kind, (B, *m), zero where nothing is measured."""
        v = normals(*self.A.out_shape, seed=2)
        if self.A.complex_valued:
            v = torch.complex(v, normals(*self.A.out_shape, seed=3))
        return v if self.A.measured is None else v * self.A.measured

    def build(self, seeds: tuple[int, ...] = SEEDS) -> Operator:
        """The same operator for other images."""
        return make_operator(self.spec, self.shape, seeds)

    @cached_property
    def exact(self) -> Operator:
        """The operator, whose iterative pseudo-inverse runs to its end."""
        A = copy.copy(self.A)
        if isinstance(A, LinearOperator) and not isinstance(A, SVDOperator):
            A.rcond, A.tolerance, A.max_iterations = 1e-12, 1e-12, 5000
        return A


def kind_of_y(A: Operator, dtype: torch.dtype) -> torch.dtype:
    """The dtype of y for images of a floating dtype."""
    return dtype.to_complex() if A.complex_valued else dtype


def normals(*shape: int, seed: int) -> Tensor:
    """Standard normals, (len(SEEDS), *shape) float64."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((len(SEEDS), *shape)))


def gap(a: Tensor, b: Tensor) -> float:
    """Largest difference, relative to the larger of 1 and the largest value."""
    return float((a - b).abs().max() / b.abs().max().clamp_min(1))


def apart(what: str, a: Tensor, b: Tensor, tolerance: float = ROUNDING) -> str | None:
    """A message where two tensors are not equal up to rounding, else None."""
    if a.shape != b.shape:
        return f"{what}: shapes {tuple(a.shape)} and {tuple(b.shape)}"
    return None if gap(a, b) <= tolerance else f"{what} by up to {gap(a, b):.2g} of the largest value"


def answers(A: Operator, x: Tensor, v: Tensor) -> dict[str, Tensor]:
    """All that an operator computes from images and data, by name."""
    found = {"A(x)": A(x), "guess(y)": A.guess(v)}
    if A.differentiable:
        found["the pullback"] = A.vjp(x)[1](v)
    if isinstance(A, PinvOperator):
        found["pinv(y)"] = A.pinv(v)
    if isinstance(A, LinearOperator):
        found |= {"adjoint(v)": A.adjoint(v), "pinv(y, damping)": A.pinv(v, DAMPING)}
    return found
