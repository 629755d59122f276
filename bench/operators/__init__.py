"""Measurement operators, by family; `base` holds the ladder, `make_operator` builds by name."""

import difflib
import inspect
import reprlib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from annotated_types import Gt, Lt
from pydantic import ConfigDict, TypeAdapter, ValidationError

from bench.operators.base import Operator
from bench.operators.compression import JPEG, Quantise
from bench.operators.convolution import BlurCircular, BlurMotion
from bench.operators.freeform import inpaint_freeform
from bench.operators.hadamard import CompressedSensing
from bench.operators.learned import blur_nonlinear
from bench.operators.masks import Denoise, InpaintBox, InpaintRandom
from bench.operators.matrix import Matrix
from bench.operators.means import Grey, SRAverage
from bench.operators.nonlinear import HDR, PhaseRetrieval
from bench.operators.random_matrix import RandomMatrix
from bench.operators.separable import BlurGauss, BlurUniform, SRBicubic

__all__ = ["OPERATORS", "make_operator", "operator_parameters"]

Boundary = Literal["reflect", "circular"]
Taps = Annotated[int, Gt(0)] | None
Cutoff = Annotated[float, Gt(0), Lt(1)]


def blur_gauss(
    shape: Sequence[int],
    seeds: Sequence[int],
    std: Annotated[float, Gt(0)] | None = None,
    taps: Taps = None,
    boundary: Boundary = "reflect",
    rcond: Cutoff = 1e-3,
) -> Operator:
    """`BlurGauss`, or the same kernel in a `BlurCircular`."""
    if boundary == "circular":
        return BlurCircular(shape, seeds, "gauss", std, taps, rcond)
    return BlurGauss(shape, seeds, std, taps, rcond)


def blur_uniform(
    shape: Sequence[int], seeds: Sequence[int], taps: Taps = None, boundary: Boundary = "reflect", rcond: Cutoff = 1e-3
) -> Operator:
    """`BlurUniform`, or the same kernel in a `BlurCircular`."""
    if boundary == "circular":
        return BlurCircular(shape, seeds, "uniform", None, taps, rcond)
    return BlurUniform(shape, seeds, taps, rcond)


def blur_motion(
    shape: Sequence[int], seeds: Sequence[int], taps: Taps = None, boundary: Boundary = "reflect", rcond: Cutoff = 1e-2
) -> Operator:
    """`BlurMotion` (a `LinearOperator`), or the same kernels in a `BlurCircular` (an `SVDOperator`).

    Undamped, conjugate gradients with a residual below 1e-2 amplify the rounding of float32 until it shows.
    """
    if boundary == "circular":
        return BlurCircular(shape, seeds, "motion", None, taps, rcond)
    return BlurMotion(shape, seeds, taps, rcond)


OPERATORS: dict[str, Callable[..., Operator]] = {
    "denoise": Denoise,
    "inpaint_box": InpaintBox,
    "inpaint_random": InpaintRandom,
    "inpaint_freeform": inpaint_freeform,
    "sr_average2": partial(SRAverage, factor=2),
    "sr_average4": partial(SRAverage, factor=4),
    "sr_bicubic4": partial(SRBicubic, factor=4),
    "blur_gauss": blur_gauss,
    "blur_uniform": blur_uniform,
    "blur_motion": blur_motion,
    "blur_circular": BlurCircular,
    "grey": Grey,
    "compressed_sensing": CompressedSensing,
    "hdr": HDR,
    "jpeg": JPEG,
    "quantise": Quantise,
    "phase_retrieval": PhaseRetrieval,
    "blur_nonlinear": blur_nonlinear,
    "matrix": Matrix,
    "random_matrix": RandomMatrix,
}
"""Every operator by its name in tasks; called as (shape, seeds, **parameters)."""


def make_operator(name: str, shape: Sequence[int], seeds: Sequence[int], **params: Any) -> Operator:
    """The operator of a batch, float64 on the CPU (move it with ``.to(device, dtype)``).

    Args:
        name: a key of OPERATORS.
        shape: of one image, (C, H, W), or (d,) for vectors.
        seeds: one per image; masks and kernels are functions of them.
        params: see `operator_parameters`.

    Raises:
        ValueError: the name or a parameter is unknown, missing or out of range, the operator does not fit the shape, or a file
            that the user has to supply is not there.
    """
    accepted = operator_parameters(name)
    for key, value in params.items():
        if key not in accepted:
            raise ValueError(_unknown(f"parameter of operator '{name}'", key, accepted))
        try:
            config = ConfigDict(arbitrary_types_allowed=True, allow_inf_nan=False)
            adapter = TypeAdapter(accepted[key].annotation, config=config)
            adapter.validate_python(value, strict=True)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Input ")
            raise ValueError(f"operator '{name}': {key} = {reprlib.repr(value)} {reason}") from None
    missing = [key for key, parameter in accepted.items() if parameter.default is parameter.empty and key not in params]
    if missing:
        raise ValueError(f"operator '{name}' needs {', '.join(missing)}")
    return OPERATORS[name](shape, seeds, **params)


def operator_parameters(name: str) -> dict[str, inspect.Parameter]:
    """What an operator accepts beside shape and seeds, by name; ``.annotation`` includes the range, ``.default`` may be empty.

    Raises:
        ValueError: no such operator.
    """
    if name not in OPERATORS:
        raise ValueError(_unknown("operator", name, OPERATORS))
    make = OPERATORS[name]
    fixed = {"shape", "seeds", *(make.keywords if isinstance(make, partial) else ())}
    return {key: parameter for key, parameter in inspect.signature(make).parameters.items() if key not in fixed}


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ";"
    return f"unknown {what} '{name}'{hint} known: {', '.join(known) or 'none'}"
