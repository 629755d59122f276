"""Laws of DDNM and DDNM+; with eta_b = 1, DDRM is an independent implementation of the latter."""

from collections.abc import Iterator
from functools import partial
from itertools import product

import torch
from torch import Tensor

from bench.batch import Tally
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
from bench.exact.laws.limits import Limit, refreshed, unmeasured_variance
from bench.exact.laws.mutant import HALF, LAST_NOISE, LEVEL_OFF, ONE_NOISE, Mutant
from bench.exact.laws.problems import F64, StartingAt, problem, streams
from bench.prior import CountingPrior, Prior
from bench.schedule import Level
from solvers.ddnm import DDNM
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


class RecordingPrior(CountingPrior):
    """A prior that keeps the states it was asked about."""

    def __init__(self, prior: Prior) -> None:
        super().__init__(prior, Tally(4))
        self.states: list[Tensor] = []

    def moments(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None]:
        self.states.append(x.clone())
        return super().moments(x, t)


def ddrm_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """DDNM+ from the starting point of DDRM with eta_b = 1, with the same noise, takes the same path."""
    errors = []
    for prior, sigma, eta in product(("skew", "mixture"), (0.1, 1.0), (0.0, 0.85, 1.0)):
        case = problem(prior, sigma, dtype)
        recorder = RecordingPrior(case.prior)
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


def limits(steps: int) -> Iterator[Limit]:
    """The variance in unmeasured directions: every step refreshes eta^2 of the noise."""
    for eta, plus in product((0.0, 0.5, 0.85, 1.0), (True, False)):
        variance = unmeasured_variance(DDNM(steps, eta=eta, plus=plus), steps)
        name = "DDNM+" if plus else "DDNM"
        yield Limit(f"{name} eta = {eta:g}", variance, refreshed(eta**2), 10 / steps)


LAWS = [
    Law(
        "law of every state, DDNM",
        EXACT,
        moments_error,
        ("eps recomputed", "eta of the variance", "level off by one"),
    ),
    Law(
        "law of every state, DDNM+",
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
    Law("path of DDRM", PATH, ddrm_error, ("plus: eps in the wrong basis", "plus: threshold at t")),
    Law(
        "A x = y in the end, DDNM",
        PATH,
        consistency_error,
        ("no correction in the end", "correction by the adjoint", "noise in the last step"),
    ),
    Law("image alone = image in a batch", PATH, alone_error, ("one noise for the batch",)),
    Law(
        "law, DDNM, float32",
        SINGLE,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision",),
    ),
    Law(
        "path of DDRM, float32",
        SINGLE,
        partial(ddrm_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

MUTANTS = [
    Mutant("plus: threshold at t", "hidden = s.sigma > b", "hidden = t.sigma > t.alpha * sigma / S"),
    Mutant("plus: lam at t", "keep * s.sigma / b", "keep * t.sigma / b"),
    Mutant("plus: abar for alpha", "b = s.alpha * sigma", "b = s.alpha**2 * sigma"),
    Mutant("plus: eps in the wrong basis", "A.Vt(eps)", "eps"),
    Mutant("plus: noise not reduced", "s.sigma**2 - b * b", "s.sigma**2 + 0 * S"),
    Mutant("plus: y not divided by s", "A.Ut(y) / S", "A.Ut(y)"),
    Mutant("plus: fully corrected below the threshold", "torch.where(hidden, 1, keep * s.sigma / b)", "1"),
    Mutant(
        "plus: below the threshold as if unmeasured",
        "torch.where(seen, corrected",
        "torch.where(seen & hidden, corrected",
    ),
    Mutant(
        "plus: data consistency in the end",
        "yield Step(x, x0)",
        "yield Step(x if s.sigma else x0 - A.pinv(A(x0) - y), x0)",
    ),
    Mutant("eps recomputed", "keep * eps +", "keep * (x - t.alpha * x0) / t.sigma +"),
    Mutant("eta of the variance", "keep = (1 - self.eta**2) ** 0.5\n", "keep = (1 - self.eta) ** 0.5\n"),
    Mutant("correction by the adjoint", "A.pinv(A(x0) - y)", "A.adjoint(A(x0) - y)"),
    Mutant("no correction in the end", "x0 = x0 - A.pinv", "x0 = x0 - (s.sigma > 0) * A.pinv"),
    LEVEL_OFF,
    Mutant("noise in the last step", "self.eta * z)", "self.eta * z)" + LAST_NOISE),
    Mutant("one noise for the batch", "fresh_noise(noise, x, s)", "fresh_noise(noise, x, s)" + ONE_NOISE),
    HALF,
]
