"""The promises of every measurement operator, each checked in seconds against the operator's own definition.

`check_operator` tries them on an operator of ours, by name, or on a user's, in float64 on small images with
made-up content, and says for each broken one what was seen.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.checks.operator_trial import (
    ROUNDING,
    SEEDS,
    OperatorTrial,
    answers,
    apart,
    gap,
    kind_of_y,
    products_apart,
)
from bench.checks.promise import NotAboutIt, Promise, single_thread, tried
from bench.operators.base import LinearOperator, Operator, PinvOperator, SVDOperator, dot, moved, norm

POWER, NORM = 100, 1e-3
"""Power iterations that find the amplification of an operator, and their relative tolerance."""
ITERATIVE = 1e-6
"""Relative tolerance of conjugate gradients and of nonlinear inverses."""
NODES, JUMPS = 32, 0.02
"""Points at which a derivative is summed along a step, and the share that the sum may lack: kinks cost less,
rounding all."""


# The promises: each takes a trial and returns what is wrong, or None.


def is_documented(trial: OperatorTrial) -> str | None:
    """The class has a docstring of its own."""
    text = vars(type(trial.A)).get("__doc__") or ""
    return None if text.strip() else "write what y is, and the source of the definition"


def measures(trial: OperatorTrial) -> str | None:
    """A(x) is finite, of shape out_shape, complex where `complex_valued` says so; display(y) is a picture."""
    A, y = trial.A, trial.A(trial.x)
    form = (len(SEEDS), *A.out_shape)
    if tuple(y.shape) != form:
        return f"A(x) has shape {tuple(y.shape)}, expected (B, *out_shape) = {form}"
    if not (y.isfinite().all() and y.dtype == kind_of_y(A, torch.float64)):
        expected = f"{kind_of_y(A, torch.float64)}, by `complex_valued`, and finite"
        return f"A(x) is {y.dtype}, finite: {bool(y.isfinite().all())}; expected {expected}"
    if A.guess(y).shape != trial.x.shape:
        return f"guess(y) has shape {tuple(A.guess(y).shape)}, expected {tuple(trial.x.shape)}"
    picture = A.display(y)
    if len(A.shape) == 3 and not (picture.ndim == 4 and picture.abs().max() <= 1):
        return "display(y) must be (B, C, H', W') in [-1, 1]"
    return None


def is_pure(trial: OperatorTrial) -> str | None:
    """The same input gives the same output, is not changed, and no graph is handed out."""
    x, v = trial.x.clone(), trial.v.clone()
    first, again = answers(trial.A, x, v), answers(trial.A, trial.x.clone().requires_grad_(), v)
    for name, value in again.items():
        if value.requires_grad:
            return f"{name} carries a graph"
        if not torch.equal(value, first[name]):
            return f"{name} differs between two calls; draw what is random in the constructor, from `seeds`"
    if torch.equal(x, trial.x) and torch.equal(v, trial.v):
        return None
    return "an input was overwritten; work on a copy"


def is_a_function_of_its_seeds(trial: OperatorTrial) -> str | None:
    """What is random is drawn from the image's own seed, and named in parameters()."""
    before = torch.random.get_rng_state(), numpy_state()
    same, alone = trial.build(), trial.build(SEEDS[1:2])
    other = trial.build(tuple(seed + 5 for seed in SEEDS))
    after = torch.random.get_rng_state(), numpy_state()
    if not torch.equal(before[0], after[0]) or not np.array_equal(before[1], after[1]):
        return "drew from a global generator; make one from each image's seed"
    y = trial.A(trial.x)
    if not torch.equal(same(trial.x), y):
        return "two operators of the same seeds differ"
    if broken := apart("an image's operator alone and in a batch differ", alone(trial.x[1:2]), y[1:2]):
        return broken
    shown = trial.A.parameters()
    if rows := {name: len(value) for name, value in shown.items() if len(value) != len(SEEDS)}:
        return f"parameters() must have one row per image: {rows}"
    return unnamed_randomness(trial, other)


def numpy_state() -> np.ndarray:
    """The state of numpy's global generator, (624,) uint32."""
    state: np.ndarray = np.random.get_state(legacy=False)["state"]["key"]
    return state.copy()


def unnamed_randomness(trial: OperatorTrial, other: Operator) -> str | None:
    """A message where an operator of other seeds measures otherwise with equal parameters() of an image."""
    shown, others = trial.A.parameters(), other.parameters()
    for i, (ours, theirs) in enumerate(zip(trial.A(trial.x), other(trial.x), strict=True)):
        same = shown.keys() == others.keys() and all(torch.equal(shown[k][i], others[k][i]) for k in shown)
        if same and not torch.equal(ours, theirs):
            return (
                "it depends on the seeds, but parameters() is equal for two: "
                "return all masks and kernels, (B, ...) each"
            )
    return None


def ignores_batch_mates(trial: OperatorTrial) -> str | None:
    """An image alone, or twice in a batch, gives what it gives in the batch."""
    A, x, v = trial.A, trial.x, trial.v.clone()
    v[0] *= 1e3
    whole, twice = answers(A, x, v), A.repeat_interleave(2)(x.repeat_interleave(2, 0))
    for i in range(len(SEEDS)):
        image = slice(i, i + 1)
        for name, value in answers(A[image], x[image], v[image]).items():
            what = f"{name} of an image alone and in a batch differ"
            if broken := apart(what, value, whole[name][image]):
                return f"{broken}; name the per-image tensors in `batched`, and reduce over one image only"
    return apart("A(x) of an image twice in a batch differs", twice[1::2], whole["A(x)"])


def changes_precision(trial: OperatorTrial) -> str | None:
    """to(dtype) moves everything: float32 in, float32 out (complex64 for a complex y), of the same value."""
    x, v = trial.x.float(), moved(trial.v, dtype=torch.float32)
    low = answers(trial.A.to(dtype=torch.float32), x, v)
    wrong = []
    for name, value in low.items():
        if value.dtype != (v.dtype if name == "A(x)" else torch.float32):
            wrong.append(f"{name} is {value.dtype}")
    if wrong:
        return f"{', '.join(wrong)} for float32; keep tensors as attributes, which `to` moves"
    return apart("A(x) in float32 differs", moved(low["A(x)"], dtype=torch.float64), trial.A(trial.x), 1e-3)


def names_what_is_measured(trial: OperatorTrial) -> str | None:
    """Where `measured` says that an entry is not, y is 0 and is never read."""
    A, measured = trial.A, trial.A.measured
    if measured is None:
        raise NotAboutIt
    if measured.dtype != torch.bool or tuple(measured.shape) != (len(SEEDS), *A.out_shape):
        return f"measured is {measured.dtype} {tuple(measured.shape)}, expected bool (B, *out_shape)"
    if A(trial.x)[~measured].any():
        return "A(x) is not 0 where nothing is measured"
    clean, dirty = answers(A, trial.x, trial.v), answers(A, trial.x, trial.v + ~measured)
    for name, value in dirty.items():
        if not gap(value, clean[name]) <= ROUNDING:  # also where it is not a number
            return f"{name} reads unmeasured entries"
    return None


def has_its_derivative(trial: OperatorTrial) -> str | None:
    """The pullback is the derivative, by differences over a short and a long step."""
    A, h = trial.A, 1e-6
    if not A.differentiable:
        raise NotAboutIt
    along = (A(trial.x + h * trial.z) - A(trial.x - h * trial.z)) / (2 * h)
    pulled = A.vjp(trial.x)[1](trial.v)
    broken = apart("<v, A'z> and <A'^T v, z> differ", dot(pulled, trial.z), dot(along, trial.v), 1e-5)
    return broken or jumps(trial)


def jumps(trial: OperatorTrial) -> str | None:
    """A message where an operator changes by more than its derivative adds up to, as rounding does."""
    A, x, z = trial.A, trial.x, trial.z
    change = A(x + z) - A(x)
    summed = torch.zeros(len(SEEDS), dtype=torch.float64)
    for k in range(NODES):
        summed = summed + dot(A.vjp(x + (k + 0.5) / NODES * z)[1](change), z)
    whole = dot(change, change)
    lacks = ((summed / NODES - whole).abs() / whole.clamp_min(ROUNDING)).max()
    if lacks <= JUMPS:
        return None
    return (
        f"A(x + z) - A(x) and the sum of its derivative in between differ by {lacks:.0%}: "
        "set differentiable = False"
    )


def inverts(trial: OperatorTrial) -> str | None:
    """A(pinv(A(x))) = A(x), where singular values are kept."""
    A, x = trial.exact, trial.x
    if not isinstance(A, PinvOperator):
        raise NotAboutIt
    if isinstance(A, SVDOperator):
        x = A.V(A.kept * A.Vt(x))
    return apart("A(pinv(A(x))) and A(x) differ", A(A.pinv(A(x))), A(x), ITERATIVE)


def is_linear(trial: OperatorTrial) -> str | None:
    """A LinearOperator is linear, without a constant."""
    A, x, z = trial.A, trial.x, trial.z
    if not isinstance(A, LinearOperator):
        raise NotAboutIt
    return apart("A(2 x + z) and 2 A(x) + A(z) differ", A(2 * x + z), 2 * A(x) + A(z))


def has_its_adjoint(trial: OperatorTrial) -> str | None:
    """<A x, v> = <x, A^T v>."""
    A, x, v = trial.A, trial.x, trial.v
    if not isinstance(A, LinearOperator):
        raise NotAboutIt
    return products_apart("<A x, v> and <x, A^T v> differ", ((A(x), v), (x, A.adjoint(v))))


def has_its_push_forward(trial: OperatorTrial) -> str | None:
    """<A' u, v> = <u, A'^T v>: push-forward and pullback belong together."""
    A, x, u, v = trial.A, trial.x, trial.z, trial.v
    if not A.differentiable:
        raise NotAboutIt
    pushed, pulled = A.jvp(x)[1](u), A.vjp(x)[1](v)
    return products_apart("<A' u, v> and <u, A'^T v> differ", ((pushed, v), (u, pulled)))


def knows_its_norm(trial: OperatorTrial) -> str | None:
    """norm() is the largest singular value: no image is amplified more, and one as much (LinearOperator)."""
    A, x = trial.A, trial.z
    if not isinstance(A, LinearOperator):
        raise NotAboutIt
    for _ in range(POWER):
        x = A.adjoint(A(x))
        x = x / norm(x)
    gain, said = norm(A(x)).flatten(), A.norm()
    if said.shape != gain.shape:
        return f"norm() has shape {tuple(said.shape)}, expected {tuple(gain.shape)}"
    if (gain <= said * (1 + NORM)).all() and (said <= gain * (1 + 10 * NORM)).all():
        return None
    return f"norm() is {said.tolist()}, an image is amplified {gain.tolist()} times"


def solves_the_damped_equations(trial: OperatorTrial) -> str | None:
    """pinv(y, d) solves (A^T A + d) x = A^T y, for one d and for one per image."""
    A, v = trial.exact, trial.v
    if not isinstance(A, LinearOperator):
        raise NotAboutIt
    per_image = trial.damping * torch.arange(1.0, len(SEEDS) + 1, dtype=torch.float64)
    return damped_error(A, v, trial.damping) or damped_error(A, v, per_image)


def damped_error(A: LinearOperator, v: Tensor, d: float | Tensor) -> str | None:
    """A message where pinv(v, d) does not solve the damped equations; d is a number or (B,)."""
    x = A.pinv(v, d)
    damping = d.reshape(-1, *(1,) * (x.ndim - 1)) if isinstance(d, Tensor) else d
    left, right = A.adjoint(A(x)) + x * damping, A.adjoint(v)
    return apart("(A^T A + d) pinv(y, d) and A^T y differ", left, right, ITERATIVE)


def is_a_decomposition(trial: OperatorTrial) -> str | None:
    """V is orthogonal, U is on the range, and A = U s V^T (SVDOperator)."""
    A, x, z, v = trial.A, trial.x, trial.z, trial.v
    if not isinstance(A, SVDOperator):
        raise NotAboutIt
    in_range = torch.where((A.s > 0).expand_as(z), z, 0)
    return (
        apart("V V^T x and x differ", A.V(A.Vt(x)), x)
        or apart("V^T V z and z differ", A.Vt(A.V(z)), z)
        or apart("<V z, x> and <z, V^T x> differ", dot(A.V(z), x), dot(z, A.Vt(x)))
        or apart("<U z, y> and <z, U^T y> differ", dot(A.U(z), v), dot(z, A.Ut(v)))
        or apart("U^T U z and z differ where s > 0, or it is not 0 elsewhere", A.Ut(A.U(z)), in_range)
        or apart("A(x) and U s V^T x differ", A(x), A.U(A.s * A.Vt(x)))
        or (None if A.s.min() >= 0 else f"a singular value is {A.s.min():.2g}")
    )


PROMISES: list[Callable[[OperatorTrial], str | None]] = [
    is_documented,
    measures,
    is_pure,
    is_a_function_of_its_seeds,
    ignores_batch_mates,
    changes_precision,
    names_what_is_measured,
    has_its_derivative,
    inverts,
    is_linear,
    has_its_adjoint,
    has_its_push_forward,
    knows_its_norm,
    solves_the_damped_equations,
    is_a_decomposition,
]

BUILDS = "It is built from (shape, seeds); all other parameters have defaults, or are given."


def check_operator(
    spec: str, shape: Sequence[int] | None = None, params: Mapping[str, Any] | None = None
) -> list[Promise]:
    """Tries every promise on an operator, by name, ``pkg.mod:Class``, ``file.py:Class`` or ``file.py``.

    Args:
        shape: of one image, on which to try it; None tries several until one is taken.
        params: of the operator.

    Returns:
        One `Promise` each, in a fixed order; an exception inside a promise breaks it.
    """
    try:
        trial = OperatorTrial(spec, shape, params)
    except ValueError as error:
        return [Promise(BUILDS, str(error))]
    with single_thread():
        return [Promise(BUILDS, None), *(tried(promise, trial) for promise in PROMISES)]
