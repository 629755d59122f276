"""The ladder of measurement operators: each rung adds a capability, and a solver names the rung it needs.

    Operator          A(x), vjp(x)                 anything differentiable (or not: see ``differentiable``)
    PinvOperator      + pinv(y), A A+ A = A        HDR, JPEG
    LinearOperator    + adjoint(v), damped pinv    motion blur
    SVDOperator       + s, U, Ut, V, Vt            masks, pooling, separable and circular blur

Operators are pure and batched: one per image where masks or kernels are random, drawn in the constructor from
one seed per image. Images are (B, C, H, W) in [-1, 1] (or (B, d) vectors), measurements (B, *m), real or,
where the class says ``complex_valued``, complex. Public methods build no graph; autograd lives in here only.

A new operator provides ``forward`` and ``out_shape``, and the pieces of the rung it stands on:

>>> import torch
>>> class Halve(LinearOperator):
...     out_shape = property(lambda self: self.shape)
...
...     def forward(self, x):
...         return x / 2
...
...     def transpose(self, v):
...         return v / 2
>>> A = Halve((2,), [0])
>>> A(torch.tensor([[1.0, 3.0]]))
tensor([[0.5000, 1.5000]])
>>> A.pinv(torch.tensor([[0.5, 1.5]]))  # conjugate gradients
tensor([[1., 3.]])
"""

from bench.operators.base.iterative import ConjugateGradients
from bench.operators.base.linear import LinearOperator, SVDOperator, dc_gain
from bench.operators.base.neutral import Neutral
from bench.operators.base.operator import (
    Operator,
    PinvOperator,
    Pullback,
    Pushforward,
    check_kind,
    dot,
    moved,
    norm,
    per_image,
    real_parts,
)

__all__ = [
    "RUNGS",
    "ConjugateGradients",
    "LinearOperator",
    "Neutral",
    "Operator",
    "PinvOperator",
    "Pullback",
    "Pushforward",
    "SVDOperator",
    "check_kind",
    "dc_gain",
    "dot",
    "moved",
    "norm",
    "per_image",
    "real_parts",
]

RUNGS = (SVDOperator, LinearOperator, PinvOperator, Operator)
"""The ladder from its top."""
