"""The laws of measurement operators, for every name that `make_operator` knows; a new operator is found by
itself."""

import copy
from collections import Counter
from functools import cache

import numpy as np
import pytest
import torch

from bench.operators import OPERATORS, make_operator
from bench.operators.base import LinearOperator, Operator, PinvOperator, SVDOperator, dot
from tests.supplied import MADE

SHAPE, B = (3, 16, 12), 3
SHAPES = {"compressed_sensing": (3, 8, 16), "jpeg": (3, 16, 32), "blur_nonlinear": (3, 128, 128)}
M = np.random.default_rng(0).standard_normal((9, 6))
LAST = {"matrix": {"matrix": M[:4].tolist()}, "random_matrix": {"m": 3}}  # what has no default
VARIANTS = [
    ("inpaint_random", {"p": 0.25}),
    ("blur_gauss", {"std": 1.7, "taps": 7}),
    ("blur_gauss", {"boundary": "circular", "std": 2.0, "taps": 11}),
    ("blur_uniform", {"boundary": "circular", "taps": 5}),
    ("blur_motion", {"taps": 7}),
    ("blur_motion", {"boundary": "circular", "taps": 7}),
    ("compressed_sensing", {"factor": 3}),
    ("jpeg", {"quality": 75}),
    ("quantise", {"bits": 1}),
    ("matrix", {"matrix": M.tolist()}),  # more rows than columns
    ("random_matrix", {"m": 6}),  # nothing unmeasured
    ("matrix", {"matrix": np.vstack([M[:3], M[:1] + M[1:2]]).tolist()}),  # rank deficient
]
CASES = [(name, LAST.get(name, {})) for name in OPERATORS] + VARIANTS


@cache
def build(case: int) -> Operator:
    name, params = CASES[case]
    return make(name, (6,) if "matrix" in name else SHAPES.get(name, SHAPE), range(10, 10 + B), **params)


def make(name: str, *args, **params) -> Operator:
    """`make_operator`, with something made up in place of the files that users supply."""
    return MADE[name](*args) if name in MADE else make_operator(name, *args, **params)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def image(A: Operator, seed: int = 0) -> torch.Tensor:
    return 0.4 * randn(len(A), *A.shape, seed=seed)


def data(A: Operator, seed: int = 1) -> torch.Tensor:
    return randn(len(A), *A.out_shape, seed=seed)


def exact(A: LinearOperator) -> LinearOperator:
    """The same operator; where its pseudo-inverse is iterative, run to the end."""
    if isinstance(A, SVDOperator):
        return A
    A = copy.copy(A)
    A.rcond, A.max_iterations = 1e-13, 5000
    return A


@cache
def dense(case: int) -> torch.Tensor:
    """(B, m, n), by applying A to unit vectors."""
    A = build(case)
    n = int(np.prod(A.shape))
    unit = torch.eye(n, dtype=torch.float64).view(n, *A.shape)
    columns = A.repeat_interleave(n)(unit.repeat(B, *(1 for _ in A.shape)))
    return columns.view(B, n, -1).mT


def close(a: torch.Tensor, b: torch.Tensor, tol: float = 1e-11) -> None:
    torch.testing.assert_close(a, b, rtol=tol, atol=tol)


def cases(rung: type) -> pytest.MarkDecorator:
    chosen = [i for i in range(len(CASES)) if isinstance(build(i), rung)]
    names = [
        "-".join([CASES[i][0], *(f"{k}={v}" for k, v in CASES[i][1].items() if k != "matrix")])
        for i in chosen
    ]
    return pytest.mark.parametrize("case", chosen, ids=names)


@cases(Operator)
def test_pure(case):
    """Same result twice, to the bit; no input changes; no graph leaks; the starting image is nobody else's
    memory."""
    A, x = build(case), image(build(case))
    x.requires_grad_()
    y = data(A)
    before = [t.detach().clone() for t in (x, y)]
    calls = [
        lambda: A(x),
        lambda: A.guess(y),
        lambda: A.vjp(x)[0],
        lambda: A.vjp(x)[1](y),
        lambda: A.display(y),
    ]
    calls += [lambda: A.pinv(y)] * isinstance(A, PinvOperator) + [lambda: A.adjoint(y)] * isinstance(
        A, LinearOperator
    )
    if isinstance(A, SVDOperator):
        z = x.detach()
        calls += [lambda: A.U(z), lambda: A.Ut(y), lambda: A.V(z), lambda: A.Vt(z), lambda: A.pinv(y, 0.1)]
    for call in calls:
        first = call()
        assert torch.equal(first, call())
        assert torch.isfinite(first).all()
        assert not first.requires_grad
        if call is not calls[4] and first.data_ptr() not in (0,):
            assert first.data_ptr() not in (x.data_ptr(), y.data_ptr()), (
                "an alias: an in-place update would reach the input"
            )
    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])
    assert A(x).shape == (B, *A.out_shape)
    assert A.guess(y).shape == x.shape
    assert A.display(y).abs().max() <= 1


@cases(Operator)
def test_images_do_not_meet(case):
    A, x, y = build(case), image(build(case)), data(build(case))
    y[0] *= 1e3
    for i in range(B):
        one = A[i : i + 1]
        close(one(x[i : i + 1]), A(x)[i : i + 1])
        close(one.guess(y[i : i + 1]), A.guess(y)[i : i + 1])
        close(one.vjp(x[i : i + 1])[1](y[i : i + 1]), A.vjp(x)[1](y)[i : i + 1])
        if isinstance(A, LinearOperator):
            d = torch.tensor([0.0, 0.01, 2.0], dtype=torch.float64)
            close(one.pinv(y[i : i + 1], float(d[i])), A.pinv(y, d)[i : i + 1], 1e-9)
            close(A.pinv(y, d), A.pinv(y, d.view(-1, *(1 for _ in A.out_shape))), 0)
    twice = A.repeat_interleave(2)
    assert len(twice) == 2 * B
    close(twice(x.repeat_interleave(2, 0)), A(x).repeat_interleave(2, 0))


@cases(Operator)
def test_derivative(case):
    """The pullback is autograd's, and it is the derivative: central differences along a direction."""
    A, x, v, u = build(case), image(build(case)), data(build(case)), image(build(case), seed=2)
    Ax, pull = A.vjp(x)
    assert torch.equal(Ax, A(x))
    leaf = x.clone().requires_grad_()
    close(pull(v), torch.autograd.grad(A.forward(leaf), leaf, v)[0])
    close(pull(v), pull(v), 0)
    h = 1e-6
    close(dot(u, pull(v)), dot((A(x + h * u) - A(x - h * u)) / (2 * h), v), 1e-6)


@cases(Operator)
def test_seeds(case):
    """Masks and kernels are functions of the seed, one row per image, and nothing else is random."""
    A, (name, params) = build(case), CASES[case]
    same, other, alone = (
        make(name, A.shape, seeds, **params) for seeds in (range(10, 10 + B), range(B), [11])
    )
    for key, value in A.parameters().items():
        assert len(value) == B
        assert torch.equal(value, same.parameters()[key])
        assert torch.equal(value[1:2], alone.parameters()[key])
        assert not torch.equal(value, other.parameters()[key])
        assert not torch.equal(value[0], value[1])
    if not A.parameters():
        assert torch.equal(A(image(A)), other(image(A)))


@cases(Operator)
def test_unmeasured_entries_are_zero(case):
    A = build(case)
    if A.measured is None:
        return
    assert A.measured.dtype == torch.bool
    assert A.measured.shape == (B, *A.out_shape)
    assert (A(image(A))[~A.measured] == 0).all()
    assert (A.pinv(data(A) * ~A.measured) == 0).all()
    assert (A.adjoint(data(A) * ~A.measured) == 0).all()


@cases(Operator)
def test_precision(case):
    A, x = build(case), image(build(case))
    low = A.to("cpu", torch.float32)
    assert low(x.float()).dtype == torch.float32
    close(low(x.float()).double(), A(x), 2e-5)
    close(low.to(dtype=torch.float64)(x), A(x), 2e-5)
    assert type(low) is type(A)
    for key, value in A.parameters().items():
        assert (low.parameters()[key].dtype == torch.float32) == value.is_floating_point()
    if isinstance(A, SVDOperator):
        for result in (low.s, low.V(x.float()), low.pinv(data(A).float(), 0.5)):
            assert result.dtype == torch.float32


@cases(Operator)
def test_watched_calls(case):
    A, calls = build(case), Counter()
    watched = A.counting(calls)
    assert type(watched) is type(A)
    _, pull = watched.vjp(image(A))
    pull(data(A)), pull(data(A))
    assert calls == {"forward": len(A), "adjoint": 2 * len(A)}, "tallied in images"
    if isinstance(A, PinvOperator):
        watched[:1].pinv(data(A)[:1])
        assert calls["pinv"] == 1
        iterative = isinstance(A, LinearOperator) and not isinstance(A, SVDOperator)
        assert (calls["inner"] > 2) == iterative  # inner calls of conjugate gradients are seen
    if isinstance(A, SVDOperator):
        watched.Vt(image(A))
        assert calls["transform"] == len(A) / 2, "A is made of two transforms"
    assert A.calls is None


@cases(PinvOperator)
def test_pseudo_inverse(case):
    """A A+ A = A where singular values are kept; everywhere, for an iterative or nonlinear one."""
    A, x = build(case), image(build(case))
    if isinstance(A, SVDOperator):
        x = A.V(A.kept * A.Vt(x))
    elif isinstance(A, LinearOperator):
        A = exact(A)
    close(A(A.pinv(A(x))), A(x), 1e-10 if isinstance(A, SVDOperator) else 1e-6)


@cases(LinearOperator)
def test_linear_algebra(case):
    """Adjoint and damped pseudo-inverse against dense algebra; damping may be a number or one per image."""
    A, D, y, x = exact(build(case)), dense(case), data(build(case)), image(build(case))
    flat = y.flatten(1)
    close(A(x).flatten(1), (D @ x.flatten(1)[..., None])[..., 0])
    close(A.adjoint(y).flatten(1), (D.mT @ flat[..., None])[..., 0])
    close(dot(A(x), y), dot(x, A.adjoint(y)))
    gram = (D @ D.mT).numpy()
    for damping in (0.03, 1, torch.tensor([1e-3, 0.1, 30.0])):
        d = np.reshape(np.asarray(damping, dtype=float), (-1, 1, 1))
        # numpy: torch's batched solve, on two threads, was seen to get one matrix of three wrong (torch
        # 2.14.1, MKL)
        solved = torch.from_numpy(np.linalg.solve(gram + d * np.eye(gram.shape[-1]), flat[..., None].numpy()))
        close(A.pinv(y, damping).flatten(1), (D.mT @ solved)[..., 0], 1e-9)


@cases(SVDOperator)
def test_undamped_against_numpy(case):
    """The undamped one is numpy's truncated pseudo-inverse with the same cutoff; also for integers and
    tensors of 0."""
    A, y = copy.copy(build(case)), data(build(case))
    A.rcond = 0.0123  # between singular values, so that both cut alike
    expected = torch.linalg.pinv(dense(case), rtol=A.rcond) @ y.flatten(1)[..., None]
    for zero in (0, 0.0, torch.zeros(B, dtype=torch.float64)):
        close(A.pinv(y, zero).flatten(1), expected[..., 0], 1e-9)


@cases(SVDOperator)
def test_singular_value_decomposition(case):
    A, D = build(case), dense(case)
    n = D.shape[-1]
    x, y, z = image(A), data(A), image(A, seed=3)
    assert A.s.shape[1:] == A.shape
    assert A.s.shape[0] in (1, B)
    assert (A.s >= 0).all()
    close(A.V(A.Vt(x)), x)
    close(A.Vt(A.V(z)), z)
    close(dot(A.V(z), x), dot(z, A.Vt(x)))
    close(dot(A.U(z), y), dot(z, A.Ut(y)))
    on = (A.s > 0).expand_as(z)
    assert (A.Ut(y)[~on] == 0).all()
    close(A.Ut(A.U(z)), torch.where(on, z, 0))
    close(A.U(torch.where(on, z, 0)), A.U(z))
    close(A.U(A.s * A.Vt(x)), A(x))
    close(A.V(A.s * A.Ut(y)), A.adjoint(y))
    s = A.s.expand(B, *A.shape).reshape(B, n).sort(descending=True).values[:, : min(D.shape[1:])]
    close(s, torch.linalg.svdvals(D), 1e-10)


@pytest.mark.parametrize("shape", [(1, 15, 13), (3, 9, 16), (1, 8, 15)])
@pytest.mark.parametrize(
    "name", ["blur_circular", "blur_gauss", "inpaint_box", "phase_retrieval", "blur_motion"]
)
def test_odd_sides(name, shape):
    params = {"kernel": "motion"} if name == "blur_circular" else {}
    A = make_operator(name, shape, range(2), **params)
    x, y = image(A), data(A)
    close(dot(A.vjp(x)[1](y), x), dot(torch.autograd.functional.jvp(A.forward, x, x)[1], y))
    if isinstance(A, SVDOperator):
        close(A.V(A.Vt(x)), x)
        close(A.U(A.s * A.Vt(x)), A(x))


@pytest.mark.parametrize("boundary", ["reflect", "circular"])
def test_singular_values_at_rounding_level(boundary):
    """A wide Gaussian has more singular values of 1e-17 than others: they are 0, and the decomposition stays
    orthonormal."""
    A = make_operator("blur_gauss", (1, 64, 64), [0], std=3.0, taps=61, boundary=boundary)
    x, on = image(A), A.s > 0
    z = torch.where(on, image(A, seed=3), 0)
    assert A.s[on].min() < 1e-12
    assert A.s.min() == 0
    assert 0.02 < A.kept.double().mean() < 0.3
    close(A.Ut(A.U(z)), z)
    assert (A.Ut(x)[~on].abs() <= 1e-15).all()
    close(A.U(A.s * A.Vt(x)), A(x))
    close(A.V(A.s * A.Ut(x)), A.adjoint(x))
    assert A.pinv(A(x) + 1e-3 * image(A, seed=4)).abs().max() < 10
    low = A.to(dtype=torch.float32)
    assert torch.isfinite(low.pinv(low(x.float()), 1e-6)).all()


def test_conjugate_gradients_stop_per_image():
    """Zero data, easy and hard images in one batch: each as if alone, to the bit of what its own iterations
    gave."""
    A = make_operator("blur_motion", SHAPE, [0, 1, 2, 3], taps=9)
    y = torch.cat([torch.zeros(1, *SHAPE), 1e-6 * torch.ones(1, *SHAPE), randn(2, *SHAPE)]).double()
    damping = torch.tensor([0.0, 0.0, 1e-4, 10.0], dtype=torch.float64)
    x = A.pinv(y, damping)
    assert torch.isfinite(x).all()
    assert (x[0] == 0).all()
    for i in range(4):
        close(A[i : i + 1].pinv(y[i : i + 1], damping[i : i + 1]), x[i : i + 1], 1e-12)
    residual = A.adjoint(y - A(x)) - damping.view(-1, 1, 1, 1) * x
    assert (dot(residual, residual) <= 1.01 * A.rcond**2 * dot(A.adjoint(y), A.adjoint(y)))[:2].all()
