"""The two lower rungs: any operator, and one with a pseudo-inverse; and algebra per image."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self, overload

import numpy as np
import torch
from torch import Tensor, nn

from bench.batch import Images, Tally, chosen

Pullback = Callable[[Tensor], Tensor]
Pushforward = Callable[[Tensor], Tensor]


class Operator(ABC):
    """y = A(x), the least that any solver needs.

    Args:
        shape: of one image, (C, H, W), or (d,) for vectors.
        seeds: one seed per image of the batch; what is random in the operator is a function of its seed
            alone.

    Attributes that are tensors, operators or networks, also in lists and dicts, follow `to`; operators among
    them follow slices and `repeat_interleave` like the tensors of ``batched``.
    """

    rev: int = 1
    """Raised whenever a change of the code changes measurements; part of every record's key."""
    complex_valued: bool = False
    """Whether y = A(x) is complex; x never is. An entry of y counts as two numbers, and products of
    measurements are real, Re<a, b>. A^T is the adjoint in that product: it takes complex to real."""
    differentiable: bool = True
    """False where the derivative is zero or undefined (rounding): refuses solvers that need a gradient."""
    batched: tuple[str, ...] = ()
    """Names of the tensor attributes that have one row per image; the batch shares every other tensor."""

    def __init__(self, shape: Sequence[int], seeds: Sequence[int]) -> None:
        self.shape = tuple(shape)
        self.seeds = tuple(int(s) for s in seeds)
        self.tally: Tally | None = None
        self._images = np.arange(len(self.seeds))
        self._largest: Tensor | None = None

    # What a subclass provides.

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """A(x), (B, *shape) -> (B, *m), as plain differentiable tensor operations."""

    @property
    @abstractmethod
    def out_shape(self) -> tuple[int, ...]:
        """The shape m of one measurement."""

    def parameters(self) -> dict[str, Tensor]:
        """Per-image masks and kernels, each (B, ...), hashed and stored with y.

        Empty where nothing is random.
        """
        return {}

    def supplied(self) -> dict[str, str]:
        """sha256 of what the user supplied to make the operator, by what it is; mostly empty.

        Part of every record's key.
        """
        return {}

    def conventions(self) -> dict[str, str]:
        """The conventions of the operator, by topic.

        They have to be known before a number is compared with one that another code's operator of this name
        gave.
        """
        return {}

    @property
    def measured(self) -> Tensor | None:
        """(B, *m) bool, which entries of y were measured; None means all.

        Noise, norms and misfit count only these, and whatever else y holds has no effect.
        """
        return None

    def masked(self, y: Tensor) -> Tensor:
        """Puts 0 into the entries of y, (B, *m), that were not measured, whatever they hold, NaN too."""
        return y if self.measured is None else torch.where(self.measured, y, torch.zeros_like(y))

    def size(self, y: Tensor) -> float | Tensor:
        """The number m of measured entries: a float, or one per image that broadcasts against y, (B, *m).

        A complex entry counts twice.
        """
        parts = 2 if y.is_complex() else 1
        if self.measured is None:
            return float(parts * y[0].numel())
        return per_image(parts * self.measured.flatten(1).sum(1), y)

    def guess(self, y: Tensor) -> Tensor:
        """A starting image for optimisers, (B, *m) -> (B, *shape).

        It is a new tensor, which they may update in place.
        """
        return torch.zeros(len(y), *self.shape, dtype=y.real.dtype, device=y.device)

    def display(self, y: Tensor) -> Tensor:
        """The measurement as an image (B, C, H', W') in [-1, 1], for figures only.

        Of a complex one, the magnitudes.
        """
        return (y.abs() if y.is_complex() else y).clamp(-1, 1)

    # What everyone calls.

    def __call__(self, x: Tensor) -> Tensor:
        """A(x), (B, *shape) -> (B, *m); no graph."""
        self.count("forward", len(x))
        with torch.no_grad():
            return self.forward(x).detach()  # a view of an x that requires a gradient would too

    def vjp(self, x: Tensor) -> tuple[Tensor, Pullback]:
        """A(x) and the pullback v -> (dA/dx)^T v, which may be called several times."""
        self.count("forward", len(x))
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            Ax = self.forward(x)

        def pull(v: Tensor) -> Tensor:
            self.count("adjoint", len(v))
            return torch.autograd.grad(Ax, x, self.masked(v), retain_graph=True)[0]

        return Ax.detach(), pull

    def jvp(self, x: Tensor) -> tuple[Tensor, Pushforward]:
        """A(x) and the push-forward u -> (dA/dx) u, which may be called several times.

        It is the derivative of the pullback, which is linear in v.
        """
        self.count("forward", len(x))
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            Ax = self.forward(x)
            v = torch.zeros_like(Ax, requires_grad=True)
            pulled = torch.autograd.grad(Ax, x, v, create_graph=True)[0]

        def push(u: Tensor) -> Tensor:
            self.count("forward", len(u))
            if not pulled.requires_grad:
                return torch.zeros_like(v)  # rounding, whose derivative is 0
            return torch.autograd.grad(pulled, v, u, retain_graph=True, materialize_grads=True)[0]

        return Ax.detach(), push

    def count(self, kind: str, rows: int | Tensor, each: float = 1.0) -> None:
        """Adds a call to the tally, where one is kept (`counting`).

        Args:
            rows: how many images the call is for, or (B,), what each of them counts.
            each: a factor.
        """
        if self.tally is None:
            return
        if isinstance(rows, Tensor):
            self.tally.add(kind, self._images, each * rows.cpu().numpy())
        else:
            self.tally.add_rows(kind, self._images, rows, each)

    def counting(self, tally: Tally) -> Self:
        """The same operator (same class) that tallies the calls for each image, by kind."""
        return self._with(tally=tally, _images=np.arange(len(self)))

    # Batches, devices.

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, images: Images) -> Self:
        """The operators of some images of the batch; they go on counting for these."""
        return self._take(chosen(images, len(self)), lambda v: v[images], lambda A: A[images])

    def repeat_interleave(self, k: int) -> Self:
        """Each image's operator k times in a row, for particles folded into the batch."""
        places = np.repeat(np.arange(len(self)), k)
        return self._take(places, lambda v: v.repeat_interleave(k, 0), lambda A: A.repeat_interleave(k))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """The same operator on another device or in another floating dtype."""

        def move(v: Any) -> Any:
            if isinstance(v, Operator):
                return v.to(device, dtype)
            if isinstance(v, nn.Module):
                return copy.deepcopy(v).to(device, dtype)
            return moved(v, device, dtype) if isinstance(v, Tensor) else v

        return self._with(**{name: through(value, move) for name, value in vars(self).items()})

    def _take(
        self,
        places: np.ndarray,
        rows: Callable[[Tensor], Tensor],
        operators: Callable[["Operator"], "Operator"],
    ) -> Self:
        """The operator of other images, by their places: how to take rows of tensors, and of operators."""
        largest = {} if self._largest is None else {"_largest": rows(self._largest)}
        batched = {name: rows(getattr(self, name)) for name in self.batched} | largest

        def nested(v: Any) -> Any:
            return operators(v) if isinstance(v, Operator) and len(v) == len(self) else v

        others = {name: through(value, nested) for name, value in vars(self).items() if name not in batched}
        seeds = tuple(self.seeds[i] for i in places)
        return self._with(**others | batched | {"seeds": seeds, "_images": self._images[places]})

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
            return self.solve_pinv(self.masked(y))

    def guess(self, y: Tensor) -> Tensor:
        return self.pinv(y)


def through(value: Any, f: Callable[[Any], Any]) -> Any:
    """The value with f applied to all that it holds: entries of lists, tuples and dicts, at any depth."""
    if type(value) is dict:
        return {key: through(entry, f) for key, entry in value.items()}
    if type(value) in {list, tuple}:
        return type(value)([through(entry, f) for entry in value])
    return f(value)


@overload
def per_image(scalar: Tensor, x: Tensor) -> Tensor: ...
@overload
def per_image(scalar: float | Tensor, x: Tensor) -> float | Tensor: ...
def per_image(scalar: float | Tensor, x: Tensor) -> float | Tensor:
    """A per-image value, (B,) or (B, 1, ...), shaped to broadcast against x; a float stays a float.

    >>> per_image(torch.tensor([1.0, 2.0]), torch.zeros(2, 3, 8, 8)).shape
    torch.Size([2, 1, 1, 1])
    """
    if isinstance(scalar, Tensor) and scalar.ndim:
        return scalar.reshape(-1, *(1,) * (x.ndim - 1)).to(x.device, x.real.dtype)
    return scalar


def moved(
    v: Tensor,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    copy: bool = False,
) -> Tensor:
    """A tensor on another device and in another floating precision, its kind kept.

    Complex numbers stay complex, of that precision; whole numbers and masks stay what they are.

    >>> moved(torch.tensor([1j]), dtype=torch.float64)
    tensor([0.+1.j], dtype=torch.complex128)
    """
    if dtype is not None and not v.is_floating_point():
        dtype = dtype.to_complex() if v.is_complex() else None
    return v.to(device, dtype, copy=copy)


def check_kind(A: Operator, y: Tensor) -> None:
    """Refuses measurements that are complex where the operator's are real, and the other way round.

    Raises:
        ValueError: y is of the other kind; a cast would drop an imaginary part, or make one up.
    """
    if y.is_complex() == A.complex_valued:
        return
    kind, other = ("complex", "real") if A.complex_valued else ("real", "complex")
    raise ValueError(
        f"y is {other} ({y.dtype}), and measurements of {type(A).__name__} are {kind}; "
        "its class says so in `complex_valued`"
    )


def real_parts(y: Tensor) -> Tensor:
    """The numbers that a measurement consists of: (B, *m) -> (B, k) real, k = 2 m where y is complex.

    >>> real_parts(torch.tensor([[1 + 2j, 3j]]))
    tensor([[1., 2., 0., 3.]])
    """
    return (torch.view_as_real(y.resolve_conj()) if y.is_complex() else y).flatten(1)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product per image, (B, ...), (B, ...) -> (B,); real: the real part of <a, b> where complex."""
    return (a.conj() * b).real.flatten(1).sum(1)


def norm(r: Tensor, measured: Tensor | None = None) -> Tensor:
    """Euclidean length per image, (B, ...) -> (B, 1, ...).

    It has a floor, so that r divided by it is finite at r = 0.

    Args:
        measured: bool, broadcastable against r: the entries that count. None means all.

    >>> norm(torch.tensor([[3.0, 4.0], [0.0, 2.0]]))
    tensor([[5.],
            [2.]])
    """
    if measured is not None:
        r = torch.where(measured, r, torch.zeros_like(r))
    return per_image(dot(r, r).sqrt().clamp_min(torch.finfo(r.dtype).tiny ** 0.5), r)
