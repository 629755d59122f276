"""Laws of SITCOM: its recursion, its optimum, its optimiser on a mixture, and its stop for each image."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise, product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.exact.laws import recursions
from bench.exact.laws.law import (
    DIFFERENCE,
    EXACT,
    PATH,
    SINGLE,
    Law,
    SolverClass,
    batch_error,
    finite_difference,
    gap,
    recursion_error,
    worst,
)
from bench.exact.laws.limits import Limit, refreshed, unmeasured_variance
from bench.exact.laws.mutant import Mutant
from bench.exact.laws.problems import F64, Case, problem, streams
from bench.exact.prior import dense
from solvers.sitcom import SITCOM

AFFINE: dict[str, Any] = {"optimiser": "gd", "clip": False, "stop": 0.0}
"""Settings with which a level is affine in its input."""


def recursion(p: recursions.Affine, n: int, iterations: int, lr: float, lam: float) -> recursions.Moments:
    """Gradient descent from the level's input, then all noise anew around E[x0 | w]."""
    one, mean, cov = np.eye(4), np.zeros(4), np.eye(4)
    for ab, au in pairwise(recursions.leading(n)):
        K, b = recursions.denoiser(p, ab)
        H, h = 2 * K.T @ np.diag(p.s**2) @ K, 2 * K.T @ (p.s * (p.y - p.s * b))
        F, G = one, np.zeros(4)
        for _ in range(iterations):
            F, G = F - lr * (H @ F + 2 * lam * (F - one)), G - lr * (H @ G + 2 * lam * G - h)
        F, G = np.sqrt(au) * K @ F, np.sqrt(au) * (K @ G + b)
        mean, cov = F @ mean + G, F @ cov @ F.T + (1 - au) * one
        yield mean, cov


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance by gradient descent."""
    errors = []
    for prior, sigma, lam in product(("unit", "narrow", "skew"), (0.3,), (0.0, 0.4)):
        case = problem(prior, sigma, dtype)
        moments = recursion(case.affine, 10, 4, 0.3, lam)
        solver = cls(steps=50, iterations=4, lr=0.3, lam=lam, **AFFINE)
        errors.append(recursion_error(case, solver, moments))
    return worst(errors)


def ridge_error(cls: SolverClass) -> float:
    """After many steps, w = x + (A K)^T (A K (A K)^T + lam I)^-1 (y - A E[x0 | x]), K = dx0/dx."""
    errors, lam = [], 0.5
    for name in ("unit", "skew"):
        case = problem(name, 0.3)
        p, x = case.affine, (streams(8).new((4,)) @ case.A.basis).numpy()
        K, b = recursions.denoiser(p, recursions.leading(2)[0])
        AK = np.diag(p.s) @ K
        gain = AK.T @ np.linalg.inv(AK @ AK.T + lam * np.eye(4))
        w = x + (p.y - p.s * (x @ K.T + b)) @ gain.T
        solver = cls(steps=2 * 401, iterations=400, lr=0.3, lam=lam, **AFFINE)
        step = next(solver.solve(case.measurement(8), case.prior, streams(8)))
        errors.append(gap(step.x0 @ case.A.basis, torch.from_numpy(w @ K.T + b)))
    return worst(errors)


def misfit(w: Tensor, case: Case, clip: bool) -> Tensor:
    """||y - A E[x0 | w]||^2 at level 500, (B, d) -> (B,)."""
    x0 = case.prior.denoise(w, case.prior.schedule.level(500))
    return (case.y - (x0.clamp(-1, 1) if clip else x0) @ dense(case.A)[0].T).square().sum(1)


def descended(case: Case, optimiser: str, clip: bool, lam: float, lr: float) -> Tensor:
    """The network's input after three steps of gradient descent or Adam, by finite differences."""
    x = w = streams(8).new((4,))
    m = v = torch.zeros_like(w)
    for k in (1, 2, 3):
        g = finite_difference(partial(misfit, case=case, clip=clip), w) + 2 * lam * (w - x)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        adam = m / (1 - 0.9**k) / ((v / (1 - 0.999**k)).sqrt() + 1e-8)
        w = w - lr * (adam if optimiser == "adam" else g)
    return w


def mixture_error(cls: SolverClass) -> float:
    """On a mixture, the first x0 after three steps of each optimiser."""
    errors, case = [], problem("mixture", 0.1)
    for optimiser, clip in product(("adam", "gd"), (False, True)):
        settings = {"iterations": 3, "lr": 0.05, "lam": 0.3, "optimiser": optimiser, "clip": clip}
        solver = cls(steps=8, stop=0.0, **settings)
        step = next(solver.solve(case.measurement(8), case.prior, streams(8)))
        x0 = case.prior.denoise(descended(case, optimiser, clip, 0.3, 0.05), case.prior.schedule.level(500))
        errors.append(gap(step.x0, x0.clamp(-1, 1) if clip else x0))
    return worst(errors)


def stop_error(cls: SolverClass) -> float:
    """Each image makes as many steps as a residual of 1.5 times that of noise needs, at most 6."""
    case, lr, stop = problem("unit", 0.3), 1.0, 1.5
    p, x = case.affine, (streams(16).new((4,)) @ case.A.basis).numpy()
    K, b = recursions.denoiser(p, recursions.leading(2)[0])
    solver = cls(steps=14, iterations=6, lr=lr, optimiser="gd", clip=False, stop=stop)
    step = next(solver.solve(case.measurement(16), case.prior, streams(16)))
    errors = []
    for i, w in enumerate(x):
        made = 0
        while np.linalg.norm(p.y - p.s * (K @ w + b)) > stop * p.sigma * 2**0.5 and made < 6:
            w = w + lr * 2 * K.T @ (p.s * (p.y - p.s * (K @ w + b)))
            made += 1
        errors.append(gap(step.x0[i] @ case.A.basis, torch.from_numpy(K @ w + b)))
        errors.append(abs(float(step.notes["updates"][i]) - made))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch, some of which stop."""
    return batch_error(problem("mixture", 0.3), cls(steps=50, iterations=4, clip=False))


def limits(steps: int) -> Iterator[Limit]:
    """The variance in unmeasured directions: all noise is fresh, so half of it is lost."""
    solver = SITCOM(steps=2 * steps, iterations=1, **AFFINE)
    yield Limit("SITCOM", unmeasured_variance(solver, 2 * steps), refreshed(1.0), 10 / steps)


LAWS = [
    Law(
        "law of every state, gradient descent",
        EXACT,
        moments_error,
        (
            "no Jacobian",
            "factor 2 lost",
            "anchored to 0",
            "x0 of the level's input",
            "DDIM step for fresh noise",
            "one step less",
            "noise in the last step",
        ),
    ),
    Law(
        "ridge regression in the input", EXACT, ridge_error, ("no Jacobian", "factor 2 lost", "anchored to 0")
    ),
    Law(
        "three steps on a mixture, finite differences",
        DIFFERENCE,
        mixture_error,
        ("no Jacobian", "factor 2 lost", "clip outside the graph", "one step less"),
    ),
    Law(
        "each image stops at its own residual",
        EXACT,
        stop_error,
        ("one stop for the batch", "stop of the squared residual", "one step less"),
    ),
    Law("image alone = image in a batch", PATH, alone_error, ("one stop for the batch",)),
    Law(
        "law, float32",
        SINGLE,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

YIELDED = "yield Step(x, x0,"
STOPS = "model.misfit(Ax0, y, A.measured) <= self.stop"

MUTANTS = [
    Mutant("no Jacobian", "t.std * pull_x0(", "t.std * ("),
    Mutant("factor 2 lost", "pull_A(2 * model", "pull_A(model"),
    Mutant("anchored to 0", "(w - start)[going]", "w[going]"),
    Mutant("x0 of the level's input", ".denoise(t.std * w[going], t)", ".denoise(t.std * start[going], t)"),
    Mutant("DDIM step for fresh noise", "s.sigma * noise.like(x0)", "s.sigma * (x - t.alpha * x0) / t.sigma"),
    Mutant("one step less", "range(min(self.iterations,", "range(min(self.iterations - 1,"),
    Mutant("one stop for the batch", STOPS, f"({STOPS}).all().expand(len(y))"),
    Mutant("stop of the squared residual", STOPS, STOPS.replace("<=", "** 2 <=")),
    Mutant(
        "clip outside the graph",
        "vjp_once(prior[going], t.std * w[going], t, self.clip)",
        "(lambda x0, *more: (x0.clamp(-1, 1) if self.clip else x0, *more))"
        "(*vjp_once(prior[going], t.std * w[going], t))",
    ),
    Mutant(
        "noise in the last step",
        "if s.sigma > 0 else x0\n",
        "if s.sigma > 0 else x0 + 0.01 * noise.like(x0)\n",
    ),
    Mutant("state in half precision", YIELDED, f"x = x.half().to(x)\n            {YIELDED}"),
]
