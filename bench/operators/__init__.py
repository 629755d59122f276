"""Measurement operators, by family; `base` holds the ladder, `make_operator` builds by name.

>>> import torch
>>> A = make_operator("inpaint_random", (1, 8, 8), seeds=[0, 1], p=0.75)
>>> x = torch.ones(2, 1, 8, 8, dtype=torch.float64)
>>> A(x).flatten(1).sum(1)
tensor([16., 16.], dtype=torch.float64)
>>> list(operator_parameters("inpaint_random"))
['p']
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Annotated, Any, Literal

from annotated_types import Gt, Lt
from pydantic import ValidationError

from bench.names import nearest
from bench.operators.base import Operator
from bench.operators.compression import JPEG, Quantise
from bench.operators.convolution import BlurCircular, BlurMotion
from bench.operators.kernels import Std
from bench.operators.masks import Denoise, InpaintBox, InpaintRandom, inpaint_freeform
from bench.operators.matrices import CompressedSensing, Matrix, RandomMatrix
from bench.operators.means import Grey, SRAverage
from bench.operators.medical import CT, mri
from bench.operators.nonlinear import HDR, PhaseRetrieval, blur_nonlinear
from bench.operators.separable import BlurGauss, BlurUniform, SRBicubic
from bench.system.code.user_code import is_user_code, load_class
from bench.system.gate import conform, reason, short

__all__ = ["OPERATORS", "make_operator", "operator_name", "operator_parameters"]

Boundary = Literal["reflect", "circular"]
Taps = Annotated[int, Gt(0)] | None
Cutoff = Annotated[float, Gt(0), Lt(1)]


def blur_gauss(
    shape: Sequence[int],
    seeds: Sequence[int],
    std: Std | None = None,
    taps: Taps = None,
    boundary: Boundary = "reflect",
    rcond: Cutoff = 1e-3,
) -> Operator:
    """`BlurGauss`, or the same kernel in a `BlurCircular`."""
    if boundary == "circular":
        return BlurCircular(shape, seeds, "gauss", std, taps, rcond)
    return BlurGauss(shape, seeds, std, taps, rcond)


def blur_uniform(
    shape: Sequence[int],
    seeds: Sequence[int],
    taps: Taps = None,
    boundary: Boundary = "reflect",
    rcond: Cutoff = 1e-3,
) -> Operator:
    """`BlurUniform`, or the same kernel in a `BlurCircular`."""
    if boundary == "circular":
        return BlurCircular(shape, seeds, "uniform", None, taps, rcond)
    return BlurUniform(shape, seeds, taps, rcond)


def blur_motion(
    shape: Sequence[int],
    seeds: Sequence[int],
    taps: Taps = None,
    boundary: Boundary = "reflect",
    rcond: Cutoff = 1e-2,
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
    "mri": mri,
    "ct": CT,
}
"""Every operator by its name in tasks; called as (shape, seeds, **parameters)."""


def make_operator(name: str, shape: Sequence[int], seeds: Sequence[int], **params: Any) -> Operator:
    """The operator of a batch, float64 on the CPU (move it with ``.to(device, dtype)``).

    Args:
        name: a key of OPERATORS, or ``pkg.mod:Class``, ``file.py:Class`` or ``file.py`` of a user's
            `Operator`.
        shape: of one image, (C, H, W), or (d,) for vectors.
        seeds: one per image; masks and kernels are functions of them.
        params: see `operator_parameters`.

    Raises:
        ValueError: the name or a parameter is unknown, missing or out of range, the operator does not fit the
            shape, or a file that the user has to supply is not there; or a user's constructor raises.
    """
    checked = check_parameters(name, params)
    try:
        return _maker(name)(shape, seeds, **checked)
    except Exception as error:
        if isinstance(error, ValueError) or not is_user_code(name):
            raise
        raise ValueError(f"operator '{name}': {type(error).__name__}: {error}") from error


def check_parameters(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an operator in their declared types, see `bench.system.gate.conform`.

    Raises:
        ValueError: the name or a parameter is unknown, missing or out of range.
    """
    accepted, checked = operator_parameters(name), {}
    for key, value in params.items():
        if key not in accepted:
            raise ValueError(f"unknown parameter of operator '{name}' '{key}'{nearest(key, accepted)}")
        try:
            checked[key] = conform(accepted[key].annotation, value)
        except ValidationError as error:
            why = reason(error).removeprefix("Input ")
            raise ValueError(f"operator '{name}': {key} = {short(value)} {why}") from None
    needed = [key for key, parameter in accepted.items() if parameter.default is parameter.empty]
    missing = [key for key in needed if key not in params]
    if missing:
        raise ValueError(f"operator '{name}' needs {', '.join(missing)}")
    return checked


def operator_parameters(name: str) -> dict[str, inspect.Parameter]:
    """What an operator accepts beside shape and seeds, by name.

    ``.annotation`` includes the range, ``.default`` may be empty.

    Raises:
        ValueError: no such operator.
    """
    make = _maker(name)
    fixed = {"shape", "seeds", *(make.keywords if isinstance(make, partial) else ())}
    accepted = {}
    for key, parameter in inspect.signature(make, eval_str=True).parameters.items():
        if key not in fixed:
            unknown = parameter.annotation is parameter.empty
            accepted[key] = parameter.replace(annotation=Any) if unknown else parameter
    return accepted


def operator_name(name: str) -> str:
    """The operator's name in tables, keys and streams.

    A user's operator has the name of its class, wherever its file lies.

    Raises:
        ValueError: no such operator.
    """
    return _maker(name).__name__ if is_user_code(name) else name


def _maker(name: str) -> Callable[..., Operator]:
    if is_user_code(name):
        return _class(name)
    if name not in OPERATORS:
        known = nearest(name, OPERATORS)
        raise ValueError(f"unknown operator '{name}'{known}, or pkg.mod:Class, or file.py:Class")
    return OPERATORS[name]


@cache
def _class(name: str) -> type[Operator]:
    """A user's class, imported once, since every batch makes its operators anew."""
    return load_class(name, Operator)[0]
