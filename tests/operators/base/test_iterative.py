"""Conjugate gradients and Lanczos against dense algebra, image by image."""

import pytest
import torch

from bench.operators import make_operator
from bench.operators.base import ConjugateGradients, LinearOperator, SVDOperator, norm
from bench.operators.base.iterative import largest_eigenvalue
from tests.operators.cases import SHAPE, build, cases, close, randn

M = randn(3, 6, 6)
SPD = M @ M.mT + 0.5 * torch.eye(6, dtype=torch.float64)


def product(matrices, p):
    return (matrices @ p[..., None])[..., 0]


def test_it_solves_and_hands_out_its_steps():
    """The sum of the steps along p is x, so a caller may sum other images of p on the way."""
    b, other = randn(3, 6), torch.zeros(3, 6, dtype=torch.float64)
    cg = ConjugateGradients(b)
    for _ in range(8):
        p = cg.p
        other = other + cg.step(product(SPD, p)) * product(M, p)
    close(cg.x, torch.linalg.solve(SPD, b), 1e-9)
    close(other, product(M, cg.x), 1e-9)
    close(cg.r, b - product(SPD, cg.x), 1e-9)


def test_an_image_with_an_indefinite_matrix_keeps_what_it_has():
    """The others go on, each to the bit as if it were alone."""
    matrices, b = SPD.clone(), randn(3, 6)
    matrices[1] = torch.diag(torch.tensor([1.0, 1, 1, 1, 1, -20], dtype=torch.float64))
    cg, alone = ConjugateGradients(b, 1e-9), ConjugateGradients(b[2:], 1e-9)
    for _ in range(8):
        cg.step(product(matrices, cg.p))
        alone.step(product(matrices[2:], alone.p))
    assert cg.refused.tolist() == [False, True, False] and cg.iterations[1] < cg.iterations[0]
    assert cg.x.isfinite().all() and norm(cg.x)[1] < 10 * norm(b)[1]
    close(cg.x[2:], alone.x, 0)


def test_a_guard_sees_that_a_matrix_is_not_symmetric():
    """Where every direction looks positive the residual grows; with a guard the image stays."""
    skew = 3 * (M - M.mT)
    matrices, b = torch.stack([SPD[0], SPD[1] + skew[1], SPD[2]]), randn(3, 6)
    plain, guarded = ConjugateGradients(b, 1e-9), ConjugateGradients(b, 1e-9, guarded=True)
    for _ in range(30):
        for cg in (plain, guarded):
            cg.step(product(matrices, cg.p))
    assert norm(plain.r)[1] > 20 * norm(b)[1] and norm(guarded.r)[1] < 5 * norm(b)[1]
    assert guarded.refused.tolist() == [False, True, False] and not plain.refused.any()
    close(guarded.x[[0, 2]], plain.x[[0, 2]], 0)


def test_an_image_ends_at_its_own_residual():
    b = torch.cat([torch.zeros(1, 6), randn(2, 6)]).double()
    cg = ConjugateGradients(b, torch.tensor([0.0, 0.5, 1e-12]))
    for _ in range(6):
        cg.step(product(SPD, cg.p))
    assert cg.iterations[0] == 0 < cg.iterations[1] < cg.iterations[2] and not cg.x[0].any()


@cases(LinearOperator)
def test_norm_is_the_largest_singular_value(case):
    """By the decomposition or by Lanczos, which agree; it is known once, and follows its images."""
    A = build(case)
    found = A.norm()
    assert found.shape == (len(A),) and A.norm() is found
    close(LinearOperator.largest_singular_value(A), found, 1e-5)
    some = torch.tensor([2, 0])
    close(A[some].norm(), found[some], 0)
    close(A.repeat_interleave(2).norm(), found.repeat_interleave(2), 0)
    close(A[1:2].to(dtype=torch.float32).norm().double(), found[1:2], 1e-6)


def test_lanczos_stands_a_start_in_an_invariant_subspace():
    d = torch.diag(torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64))
    start = torch.tensor([[1.0, 0, 0], [1.0, 1.0, 0]], dtype=torch.float64)
    close(largest_eigenvalue(lambda x: x @ d, start), torch.tensor([3.0, 3.0]).double())


@pytest.mark.long
def test_conjugate_gradients_that_stop_early_are_not_linear():
    """What the documentation of `LinearOperator` says of A+; `solving_to` mends it, at a price."""
    A = make_operator("blur_motion", (1, 16, 16), range(2))
    x, n = randn(2, 1, 16, 16), randn(2, 1, 16, 16, seed=1)
    y = A(x) + 0.05 * n

    def gap(A):
        whole, parts = A.pinv(y - A(x)), A.pinv(y) - A.pinv(A(x))
        return float((norm(whole - parts) / norm(parts)).max())

    assert gap(A) > 0.5 and gap(A.solving_to(1e-9)) < 1e-5
    svd = make_operator("blur_gauss", SHAPE, [0])
    assert isinstance(svd, SVDOperator) and svd.solving_to(1e-9) is svd


@pytest.mark.parametrize("boundary", ["reflect", "circular"])
def test_damped_solutions_do_not_change_with_the_batch(boundary):
    A = make_operator("blur_motion", SHAPE, range(3), boundary=boundary)
    y = randn(3, *SHAPE)
    some = torch.tensor([2, 1])
    close(A[some].pinv(y[some], 0.1), A.pinv(y, 0.1)[some], 1e-12)
