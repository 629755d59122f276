"""Laws of DDNM and DDNM+; with eta_b = 1, DDRM is an independent implementation of the latter."""

from collections import Counter
from functools import partial
from itertools import product

import torch
from torch import Tensor

from bench.exact.laws import recursions
from bench.exact.laws.law import (
    EXACT,
    PATH,
    SINGLE,
    Law,
    SolverClass,
    batch_error,
    gap,
    recursion_error,
    worst,
)
from bench.exact.laws.problems import F64, StartingAt, problem, streams
from bench.prior import CountingPrior, Prior
from bench.schedule import Level
from solvers.ddrm import DDRM


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """DDNM: every state's mean and covariance, without noise in y and ignoring it."""
    errors = []
    for prior, (sigma, plus), eta in product(("unit", "skew"), ((0.0, True), (0.1, False)), (0.0, 0.85, 1.0)):
        case = problem(prior, sigma, dtype)
        moments = recursions.ddnm(case.affine, recursions.leading(10), eta)
        errors.append(recursion_error(case, cls(steps=10, eta=eta, plus=plus), moments))
    return worst(errors)


def plus_moments_error(cls: SolverClass) -> float:
    """DDNM+: every state's mean and covariance, the three cases of each coordinate included."""
    runs = [*product(("unit", "skew"), (0.1, 1.0), (0.0, 0.85, 1.0), (10,)), ("narrow", 0.1, 0.85, 100)]
    errors = []
    for prior, sigma, eta, n in runs:
        case = problem(prior, sigma)
        moments = recursions.ddnm_plus(case.affine, recursions.leading(n), eta)
        errors.append(recursion_error(case, cls(steps=n, eta=eta), moments))
    return worst(errors)


class Recorder(CountingPrior):
    """A prior that keeps the states it was asked about."""

    def __init__(self, prior: Prior) -> None:
        super().__init__(prior, Counter())
        self.states: list[Tensor] = []

    def moments(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None]:
        self.states.append(x.clone())
        return super().moments(x, t)


def ddrm_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """DDNM+ from the starting point of DDRM with eta_b = 1, with the same noise, takes the same path."""
    errors = []
    for prior, sigma, eta in product(("skew", "mixture"), (0.1, 1.0), (0.0, 0.85, 1.0)):
        case = problem(prior, sigma, dtype)
        recorder = Recorder(case.prior)
        other = case.path(DDRM(steps=20, eta=eta, eta_b=1.0), streams(4, dtype), recorder)
        noise = StartingAt(recorder.states[0], streams(4, dtype))
        errors.append(gap(case.path(cls(steps=20, eta=eta), noise), other))
    return worst(errors)


def consistency_error(cls: SolverClass) -> float:
    """DDNM's result satisfies A x = y, also where y is noisy."""
    errors = []
    for prior, (sigma, plus) in product(("skew", "mixture"), ((0.0, True), (0.1, False))):
        case = problem(prior, sigma)
        x = case.path(cls(steps=20, plus=plus), streams(8))[-1]
        errors.append(gap(case.A(x), case.y.expand(8, -1)))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return worst(batch_error(problem("mixture", 0.1), cls(steps=20, plus=plus)) for plus in (True, False))


LAWS = [
    Law(
        "law of every state, DDNM",
        "ddnm",
        EXACT,
        moments_error,
        ("eps recomputed", "eta of the variance", "level off by one"),
    ),
    Law(
        "law of every state, DDNM+",
        "ddnm",
        EXACT,
        plus_moments_error,
        (
            "plus: threshold at t",
            "plus: lam at t",
            "plus: abar for alpha",
            "plus: noise not reduced",
            "plus: y not divided by s",
            "plus: fully corrected below the threshold",
            "plus: below the threshold as if unmeasured",
            "plus: data consistency in the end",
        ),
    ),
    Law("path of DDRM", "ddnm", PATH, ddrm_error, ("plus: eps in the wrong basis", "plus: threshold at t")),
    Law(
        "A x = y in the end, DDNM",
        "ddnm",
        PATH,
        consistency_error,
        ("no correction in the end", "correction by the adjoint", "noise in the last step"),
    ),
    Law("image alone = image in a batch", "ddnm", PATH, alone_error, ("one noise for the batch",)),
    Law(
        "law, DDNM, float32",
        "ddnm",
        SINGLE,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision",),
    ),
    Law(
        "path of DDRM, float32",
        "ddnm",
        SINGLE,
        partial(ddrm_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]
