"""Linear operators against dense algebra, and singular value decompositions that are what they say."""

import copy

import numpy as np
import pytest
import torch

from bench.operators import make_operator
from bench.operators.base import LinearOperator, SVDOperator, dot, real_parts
from tests.operators.cases import SHAPE, B, build, cases, close, data, dense, exact, image, randn


@cases(LinearOperator)
def test_linear_algebra(case):
    """Adjoint and damped pseudo-inverse against dense algebra; damping may be a number or one per image."""
    A, D, y, x = exact(build(case)), dense(case), data(build(case)), image(build(case))
    flat = real_parts(y)
    close(real_parts(A(x)), (D @ x.flatten(1)[..., None])[..., 0])
    close(A.adjoint(y).flatten(1), (D.mT @ flat[..., None])[..., 0])
    close(dot(A(x), y), dot(x, A.adjoint(y)))
    gram, b = (D.mT @ D).numpy(), (D.mT @ flat[..., None]).numpy()  # y may be much longer than x
    for damping in (0.03, 1, torch.tensor([1e-3, 0.1, 30.0])):
        d = np.reshape(np.asarray(damping, dtype=float), (-1, 1, 1))
        # numpy: torch's batched solve, on two threads, was seen to get one matrix of three wrong (torch
        # 2.14.1, MKL)
        solved = torch.from_numpy(np.linalg.solve(gram + d * np.eye(gram.shape[-1]), b))
        close(A.pinv(y, damping).flatten(1), solved[..., 0], 1e-9)


@pytest.mark.long
@cases(SVDOperator)
def test_undamped_against_numpy(case):
    """The undamped one is numpy's truncated pseudo-inverse with the same cutoff; also for integers and
    tensors of 0."""
    A, y = copy.copy(build(case)), data(build(case))
    A.rcond = 0.0123  # between singular values, so that both cut alike
    expected = torch.linalg.pinv(dense(case), rtol=A.rcond) @ real_parts(y)[..., None]
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
    "name", ["blur_circular", "blur_gauss", "inpaint_box", "phase_retrieval", "blur_motion", "mri", "ct"]
)
def test_odd_sides(name, shape):
    params = {"blur_circular": {"kernel": "motion"}, "mri": {"coils": 1}}.get(name, {})
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
