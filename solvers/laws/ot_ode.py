"""Laws of OT-ODE; its form through the score is PiGDM's at other levels."""

from functools import partial
from itertools import pairwise, product

import numpy as np
import torch

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
from bench.exact.laws.mutant import HALF, Mutant
from bench.exact.laws.problems import F64, Case, StartingAt, problem, streams
from bench.exact.prior import dense
from solvers.laws.flows import FlowTimes, flow_denoiser
from solvers.pigdm import PiGDM


def recursion(p: recursions.Affine, n: int, tau0: float, weight: str, start: str) -> recursions.Moments:
    """The velocity of x0hat moved by K^T S (r^2 S^2 + sigma^2)^-1 (y - S x0hat), coordinate by coordinate."""
    seen = p.s > 0
    image = p.s * p.y if start == "adjoint" else np.where(seen, p.y / np.where(seen, p.s, 1), 0)
    mean, cov = tau0 * image, (1 - tau0) ** 2 * np.eye(4)
    for tau, later in pairwise(tau0 + (1 - tau0) * np.arange(n + 1) / n):
        K, b = flow_denoiser(p, tau)
        size2 = tau**2 + (1 - tau) ** 2
        w = 1.0 if weight == "constant" else np.sqrt(tau / size2)
        gain = K.T @ np.diag(w * (1 - tau) ** 2 / tau * p.s / ((1 - tau) ** 2 / size2 * p.s**2 + p.sigma**2))
        K, b = K - gain @ np.diag(p.s) @ K, b + gain @ (p.y - p.s * b)
        step = (later - tau) / (1 - tau)
        F = (1 - step) * np.eye(4) + step * K
        mean, cov = F @ mean + step * b, F @ cov @ F.T
        yield mean, cov


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance, for both weights and both starts."""
    errors = []
    runs = product(("unit", "skew"), (0.3, 1.0), (("constant", "pinv"), ("gamma_t", "adjoint")))
    for prior, sigma, (weight, start) in runs:
        case = problem(prior, sigma, dtype)
        solver = cls(steps=10, tau0=0.2, weight=weight, start=start)
        moments = recursion(case.affine, 10, 0.2, weight, start)
        errors.append(recursion_error(case, solver, moments))
    return worst(errors)


def oracle_error(cls: SolverClass) -> float:
    """On N(m, I) the path is that of the exact posterior's own flow, from the same start."""
    errors = []
    for sigma, tau0 in product((0.1, 0.3, 1.0), (0.05, 0.3)):
        case = problem("unit", sigma)
        path = case.path(cls(steps=20, tau0=tau0), streams(4))
        oracle = case.prior.posterior(case.y, case.A, sigma)
        x = tau0 * case.A.pinv(case.y) + (1 - tau0) * streams(4).new((4,))
        for got, (tau, later) in zip(path, pairwise(tau0 + (1 - tau0) * np.arange(21) / 20), strict=True):
            size = float(np.hypot(tau, 1 - tau))
            x0 = oracle.denoise(x / size, oracle.schedule.at((1 - tau) / tau))
            e = (x - tau * x0) / (1 - tau)
            x = later * x0 + (1 - later) * e
            errors.append(gap(got, x))
    return worst(errors)


def pigdm_error(cls: SolverClass) -> float:
    """The path is that of PiGDM with the score's coefficient and eta 0, from the same start at flow times."""
    errors, tau0 = [], 0.2
    taus = torch.from_numpy(tau0 + (1 - tau0) * np.arange(1, 21) / 20).view(-1, 1, 1)
    for name, sigma in product(("skew", "mixture"), (0.1, 1.0)):
        case = problem(name, sigma)
        prior = case.prior.on(FlowTimes(start=tau0))
        first, *_ = prior.schedule.levels(20)
        start = (case.A.pinv(case.y) + first.sigma * streams(4).new((4,))) / first.std
        pigdm = PiGDM(steps=20, eta=0.0, coefficient="score", clip=False)
        path = case.path(pigdm, StartingAt(start, streams(4)), prior)
        errors.append(gap(case.path(cls(steps=20, tau0=tau0), streams(4), prior) / taus, path))
    return worst(errors)


def misfit(x: torch.Tensor, case: Case, tau: float) -> torch.Tensor:
    """r^T (r_t^2 A A^T + sigma^2 I)^-1 r / 2 of the state at a time, (B, d) -> (B,)."""
    size, H = float(np.hypot(tau, 1 - tau)), dense(case.A)[0]
    inverse = torch.linalg.inv(((1 - tau) / size) ** 2 * H @ H.T + case.sigma**2 * torch.eye(2, dtype=F64))
    r = case.y - case.prior.denoise(x / size, case.prior.schedule.at((1 - tau) / tau)) @ H.T
    return 0.5 * ((r @ inverse) * r).sum(1)


def gradient_error(cls: SolverClass) -> float:
    """On a mixture, the first x0 moves by minus (1 - tau)^2 / tau times the gradient of the misfit."""
    errors, tau = [], 0.4
    for sigma in (0.1, 1.0):
        case = problem("mixture", sigma)
        step = next(cls(steps=4, tau0=tau).solve(case.measurement(16), case.prior, streams(16)))
        x = tau * case.A.pinv(case.y) + (1 - tau) * streams(16).new((4,))
        plain = case.prior.denoise(x / float(np.hypot(tau, 1 - tau)), case.prior.schedule.at((1 - tau) / tau))
        gradient = finite_difference(partial(misfit, case=case, tau=tau), x)
        errors.append(gap(step.x0 - plain, -((1 - tau) ** 2) / tau * gradient))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20))


LAWS = [
    Law(
        "law of every state",
        EXACT,
        moments_error,
        (
            "r of the variance-exploding form",
            "no Jacobian",
            "guidance without 1 / tau",
            "starts at A^T y everywhere",
            "one weight",
            "sigma not squared",
        ),
    ),
    Law(
        "the oracle's flow on N(m, I)",
        PATH,
        oracle_error,
        ("the other weight", "r of the variance-exploding form", "no Jacobian", "level off by one"),
    ),
    Law(
        "guidance on a mixture, finite differences",
        DIFFERENCE,
        gradient_error,
        ("no Jacobian", "pulled to the network's coordinates", "guidance without 1 / tau"),
    ),
    Law(
        "path of PiGDM at flow times",
        PATH,
        pigdm_error,
        ("no Jacobian", "guidance without 1 / tau", "the other weight"),
    ),
    Law("image alone = image in a batch", PATH, alone_error, ("residual of the whole batch",)),
    Law(
        "law, float32",
        SINGLE,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

MUTANTS = [
    Mutant("the other weight", 'self.weight == "constant"', 'self.weight != "constant"'),
    Mutant("one weight", 'if self.weight == "constant"', "if True"),
    Mutant("r of the variance-exploding form", "t.variance", "t.level.ratio ** 2"),
    Mutant("no Jacobian", "t.scale * pull_x0(u)", "t.tau * u"),
    Mutant("pulled to the network's coordinates", "t.scale * pull_x0(u)", "pull_x0(u)"),
    Mutant("guidance without 1 / tau", "(1 - t.tau) ** 2 / t.tau", "(1 - t.tau) ** 2"),
    Mutant("starts at A^T y everywhere", 'if self.start == "adjoint"', "if True"),
    Mutant("sigma not squared", "sigma**2 /", "sigma /"),
    Mutant("level off by one", "t.scale * x, t.level", "s.scale * x, s.level"),
    Mutant("residual of the whole batch", "y - A(x0), damping", "(y - A(x0)).mean(0).expand_as(y), damping"),
    HALF,
]
