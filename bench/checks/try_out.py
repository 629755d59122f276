"""A first try of a user's operator, before a run is planned on it."""

import torch

from bench.operators.base import Operator, check_kind

ADVICE = "`python -m bench check` on it says more"


def try_out(A: Operator) -> None:
    """Measures one image and asks for all that a run asks for, so that faults are told before a run.

    Raises:
        ValueError: an exception, or a measurement of another shape or kind than the operator says.
    """
    name = type(A).__name__
    try:
        y = A(torch.full((1, *A.shape), 0.5, dtype=torch.float64))
        shown = A[:1].display(y)
        A.conventions()
        A.parameters()
        A.to(dtype=torch.float32)
        is_picture = len(A.shape) != 3 or (shown.ndim == 4 and shown.shape[1] in {1, 3})
    except Exception as error:
        raise ValueError(f"{name} raised {type(error).__name__}: {error}; {ADVICE}") from error
    shape, expected = tuple(y.shape), (1, *A.out_shape)
    if shape != expected:
        raise ValueError(f"{name}.forward gave {shape}, expected (B, *out_shape) = {expected}; {ADVICE}")
    check_kind(A, y)
    if not is_picture:
        raise ValueError(f"{name}.display(y) must be an image of 1 or 3 channels, (B, C, H', W'); {ADVICE}")
