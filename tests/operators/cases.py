"""Every operator that `make_operator` knows, in some variants; a new operator is found by itself."""

import copy
from functools import cache

import numpy as np
import pytest
import torch

from bench.operators import OPERATORS, make_operator
from bench.operators.base import LinearOperator, Operator, SVDOperator, real_parts
from tests.supplied import MADE

SHAPE, B = (3, 16, 12), 3


SHAPES = {
    "compressed_sensing": (3, 8, 16),
    "jpeg": (3, 16, 32),
    "blur_nonlinear": (3, 128, 128),
    "mri": (3, 10, 20),
}


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
    ("mri", {"coils": 1, "acceleration": 3.0}),
    ("mri", {"coils": 1, "mask": "radial"}),
    ("mri", {"coils": 3, "mask": "radial", "acceleration": 3.0}),
    ("ct", {"angles": [0.0, 17.0, 90.0, 200.0]}),
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
    y = randn(len(A), *A.out_shape, seed=seed)
    return torch.complex(y, randn(len(A), *A.out_shape, seed=seed + 50)) if A.complex_valued else y


def exact(A: LinearOperator) -> LinearOperator:
    """The same operator; where its pseudo-inverse is iterative, run to the end."""
    if isinstance(A, SVDOperator):
        return A
    A = copy.copy(A)
    A.rcond, A.max_iterations = 1e-13, 5000
    return A


@cache
def dense(case: int) -> torch.Tensor:
    """(B, m, n), by applying A to unit vectors; two rows for each complex entry of y."""
    A = build(case)
    n = int(np.prod(A.shape))
    unit = torch.eye(n, dtype=torch.float64).view(n, *A.shape)
    columns = A.repeat_interleave(n)(unit.repeat(B, *(1 for _ in A.shape)))
    return real_parts(columns).view(B, n, -1).mT


def close(a: torch.Tensor, b: torch.Tensor, tol: float = 1e-11) -> None:
    torch.testing.assert_close(a, b, rtol=tol, atol=tol)


def cases(rung: type) -> pytest.MarkDecorator:
    chosen = [i for i in range(len(CASES)) if isinstance(build(i), rung)]
    names = [
        "-".join([CASES[i][0], *(f"{k}={v}" for k, v in CASES[i][1].items() if k != "matrix")])
        for i in chosen
    ]
    return pytest.mark.parametrize("case", chosen, ids=names)
