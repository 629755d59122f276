"""Operators against independent implementations, golden draws, their errors, and their appetite for
memory."""

import hashlib
import inspect
from functools import partial

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn.functional import avg_pool2d, interpolate
from torch.profiler import ProfilerActivity, profile

from bench.operators import OPERATORS, make_operator, operator_parameters
from bench.operators.base import LinearOperator, SVDOperator
from bench.operators.kernels import gauss, motion, scaled_taps
from tests.supplied import MADE

SHAPE = (3, 32, 24)


def images(B: int = 2, shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(5).uniform(-1, 1, (B, *shape)))


def close(a, b, tol=1e-12):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=tol, atol=tol)


def correlate(x: torch.Tensor, kernels: np.ndarray, mode: str) -> np.ndarray:
    return np.stack(
        [
            [ndimage.correlate(c, k, mode=mode) for c in image]
            for image, k in zip(x.numpy(), kernels, strict=True)
        ]
    )


def test_means():
    x = images()
    for r in (2, 4):
        A = make_operator(f"sr_average{r}", SHAPE, [0, 1])
        close(A(x), avg_pool2d(x, r))
        close(A.pinv(A(x)), interpolate(avg_pool2d(x, r), scale_factor=r, mode="nearest"))
        assert set(A.s.unique().tolist()) == {0, 1 / r}
    close(make_operator("grey", SHAPE, [0, 1])(x)[:, 0], x.numpy().mean(1))


def test_bicubic():
    """torch's antialiased bicubic: in the interior, and everywhere once the border is mirrored by hand."""
    A, x = make_operator("sr_bicubic4", SHAPE, [0, 1]), images()
    resize = {"scale_factor": 0.25, "mode": "bicubic", "antialias": True}
    close(A(x)[..., 2:-2, 2:-2], interpolate(x, **resize)[..., 2:-2, 2:-2], 1e-7)
    wide = torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), (16, 16), (16, 16)), mode="symmetric"))
    close(A(x), interpolate(wide, **resize)[..., 4:-4, 4:-4], 1e-7)
    s = torch.linalg.svdvals(make_operator("sr_bicubic4", (1, 256, 256), [0]).left)
    close([s.min(), s.max()], [0.3485, 0.5], 1e-4)  # of the reference resizer, one axis


@pytest.mark.parametrize(("boundary", "mode"), [("reflect", "mirror"), ("circular", "wrap")])
def test_blurs(boundary, mode):
    x = images()
    for name, k in (("blur_gauss", gauss(5, 0.8)), ("blur_uniform", np.full(5, 0.2))):
        params = {"std": 0.8} if name == "blur_gauss" else {}
        A = make_operator(name, SHAPE, [0, 1], taps=5, boundary=boundary, **params)
        close(A(x), correlate(x, [np.outer(k, k)] * 2, mode))
    A = make_operator("blur_motion", SHAPE, [0, 1], boundary=boundary, taps=9)
    kernels = A.parameters()["kernel"][:, 0].numpy()
    assert not np.allclose(kernels, kernels[:, ::-1, ::-1], atol=0.01)  # a flipped kernel would be seen
    close(A(x), correlate(x, kernels, mode))


def test_boundary_chooses_the_rung():
    assert not isinstance(make_operator("blur_motion", SHAPE, [0]), SVDOperator)
    assert isinstance(make_operator("blur_motion", SHAPE, [0], boundary="circular"), SVDOperator)
    pair = [
        make_operator("blur_motion", SHAPE, [7], boundary=b).parameters()["kernel"]
        for b in ("reflect", "circular")
    ]
    assert torch.equal(*pair)
    assert torch.equal(
        pair[0], make_operator("blur_circular", SHAPE, [7], kernel="motion").parameters()["kernel"]
    )


def test_default_kernels_scale_with_the_side():
    assert [scaled_taps(61, side) for side in (512, 256, 128, 32)] == [61, 61, 31, 9]
    assert [scaled_taps(9, side) for side in (256, 128, 32)] == [9, 5, 3]
    wide, narrow = (
        make_operator("blur_gauss", (1, side, side), [0]).left[side // 2].numpy() for side in (256, 32)
    )
    spread = [
        float(np.sqrt((row * (np.arange(len(row)) - len(row) // 2) ** 2).sum())) for row in (wide, narrow)
    ]
    np.testing.assert_allclose(spread, [3, 1], rtol=2e-3)


def test_nonlinear():
    x = images()
    close(make_operator("hdr", SHAPE, [0, 1])(x), np.clip(2 * x.numpy(), -1, 1), 0)
    A = make_operator("phase_retrieval", SHAPE, [0, 1])
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (8, 8), (6, 6)))
    axes = {"axes": (-2, -1)}
    y = np.abs(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(padded, **axes), norm="ortho"), **axes))
    close(A(x), y)
    back = np.abs(np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(y, **axes), norm="ortho"), **axes))
    close(A.guess(A(x)), back[..., 8:-8, 6:-6].clip(-1, 1))
    assert torch.isfinite(A.vjp(torch.zeros_like(x))[1](A(x))).all()
    assert A.display(A(x)).max() == 1


def test_masks():
    A = make_operator("inpaint_box", (3, 32, 32), range(40))
    holes = ~A.parameters()["mask"][:, 0].numpy()
    starts = set()
    for hole in holes:
        rows, columns = (np.flatnonzero(hole.any(axis)) for axis in (1, 0))
        assert hole.sum() == len(rows) * len(columns) == 16 * 16
        assert min(rows[0], columns[0]) >= 2
        assert max(rows[-1], columns[-1]) < 30
        starts |= {("row", rows[0]), ("column", columns[0])}
    assert {2, 14} <= {start for axis, start in starts if axis == "row"} & {
        start for axis, start in starts if axis == "column"
    }
    for p in (0.7, 0.92):
        mask = make_operator("inpaint_random", SHAPE, range(3), p=p).parameters()["mask"]
        assert mask.shape == (3, 1, 32, 24)
        assert ((~mask).flatten(1).sum(1) == round(p * 32 * 24)).all()


def test_draws_are_the_same_on_every_machine():
    """Golden hashes: the records of two machines can only be compared while these hold."""
    kernel = motion(1234567, 61)
    assert kernel.min() == 0
    assert abs(kernel.sum() - 1) < 1e-14
    centre = (kernel * np.indices((61, 61))).sum((1, 2))
    np.testing.assert_allclose(centre, 30, atol=1e-9)
    masks = [
        make_operator(name, (3, 32, 32), [99]).parameters()["mask"].numpy()
        for name in ("inpaint_box", "inpaint_random")
    ]
    found = [hashlib.sha256(a.tobytes()).hexdigest()[:16] for a in (kernel, *masks)]
    assert found == ["02d83b4b53cc877d", "7c48cd3c643feaaf", "d3674f0588424d37"]


ERRORS = [
    ("inpant_box", SHAPE, {}, r"unknown operator 'inpant_box' .did you mean 'inpaint_box'..; known: denoise"),
    ("inpaint_random", SHAPE, {"q": 1}, "unknown parameter of operator 'inpaint_random' 'q'.*known: p"),
    ("grey", SHAPE, {"p": 1}, "known: none"),
    ("inpaint_random", SHAPE, {"p": 1.0}, "p = 1.0 should be less than 1"),
    ("inpaint_random", SHAPE, {"p": "0.5"}, "p = '0.5' should be a valid number"),
    ("sr_average4", SHAPE, {"factor": 3}, "unknown parameter"),
    ("sr_average4", (3, 30, 32), {}, "sr_average4 needs sides divisible by 4, got 30 x 32"),
    ("sr_bicubic4", (3, 32, 30), {}, "sr_bicubic4 needs sides divisible by 4"),
    ("blur_gauss", SHAPE, {"taps": 8}, "taps = 8: .* odd width of 1 to 23"),
    ("blur_motion", SHAPE, {"taps": 25}, "taps = 25: .* 24-pixel images"),
    ("blur_gauss", SHAPE, {"boundary": "zero"}, "boundary = 'zero' should be 'reflect' or 'circular'"),
    ("blur_circular", SHAPE, {"kernel": "motion", "std": 1.0}, "only the kernel 'gauss'"),
    ("grey", (1, 32, 32), {}, "grey needs images with 3 channels, got 1"),
    ("blur_gauss", (6,), {}, r"needs images \(C, H, W\), got shape \(6,\)"),
    ("matrix", (6,), {}, "operator 'matrix' needs matrix"),
    ("matrix", (6,), {"matrix": [[1.0, 2.0]]}, r"shape \(1, 2\): vectors of shape \(6,\)"),
    ("matrix", (2,), {"matrix": [[1.0, 2.0], [1.0]]}, "rows"),
]


@pytest.mark.parametrize(
    ("name", "shape", "params", "message"), ERRORS, ids=[f"{e[0]}-{i}" for i, e in enumerate(ERRORS)]
)
def test_errors(name, shape, params, message):
    with pytest.raises(ValueError, match=message):
        make_operator(name, shape, [0], **params)


def test_parameters_are_described():
    assert operator_parameters("sr_average4") == {}
    p = operator_parameters("inpaint_random")["p"]
    assert p.default == 0.7
    assert operator_parameters("matrix")["matrix"].default is inspect.Parameter.empty


@pytest.mark.parametrize(
    "name", [name for name in OPERATORS if "matrix" not in name and name != "blur_nonlinear"]
)
def test_no_operator_is_quadratic_in_the_image(name):
    """At 3 x 256 x 256 in float64 (1.5 MiB), the operator itself and every one of its calls stay below 64
    MiB."""
    A, x = MADE.get(name, partial(make_operator, name))((3, 256, 256), [0]), images(1, (3, 256, 256))
    y = A(x)
    assert (
        sum(t.untyped_storage().nbytes() for t in vars(A).values() if isinstance(t, torch.Tensor))
        < 64 * 2**20
    )
    calls = {"forward": lambda: A(x), "vjp": lambda: A.vjp(x)[1](y)}
    if isinstance(A, LinearOperator):
        calls |= {"pinv": lambda: A.pinv(y, 1.0)}
    if isinstance(A, SVDOperator):
        calls |= {"V": lambda: A.V(x), "Vt": lambda: A.Vt(x)}
        calls |= {"U": lambda: A.U(x), "Ut": lambda: A.Ut(y), "undamped": lambda: A.pinv(y)}
    for call, f in calls.items():
        assert peak_bytes(f) < 64 * 2**20, call


def test_the_meter_sees_memory():
    assert peak_bytes(lambda: torch.ones(2**20).exp().sum()) >= 2 * 4 * 2**20


def peak_bytes(f) -> int:
    """The most that torch's allocator held at once during f, beyond what it held before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as run:
        f()
    events = [e for e in run.profiler.kineto_results.events() if e.name() == "[memory]"]
    sizes = [e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())]
    return int(np.cumsum(sizes).max(initial=0))
