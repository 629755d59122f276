"""A small problem on which an operator is tried, and comparisons of what the operator computes on it."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.operators import make_operator
from bench.operators.base import LinearOperator, Operator, PinvOperator, dot, norm

SHAPES = (3, 16, 16), (1, 16, 16), (3, 32, 32), (1, 32, 32), (3, 256, 256), (16,)
"""Shapes of images or vectors, in the order in which they are tried on an operator whose user names none."""
SEEDS = (10, 11, 12)
ROUNDING = 1e-9
"""Relative tolerance of float64 arithmetic in another order: far above rounding, far below any coupling."""
DAMPING = 0.1
"""In units of the square of the largest singular value, so that conjugate gradients converge on any scale."""

Pair = tuple[Tensor, Tensor]


class OperatorTrial:
    """An operator in float64 with made-up images and data; content is made from fixed seeds.

    Args:
        shape: the one to try; None tries `SHAPES` until one is taken.
        params: of the operator; those that are not named have their defaults.

    Attributes:
        A: the operator, built from SEEDS.
        x, z: (B, *shape), two batches of images.

    Raises:
        ValueError: the operator does not take the shape, or none of SHAPES; the message is about the first.
    """

    def __init__(
        self, spec: str, shape: Sequence[int] | None = None, params: Mapping[str, Any] | None = None
    ) -> None:
        self.spec, self.params, refusal = spec, dict(params or {}), ""
        for self.shape in SHAPES if shape is None else [tuple(shape)]:
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
        return make_operator(self.spec, self.shape, seeds, **self.params)

    @cached_property
    def damping(self) -> float:
        """`DAMPING` of a linear operator's scale; a number, as solvers give it."""
        return DAMPING * float(self.A.norm().max()) ** 2 if isinstance(self.A, LinearOperator) else DAMPING

    @cached_property
    def exact(self) -> Operator:
        """The operator, whose iterative pseudo-inverse runs to its end."""
        return self.A.solving_to(1e-12) if isinstance(self.A, LinearOperator) else self.A


def kind_of_y(A: Operator, dtype: torch.dtype) -> torch.dtype:
    """The dtype of y for images of a floating dtype."""
    return dtype.to_complex() if A.complex_valued else dtype


def normals(*shape: int, seed: int) -> Tensor:
    """Standard normals, (len(SEEDS), *shape) float64."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((len(SEEDS), *shape)))


def gap(a: Tensor, b: Tensor) -> float:
    """Largest difference, relative to the largest value."""
    return float((a - b).abs().max() / b.abs().max().clamp_min(torch.finfo(b.dtype).tiny))


def apart(what: str, a: Tensor, b: Tensor, tolerance: float = ROUNDING) -> str | None:
    """A message where two tensors are not equal up to rounding, else None."""
    if a.shape != b.shape:
        return f"{what}: shapes {tuple(a.shape)} and {tuple(b.shape)}"
    return None if gap(a, b) <= tolerance else f"{what} by up to {gap(a, b):.2g} of the largest value"


def products_apart(what: str, pairs: tuple[Pair, Pair]) -> str | None:
    """A message where two inner products per image are not equal up to rounding, relative to the lengths.

    The tolerance follows the scale of what is multiplied, since products of long vectors may cancel.
    """
    (a, b), (c, d) = pairs
    lengths = norm(a).flatten() * norm(b).flatten() + norm(c).flatten() * norm(d).flatten()
    error = float(((dot(a, b) - dot(c, d)).abs() / lengths).max())
    return None if error <= ROUNDING else f"{what} by {error:.2g} of the product of the lengths"


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
