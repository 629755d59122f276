"""The ladder of measurement operators: each rung adds a capability, and a solver names the rung that it
needs.

    Operator          A(x), vjp(x)                 anything differentiable (or not: see ``differentiable``)
    PinvOperator      + pinv(y), A A+ A = A        HDR, JPEG
    LinearOperator    + adjoint(v), damped pinv    motion blur
    SVDOperator       + s, U, Ut, V, Vt            masks, pooling, separable and circular blur

Operators are pure and batched: one per image where masks or kernels are random, drawn in the constructor from
one seed per image. Images are (B, C, H, W) in [-1, 1] (or (B, d) vectors), measurements (B, *m). Public
methods build no graph; autograd lives in here only.
"""

import copy
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Self

import torch
from torch import Tensor

from bench.operators.neutral import Neutral

__all__ = [
    "LinearOperator",
    "Neutral",
    "Operator",
    "PinvOperator",
    "Pullback",
    "SVDOperator",
    "dc_gain",
    "dot",
    "norm",
    "per_image",
]

Pullback = Callable[[Tensor], Tensor]


def per_image(scalar: float | Tensor, x: Tensor) -> float | Tensor:
    """A per-image value, (B,) or (B, 1, ...), shaped to broadcast against x; a float stays a float."""
    if isinstance(scalar, Tensor) and scalar.ndim:
        return scalar.reshape(-1, *(1,) * (x.ndim - 1)).to(x)
    return scalar


class Operator(ABC):
    """y = A(x), the least that any solver needs.

    Args:
        shape: of one image, (C, H, W), or (d,) for vectors.
        seeds: one seed per image of the batch; what is random in the operator is a function of its seed
            alone.
    """

    rev: int = 1
    """Raised whenever a change of the code changes measurements; part of every record's key."""
    differentiable: bool = True
    """False where the derivative is zero or undefined (rounding); solvers that pull through A are then
    refused."""

    def __init__(self, shape: Sequence[int], seeds: Sequence[int]) -> None:
        self.shape = tuple(shape)
        self.seeds = tuple(int(s) for s in seeds)
        self.calls: Counter[str] | None = None

    # What a subclass provides.

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """A(x), (B, *shape) -> (B, *m), as plain differentiable tensor operations."""

    @property
    @abstractmethod
    def out_shape(self) -> tuple[int, ...]:
        """The shape m of one measurement."""

    def parameters(self) -> dict[str, Tensor]:
        """Per-image masks and kernels, each (B, ...): hashed and stored with y. Empty where nothing is
        random.
        """
        return {}

    def supplied(self) -> dict[str, str]:
        """sha256 of what the user supplied to make the operator, by what it is; part of every record's key.
        Mostly empty.
        """
        return {}

    def conventions(self) -> dict[str, str]:
        """What has to be known before a number is compared with one of another code's operator of this name,
        by topic.
        """
        return {}

    @property
    def measured(self) -> Tensor | None:
        """(B, *m) bool, which entries of y were measured; None means all. Noise, norms and misfit count only
        these.
        """
        return None

    def size(self, y: Tensor) -> float | Tensor:
        """The number m of measured entries: a float, or one per image, shaped to broadcast against y, (B,
        *m).
        """
        if self.measured is None:
            return float(y[0].numel())
        return per_image(self.measured.flatten(1).sum(1), y)

    def guess(self, y: Tensor) -> Tensor:
        """A starting image for optimisers, (B, *m) -> (B, *shape); a new tensor, which they may update in
        place.
        """
        return torch.zeros(len(y), *self.shape, dtype=y.dtype, device=y.device)

    def display(self, y: Tensor) -> Tensor:
        """The measurement as an image (B, C, H', W') in [-1, 1], for figures only."""
        return y.clamp(-1, 1)

    # What everyone calls.

    def __call__(self, x: Tensor) -> Tensor:
        """A(x), (B, *shape) -> (B, *m); no graph."""
        self.count("forward", len(x))
        with torch.no_grad():
            return self.forward(x).detach()  # a view of an x that requires a gradient would too

    def vjp(self, x: Tensor) -> tuple[Tensor, Pullback]:
        """A(x) and v -> (dA/dx)^T v, by automatic differentiation. The pullback may be called several
        times.
        """
        self.count("forward", len(x))
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            Ax = self.forward(x)

        def pull(v: Tensor) -> Tensor:
            self.count("adjoint", len(v))
            return torch.autograd.grad(Ax, x, v, retain_graph=True)[0]

        return Ax.detach(), pull

    def count(self, what: str, images: float) -> None:
        """Adds a call for so many images to the watcher's tally, if one listens."""
        if self.calls is not None:
            self.calls[what] += images

    def counting(self, calls: Counter[str]) -> Self:
        """The same operator (same class) that tallies the images of each call in ``calls``, by kind."""
        return self._with(calls=calls)

    # Batches, devices.

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, images: slice) -> Self:
        """The operators of some images of the batch."""
        return self._map_batched(lambda v: v[images], self.seeds[images])

    def repeat_interleave(self, k: int) -> Self:
        """Each image's operator k times in a row, for particles folded into the batch."""
        return self._map_batched(
            lambda v: v.repeat_interleave(k, 0), [s for s in self.seeds for _ in range(k)]
        )

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """The same operator on another device or in another floating dtype."""

        def move(v: Tensor) -> Tensor:
            if dtype is None or v.is_floating_point():
                return v.to(device, dtype)
            return v.to(device, dtype.to_complex() if v.is_complex() else None)

        return self._with(**{k: move(v) for k, v in vars(self).items() if isinstance(v, Tensor)})

    def _map_batched(self, f: Callable[[Tensor], Tensor], seeds: Sequence[int]) -> Self:
        return self._with(seeds=tuple(seeds), **{name: f(getattr(self, name)) for name in self.batched})

    batched: tuple[str, ...] = ()
    """Names of the tensor attributes that have one row per image; every other tensor is shared by the
    batch."""

    def _with(self, **changes: object) -> Self:
        other = copy.copy(self)
        vars(other).update(changes)
        return other


class PinvOperator(Operator):
    """An operator with a pseudo-inverse in the sense A(pinv(A(x))) = A(x)."""

    @abstractmethod
    def solve_pinv(self, y: Tensor) -> Tensor:
        """The subclass's pseudo-inverse, (B, *m) -> (B, *shape)."""

    def pinv(self, y: Tensor) -> Tensor:
        """A starting point consistent with y, (B, *m) -> (B, *shape); no graph."""
        self.count("pinv", len(y))
        with torch.no_grad():
            return self.solve_pinv(y)

    def guess(self, y: Tensor) -> Tensor:
        return self.pinv(y)


class LinearOperator(PinvOperator):
    """A linear operator with its adjoint; the damped pseudo-inverse comes by conjugate gradients.

    ``rcond``: the undamped pseudo-inverse ignores singular values below ``rcond`` times the largest (SVD
    rung), or stops conjugate gradients once the residual of the normal equations has fallen by this factor.
    An exact A+ does not exist in practice: the Gaussian blur at 256 px has singular values of 1e-17.
    ``tolerance`` is that factor where damping makes the equations well-posed.
    """

    rcond: float = 1e-3
    tolerance: float = 1e-4
    max_iterations: int = 200

    @abstractmethod
    def transpose(self, v: Tensor) -> Tensor:
        """The subclass's A^T v, (B, *m) -> (B, *shape)."""

    def adjoint(self, v: Tensor) -> Tensor:
        """A^T v, (B, *m) -> (B, *shape); no graph."""
        self.count("adjoint", len(v))
        with torch.no_grad():
            return self.transpose(v)

    def vjp(self, x: Tensor) -> tuple[Tensor, Pullback]:
        return self(x), self.adjoint

    def pinv(self, y: Tensor, damping: float | Tensor = 0.0) -> Tensor:
        """A^T (A A^T + damping I)^-1 y, (B, *m) -> (B, *shape); damping 0 is A+ y up to ``rcond``.

        Args:
            damping: float or one per image, (B,) or (B, 1, ...), >= 0.
        """
        self.count("pinv", len(y))
        with torch.no_grad():
            return self.solve_pinv(y, damping)

    def conventions(self) -> dict[str, str]:
        """With the DC gain, A of the constant image 1, as measured."""
        return {"DC gain": dc_gain(self)}

    def solve_pinv(self, y: Tensor, damping: float | Tensor = 0.0) -> Tensor:
        """Conjugate gradients on (A^T A + damping I) x = A^T y, each image with its own step sizes.

        The normal equations in x have a solution for every y, also one with noise outside of the range of A,
        and iterates that stop early are smooth; the equations in A A^T have neither property.
        """
        p = r = self.transpose(y)
        damping, tiny = per_image(damping, r), torch.finfo(r.dtype).tiny
        x, rr = torch.zeros_like(r), dot(r, r)
        relative = torch.where(
            torch.as_tensor(damping).flatten() > 0, min(self.tolerance, self.rcond), self.rcond
        )
        stop = relative.to(rr) ** 2 * rr
        for _ in range(self.max_iterations):
            active = rr > stop
            if not active.any():
                break
            self.count("inner", 2 * int(active.sum()))
            q = self.transpose(self.forward(p)) + damping * p
            step = per_image(torch.where(active, rr / dot(p, q).clamp_min(tiny), 0), r)
            x, r = x + step * p, r - step * q
            before, rr = rr, dot(r, r)
            p = r + per_image(rr / before.clamp_min(tiny), r) * p
        return x


class SVDOperator(LinearOperator):
    """A = U diag(s) V^T with everything derived from five pieces.

    Spectral coordinates have the shape of the image: s, Ut(y) and Vt(x) are (B or 1, *shape), with s = 0 on
    the null space, where Ut(y) is 0 too and U ignores its input. V is orthogonal: V Vt = Vt V = I. Which
    basis V is, is not promised (signs and null spaces differ between linear-algebra libraries), so noise is
    drawn as an image and then taken to V by Vt.
    """

    @property
    @abstractmethod
    def s(self) -> Tensor:
        """Singular values >= 0 in spectral coordinates, broadcastable against (B, *shape)."""

    # What a subclass provides; A, its adjoint and its pseudo-inverse follow from it.

    @abstractmethod
    def apply_U(self, z: Tensor) -> Tensor:
        """(B, *shape) -> (B, *m)."""

    @abstractmethod
    def apply_Ut(self, y: Tensor) -> Tensor:
        """(B, *m) -> (B, *shape)."""

    @abstractmethod
    def apply_V(self, z: Tensor) -> Tensor:
        """(B, *shape) -> (B, *shape)."""

    @abstractmethod
    def apply_Vt(self, x: Tensor) -> Tensor:
        """(B, *shape) -> (B, *shape)."""

    def forward(self, x: Tensor) -> Tensor:
        return self.apply_U(self.s * self.apply_Vt(x))

    def transpose(self, v: Tensor) -> Tensor:
        return self.apply_V(self.s * self.apply_Ut(v))

    def solve_pinv(self, y: Tensor, damping: float | Tensor = 0.0) -> Tensor:
        return self.apply_V(self.filter(damping) * self.apply_Ut(y))

    # What solvers call; a transform tallies as half an application of A, which is made of two.

    def U(self, z: Tensor) -> Tensor:
        """U z, (B, *shape) -> (B, *m); no graph."""
        return self._transform(self.apply_U, z)

    def Ut(self, y: Tensor) -> Tensor:
        """U^T y, (B, *m) -> (B, *shape); no graph."""
        return self._transform(self.apply_Ut, y)

    def V(self, z: Tensor) -> Tensor:
        """V z, (B, *shape) -> (B, *shape); no graph."""
        return self._transform(self.apply_V, z)

    def Vt(self, x: Tensor) -> Tensor:
        """V^T x, (B, *shape) -> (B, *shape); no graph."""
        return self._transform(self.apply_Vt, x)

    def _transform(self, apply: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
        self.count("transform", 0.5 * len(z))
        with torch.no_grad():
            return apply(z)

    @property
    def kept(self) -> Tensor:
        """Bool like s: the directions that the undamped pseudo-inverse uses, s > ``rcond`` times the image's
        largest s.
        """
        s = self.s
        return s > self.rcond * s.amax(tuple(range(1, s.ndim)), keepdim=True)

    def filter(self, damping: float | Tensor = 0.0) -> Tensor:
        """The factors s / (s^2 + damping), broadcastable against (B, *shape); undamped, 1 / s on ``kept`` and
        0 elsewhere.
        """
        s, damping = self.s, per_image(damping, self.s)
        if not isinstance(damping, Tensor) and damping > 0:
            return s / (s**2 + damping)
        inverse = torch.where(self.kept, 1 / s, 0)
        if not isinstance(damping, Tensor):
            return inverse
        return torch.where(damping > 0, s / (s**2 + damping).clamp_min(torch.finfo(s.dtype).tiny), inverse)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product per image, (B, ...), (B, ...) -> (B,)."""
    return (a * b).flatten(1).sum(1)


def norm(r: Tensor) -> Tensor:
    """Euclidean length per image, (B, ...) -> (B, 1, ...), with a floor that keeps r divided by it finite at
    r = 0.
    """
    return per_image(dot(r, r).sqrt().clamp_min(torch.finfo(r.dtype).tiny ** 0.5), r)


def dc_gain(A: Operator) -> str:
    """The least and the largest of the first image's measured entries for x = 1, or one number where they are
    equal.
    """
    one = A[:1]
    y = one(torch.ones(1, *one.shape, dtype=torch.float64))
    low, high = (y if one.measured is None else y[one.measured.expand_as(y)]).aminmax()
    return f"{low:.4g}" if high - low < 1e-6 else f"{low:.4g} to {high:.4g}"
