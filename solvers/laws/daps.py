"""Laws of DAPS: of the whole annealing, of its Langevin steps, and of what these approach."""

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
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
from bench.exact.laws.limits import SIGMA, Limit, unmeasured_variance
from bench.exact.laws.mutant import HALF, LAST_NOISE, Mutant
from bench.exact.laws.problems import F64, hadamard_noise, problem
from bench.exact.prior import ExactPrior
from bench.noise import Noise
from bench.schedule import Level
from bench.solver import Measurement, Solver, SVDOperator
from solvers.daps import DAPS


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance, Langevin steps included.

    Also where the ODE steps leave a remainder and sigma_max is clipped.
    """
    lr, tau, L = 0.002, 0.2, 6
    errors = []
    # Network evaluations, ODE steps, what they come to at each level, sigma_max and what is left of it.
    widths = (
        (4, 1, [1] * 4, 20.0, 20.0),
        (9, 4, [4, 5], 1e4, (1 / recursions.abars(np.array([999]))[0] - 1) ** 0.5),
    )
    for prior, spread, end, (n, ode, evaluations, high, clipped) in product(
        ("unit", "skew"), ("ratio", "variance"), ("clean", "noisy"), widths
    ):
        case, K = problem(prior, 0.1, dtype), len(evaluations)
        rates = lr * (1 - 0.9 * np.arange(K) / K)
        ratios = recursions.poly7(clipped, 0.3, K)
        how = recursions.Annealing(ratios, evaluations, end == "noisy", spread, tau, rates, L)
        settings = {"ode_steps": ode, "ode_end": end, "spread": spread, "langevin_steps": L, "tau": tau}
        solver = cls(steps=n, sigma_max=high, sigma_min=0.3, lr=lr, lr_min_ratio=0.1, **settings)
        errors.append(recursion_error(case, solver, recursions.daps(case.affine, how), draws=L + 1))
    return worst(errors)


def langevin(cls: SolverClass, steps: int, lr: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The last of the Langevin steps from one x0, in coordinates of V.

    Returns:
        off: (4,), its mean minus that of the target.
        var: (4,), its variance.
        start: (4,), x0 minus the mean of the target.
        precision: (4,), of the target.
    """
    case, tau, B = problem("unit", 0.1), 0.2, hadamard_noise(4 * steps)
    t, A = case.prior.schedule.at(0.3), case.A
    x0 = torch.tensor([0.1, -0.6, 0.4, 0.2], dtype=F64)
    solver: Any = cls(langevin_steps=steps, tau=tau)
    u = solver.inner(x0.expand(len(B), -1), t, lr, case.measurement(len(B)), B) @ A.basis
    precision = A.s[0] ** 2 / tau**2 + 1 / 0.3**2
    target = (A.s[0] * A.Ut(case.y)[0] / tau**2 + x0 @ A.basis / 0.3**2) / precision
    start = x0 @ A.basis - target
    return u.mean(0) - target, u.var(0, correction=0), start, precision


def langevin_error(cls: SolverClass) -> float:
    """After k steps the mean is off by (1 - lr p)^k times the start.

    The variance is (1 - (1 - lr p)^2k) / (p (1 - lr p / 2)).
    """
    errors = []
    for k, lr in ((1, 0.01), (20, 0.01), (20, 0.03)):
        off, var, start, p = langevin(cls, k, lr)
        shrink = (1 - lr * p) ** k
        errors += [gap(off, shrink * start), gap(var, (1 - shrink**2) / (p * (1 - lr * p / 2)))]
    return worst(errors)


def stationary_error(cls: SolverClass) -> float:
    """After many small steps the variance is that of N(u; x0, r^2 I) N(y; A u, tau^2 I): ratio 1."""
    _, var, _, p = langevin(cls, 400, 0.002)
    return float((var * p - 1).abs().max())


def exact_inner(
    self: Any, x0: Tensor, t: Level[float], _: float, measurement: Measurement[SVDOperator], noise: Noise
) -> Tensor:
    """One draw from what the Langevin steps approach, for an SVDOperator."""
    y, A = measurement.y, measurement.A
    pull = t.ratio**-2 if self.spread == "ratio" else 1 / t.variance
    precision = A.s**2 / self.tau**2 + pull
    mean = (A.s * A.Ut(y) / self.tau**2 + pull * A.Vt(x0)) / precision
    return A.V(mean + A.Vt(noise.like(x0)) / precision**0.5)


def ideal(cls: Any) -> type[Any]:
    """The class with its Langevin steps replaced by an exact draw: DAPS at its best."""
    return type(f"Ideal{cls.__name__}", (cls,), {"inner": exact_inner, "__doc__": cls.__doc__})


def posterior_error(cls: SolverClass) -> float:
    """The result is the exact posterior on N(m, I) with the exact r_t, tau = sigma and an exact inner draw.

    x0 is then the posterior mean.
    """
    errors = []
    for sigma in (0.1, 1.0):
        case, steps = problem("unit", sigma), 30
        solver = ideal(cls)(steps=steps, ode_steps=1, spread="variance", tau=sigma)
        x = case.path(solver, hadamard_noise(4 * (1 + 2 * steps)))[-1]
        posterior, centred = case.prior.posterior(case.y, case.A, sigma), x - x.mean(0)
        errors.append(gap(x.mean(0), posterior.mean[0]))
        errors.append(gap(centred.T @ centred / len(x), posterior.covariance[0]))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=10, langevin_steps=5))


def exact_flow(_self: Solver, x: Tensor, t: Level, prior: ExactPrior, _: int) -> Tensor:
    """The end of the probability-flow ODE for N(m, I), where it shrinks (x / alpha - m) to unit variance."""
    return prior.mean + (x / t.alpha - prior.mean) / (1 + t.ratio**2) ** 0.5


def limits(_: int) -> Iterator[Limit]:
    """The variance in unmeasured directions at DAPS's best: an exact ODE and an exact inner draw.

    It is at 200 levels, which are near enough to the limit.
    """
    levels = 200
    best = type("BestDAPS", (ideal(DAPS),), {"flow": exact_flow})
    variance = unmeasured_variance(best(steps=levels, ode_steps=1, tau=SIGMA), 2 * levels)
    yield Limit(f"DAPS, {levels} levels", variance, 2.0, 30 / levels)


LAWS = [
    Law(
        "law of every state",
        EXACT,
        moments_error,
        (
            "r_t = sigma_t / alpha_t everywhere",
            "constant lr",
            "ODE result not divided by alpha",
            "ODE ends where it should not",
            "remainder of the steps dropped",
            "starts at N(0, I)",
        ),
    ),
    Law(
        "law of the Langevin steps",
        EXACT,
        langevin_error,
        ("gradient without 1 / 2", "tau not squared", "r not squared", "noise of sqrt(lr)"),
    ),
    Law(
        "Langevin steps, stationary variance",
        0.05,
        stationary_error,
        ("gradient without 1 / 2", "prior term lost"),
    ),
    Law(
        "exact inner draw, N(m, I): the posterior",
        EXACT,
        posterior_error,
        ("renoised to level t", "noise in the last step"),
    ),
    Law("image alone = image in a batch", PATH, alone_error, ("one noise for the batch",)),
    Law(
        "law, float32",
        SINGLE,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

MUTANTS = [
    Mutant(
        "r_t = sigma_t / alpha_t everywhere",
        't.ratio if self.spread == "ratio" else t.variance**0.5',
        "t.ratio",
    ),
    Mutant("gradient without 1 / 2", "pull(model.residual(Au, y)) /", "2 * pull(model.residual(Au, y)) /"),
    Mutant("tau not squared", "self.tau**2", "self.tau"),
    Mutant("r not squared", "/ r**2", "/ r"),
    Mutant("prior term lost", "+ (x0 - u) / r**2", ""),
    Mutant("noise of sqrt(lr)", "(2 * lr) ** 0.5", "lr**0.5"),
    Mutant("constant lr", "(1 + k / anneals * (self.lr_min_ratio - 1))", "1"),
    Mutant("renoised to level t", "s.sigma * noise.like(x0) if", "t.sigma * noise.like(x0) if"),
    Mutant("noise in the last step", "if s.sigma > 0 else x0", "if s.sigma > 0 else x0" + LAST_NOISE),
    Mutant("ODE result not divided by alpha", " / levels[-1].alpha", ""),
    Mutant("ODE ends where it should not", 'self.ode_end == "noisy"', 'self.ode_end != "noisy"'),
    Mutant(
        "remainder of the steps dropped",
        "self.flow(x, t, prior, evaluations)",
        "self.flow(x, t, prior, self.ode_steps)",
    ),
    Mutant("starts at N(0, I)", "levels[0].sigma * noise", "noise"),
    Mutant("one noise for the batch", "noise.like(u)", "noise.like(u)[:1].expand_as(u)"),
    HALF,
]
