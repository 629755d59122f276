"""What every operator promises: purity, independence of images, derivatives, seeds, precision and counts."""

import pytest
import torch

from bench.batch import Tally
from bench.operators import make_operator
from bench.operators.base import (
    LinearOperator,
    Operator,
    PinvOperator,
    SVDOperator,
    check_kind,
    dot,
    moved,
    norm,
    per_image,
    real_parts,
)
from tests.operators.cases import CASES, SHAPE, B, build, cases, close, data, exact, image, make, randn


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
    y = low(x.float())
    assert (y.dtype, y.is_complex()) == (
        torch.complex64 if A.complex_valued else torch.float32,
        A.complex_valued,
    )
    close(moved(y, dtype=torch.float64), A(x), 2e-5)
    close(low.to(dtype=torch.float64)(x), A(x), 2e-5)
    assert type(low) is type(A)
    for key, value in A.parameters().items():
        assert (low.parameters()[key].dtype == torch.float32) == value.is_floating_point()
    if isinstance(A, SVDOperator):
        for result in (low.s, low.V(x.float()), low.pinv(moved(data(A), dtype=torch.float32), 0.5)):
            assert result.dtype == torch.float32


@cases(Operator)
def test_watched_calls(case):
    A, calls = build(case), Tally(B)
    watched = A.counting(calls)
    assert type(watched) is type(A)
    _, pull = watched.vjp(image(A))
    pull(data(A)), pull(data(A))
    assert set(calls) == {"forward", "adjoint"}
    assert calls["forward"].tolist() == [1] * B and calls["adjoint"].tolist() == [2] * B
    some = torch.tensor([2, 0])
    watched[some].repeat_interleave(2)[:2](image(A)[[2, 2]])
    assert calls["forward"].tolist() == [1, 1, 3], "two rows of the last image"
    if isinstance(A, PinvOperator):
        watched[some].pinv(data(A)[some])
        assert calls["pinv"].tolist() == [1, 0, 1]
        iterative = isinstance(A, LinearOperator) and not isinstance(A, SVDOperator)
        assert (calls["inner"] > 2).tolist() == [iterative, False, iterative], "of conjugate gradients"
    if isinstance(A, SVDOperator):
        watched.Vt(image(A))
        assert calls["transform"].tolist() == [0.5] * B, "A is made of two transforms"
    assert A.tally is None


@cases(Operator)
def test_images_are_chosen_by_places_and_masks(case):
    A, x = build(case), image(build(case))
    for some in (torch.tensor([2, 0]), torch.tensor([True, False, True])):
        close(A[some](x[some]), A(x)[some])
        assert A[some].seeds == tuple(int(seed) for seed in torch.tensor(A.seeds)[some])


@cases(Operator)
def test_push_forward(case):
    """It is the transposed pullback, and the derivative by differences."""
    A, x, v, u = build(case), image(build(case)), data(build(case)), image(build(case), seed=2)
    Ax, push = A.jvp(x)
    assert torch.equal(Ax, A(x)) and not push(u).requires_grad
    close(dot(push(u), v), dot(u, A.vjp(x)[1](v)), 1e-9)
    close(push(u), push(u), 0)
    h = 1e-6
    if A.differentiable:
        close(dot(push(u), v), dot((A(x + h * u) - A(x - h * u)) / (2 * h), v), 1e-5)


class Nested(Operator):
    """Two blurs, in a list in a dict, behind a network: what an operator of a latent space is made of."""

    def __init__(self, shape, seeds):
        super().__init__(shape, seeds)
        self.parts = {"blurs": [make("blur_motion", shape, seeds, taps=5), make("denoise", shape, seeds)]}
        self.network = torch.nn.Conv2d(3, 3, 1, bias=False).double().requires_grad_(False)

    out_shape = property(lambda self: self.shape)

    def forward(self, x):
        return sum(blur.forward(self.network(x)) for blur in self.parts["blurs"])


def test_nested_operators_and_networks_follow():
    A = Nested(SHAPE, range(B))
    x = image(A)
    some = torch.tensor([2, 0])
    close(A[some](x[some]), A(x)[some])
    close(A[1:2](x[1:2]), A(x)[1:2])
    close(A.repeat_interleave(2)(x.repeat_interleave(2, 0))[1::2], A(x))
    low = A.to(dtype=torch.float32)
    assert low(x.float()).dtype == torch.float32 and A(x).dtype == torch.float64, "and the first is as it was"
    close(low(x.float()).double(), A(x), 1e-4)


@cases(PinvOperator)
def test_pseudo_inverse(case):
    """A A+ A = A where singular values are kept; everywhere, for an iterative or nonlinear one."""
    A, x = build(case), image(build(case))
    if isinstance(A, SVDOperator):
        x = A.V(A.kept * A.Vt(x))
    elif isinstance(A, LinearOperator):
        A = exact(A)
    close(A(A.pinv(A(x))), A(x), 1e-10 if isinstance(A, SVDOperator) else 1e-6)


def test_products_of_complex_data_are_those_of_their_parts():
    """Nothing of an imaginary part is lost, and a complex number counts as two."""
    a, b = (torch.complex(randn(2, 3, 4, seed=k), randn(2, 3, 4, seed=k + 9)) for k in (0, 1))
    close(dot(a, b), dot(real_parts(a), real_parts(b)))
    close(norm(a), norm(torch.view_as_real(a))[..., 0])
    assert dot(a, b).dtype == norm(a).dtype == per_image(torch.ones(2), a).dtype == torch.float64
    assert dot(1j * a, a).abs().max() < 1e-14, "a quarter turn is orthogonal"
    A = make_operator("mri", (1, 8, 8), [0], coils=2)
    y = A(image(A))
    assert A.size(y).item() == 2 * A.measured.sum()
    assert A.guess(y).dtype == torch.float64


def test_a_complex_number_stays_one_in_any_precision():
    given = torch.tensor([1 + 2j])
    assert torch.equal(moved(given, dtype=torch.float64), given.to(torch.complex128))
    assert moved(torch.tensor([3]), dtype=torch.float32).dtype == torch.int64
    assert moved(given, copy=True).data_ptr() != given.data_ptr()


@pytest.mark.parametrize(
    ("name", "words"), [("mri", "y is real .*MRI are complex"), ("ct", "y is complex .*CT are real")]
)
def test_measurements_of_the_other_kind_are_refused(name, words):
    A = make_operator(name, (1, 8, 8), [0])
    y = torch.zeros(1, *A.out_shape)
    with pytest.raises(ValueError, match=words):
        check_kind(A, y if A.complex_valued else y.cfloat())
