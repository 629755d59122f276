"""Building operators by name: their errors, their parameters, and their appetite for memory."""

import inspect
import math
from functools import partial

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from bench.cli import catalogue
from bench.operators import OPERATORS, make_operator, operator_parameters
from bench.operators.base import LinearOperator, SVDOperator
from tests.operators.samples import SHAPE, images
from tests.supplied import MADE

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


@pytest.mark.long
@pytest.mark.parametrize(
    "name", [name for name in OPERATORS if "matrix" not in name and name != "blur_nonlinear"]
)
def test_no_operator_is_quadratic_in_the_image(name):
    """At 3 x 256 x 256 in float64 (1.5 MiB), the operator itself and every one of its calls stay below 64
    MiB, or eight times y where that is more (several coils measure more numbers than an image has)."""
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
        assert peak_bytes(f) < max(64 * 2**20, 8 * y.nbytes), call


def test_the_meter_sees_memory():
    assert peak_bytes(lambda: torch.ones(2**20).exp().sum()) >= 2 * 4 * 2**20


def peak_bytes(f) -> int:
    """The most that torch's allocator held at once during f, beyond what it held before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as run:
        f()
    events = [e for e in run.profiler.kineto_results.events() if e.name() == "[memory]"]
    sizes = [e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())]
    return int(np.cumsum(sizes).max(initial=0))


@pytest.mark.usefixtures("no_files")
def test_the_list_survives_absent_files():
    text = catalogue.compatibility()
    assert "- inpaint_freeform: needs the masks of Palette" in text
    assert "- blur_nonlinear: needs the weights GOPRO_wVAE.pth" in text
    assert "?" in next(line for line in text.splitlines() if line.startswith("blur_nonlinear"))


NUMBERS = {
    "inpaint_random": ["p"], "blur_gauss": ["std", "taps", "rcond"], "blur_uniform": ["taps", "rcond"],
    "blur_motion": ["taps", "rcond"], "blur_circular": ["std", "taps", "rcond"], "jpeg": ["quality"],
    "quantise": ["bits"], "compressed_sensing": ["factor"], "random_matrix": ["m", "s_min", "s_max", "rcond"],
}  # fmt: skip


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, 0, True, "1", 10**30])
@pytest.mark.parametrize("name", NUMBERS)
def test_no_number_of_an_operator_is_taken_that_it_cannot_mean(name, value):
    shape = (8,) if name == "random_matrix" else (3, 32, 32)
    for param in NUMBERS[name]:
        with pytest.raises(ValueError, match=r"\w"):
            make_operator(name, shape, [0], **{"m": 2} | {param: value} if shape == (8,) else {param: value})
