"""Laws of RED-diff. Adam is not affine, so the laws run plain gradient descent; Adam is the library's."""

from collections.abc import Callable
from functools import partial
from itertools import product

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
from bench.exact.laws.mutant import Mutant
from bench.exact.laws.problems import F64, Case, FlatSchedule, hadamard_noise, problem, streams
from bench.exact.prior import dense
from bench.operators.matrices import Matrix
from bench.solver import Measurement

WEIGHTS: dict[str, Callable[[float], float]] = {
    "linear": lambda q: q,
    "sqrt": np.sqrt,
    "square": lambda q: q * q,
    "log": lambda q: np.log(1 + q),
    "trunc_linear": lambda q: min(q, 1),
    "const": lambda _: 1,
}


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance, descending the leading grid."""
    errors = []
    for prior, n in product(("unit", "skew"), (20, 100)):
        case = problem(prior, 0.1, dtype)
        solver = cls(steps=n, lr=0.2, lam=2.0, loss="mean", weighting="linear", optimiser="sgd")
        moments = recursions.red_diff(case.affine, recursions.leading(n), 0.2, 2.0)
        errors.append(recursion_error(case, solver, moments))
    return worst(errors)


def closed_gradient(
    case: Case, x: Tensor, eps: Tensor, ab: float, factor: float, means: tuple[int, int]
) -> Tensor:
    """The gradient factor (s S^-1 (a (x - m) + s eps) - eps) / d - A^T (y - A x) / n.

    S = a^2 C + s^2 I and (d, n) = means.
    """
    cov, H, a, s = case.prior.covariance[0], dense(case.A)[0], ab**0.5, (1 - ab) ** 0.5
    S = a * a * cov + s * s * torch.eye(4, dtype=F64)
    eps_hat = s * torch.linalg.solve(S, (a * (x - case.prior.mean) + s * eps).T).T
    return factor * (eps_hat - eps) / means[0] - (case.y - x @ H.T) @ H / means[1]


def gradient_error(cls: SolverClass) -> float:
    """Each stochastic gradient along a path of known noise is its closed form at mu + sigma_x0 z.

    For all weights, both losses, and with a spread.
    """
    errors, lr, lam, case = [], 0.2, 2.0, problem("skew", 0.1)
    runs = [*product(WEIGHTS, ("mean",), (0.0,)), ("linear", "sum", 0.0), ("linear", "mean", 0.3)]
    for weighting, loss, spread in runs:
        how = {"weighting": weighting, "loss": loss, "sigma_x0": spread, "optimiser": "sgd"}
        solver = cls(steps=10, lr=lr, lam=lam, **how)
        means = (4, 2) if loss == "mean" else (1, 1)
        noise, mu = streams(8), case.A.repeat_interleave(8).pinv(case.y.expand(8, -1))
        for state, ab in zip(case.path(solver, streams(8)), recursions.leading(10), strict=False):
            x = mu + spread * noise.new((4,)) if spread else mu
            factor = lam * WEIGHTS[weighting](((1 - ab) / ab) ** 0.5)
            expected = closed_gradient(case, x, noise.new((4,)), ab, factor, means)
            errors.append(gap((mu - state) / lr, expected))
            mu = state
    return worst(errors)


def random_level_error(cls: SolverClass) -> float:
    """Each image's gradient at random levels is the closed form at one of them, and all levels occur."""
    lr, lam, case, images = 0.2, 2.0, problem("skew", 0.1), 64
    how = {"timesteps": "random", "loss": "mean", "weighting": "linear", "optimiser": "sgd"}
    solver = cls(steps=5, lr=lr, lam=lam, **how)
    noise, mu = streams(images), case.A.repeat_interleave(images).pinv(case.y.expand(images, -1))
    grid, errors = recursions.leading(5)[:-1], []
    seen: set[int] = set()
    for state in case.path(solver, streams(images)):
        noise.uniform(())
        eps = noise.new((4,))
        closed = [closed_gradient(case, mu, eps, ab, lam * ((1 - ab) / ab) ** 0.5, (4, 2)) for ab in grid]
        error, level = (torch.stack(closed) - (mu - state) / lr).abs().amax(2).min(0)
        errors.append(error.max())
        seen |= set(level.tolist())
        mu = state
    return worst(errors) if len(seen) == len(grid) else float("inf")


class StartAt(Matrix):
    """A matrix operator that proposes a given starting image."""

    start: Tensor

    def guess(self, y: Tensor) -> Tensor:
        return self.start.expand(len(y), -1).clone()

    @classmethod
    def of(cls, A: Matrix, start: Tensor) -> "StartAt":
        other = cls(A.shape, A.seeds, A.matrix)
        other.start = start
        return other


def mean_gradient(
    cls: SolverClass, case: Case, index: int, lam: float, weighting: str, start: Tensor
) -> Tensor:
    """The expected gradient at ``start`` at one level, (d,).

    It is the mean of one step under Hadamard noise, which is exact.
    """
    prior = case.prior._with(schedule=FlatSchedule(index=index))
    solver = cls(steps=1, lr=0.1, lam=lam, weighting=weighting, loss="mean", optimiser="sgd")
    noise = hadamard_noise(8)
    A = StartAt.of(case.A.repeat_interleave(len(noise)), start)
    (step,) = solver.solve(Measurement(case.y.expand(len(noise), -1), A, case.sigma), prior, noise)
    return (start - step.x.mean(0)) / 0.1


def smoothed_map(case: Case, index: int) -> Tensor:
    """The mode of the posterior when the prior is N(m, C + sbar_t^2 I), (d,)."""
    t, H = case.prior.schedule.level(index), dense(case.A)[0]
    precision = torch.linalg.inv(case.prior.covariance[0] + t.ratio**2 * torch.eye(4, dtype=F64))
    h = precision @ case.prior.mean[0] + H.T @ case.y[0] / case.sigma**2
    return torch.linalg.solve(precision + H.T @ H / case.sigma**2, h)


def map_weight(case: Case, index: int) -> float:
    """The constant weight (d / m) sigma^2 alpha / sigma_t with which the fixed point is a MAP estimate."""
    return 4 / 2 * case.sigma**2 / case.prior.schedule.level(index).ratio


def fixed_point_error(cls: SolverClass) -> float:
    """The expected gradient with the published weight vanishes at (H + P)^-1 (P m + A^T y / m).

    H = A^T A / m and P = (lam / d) w s a S^-1.
    """
    errors, lam = [], 0.25
    for prior, index in product(("unit", "skew"), (50, 500)):
        case = problem(prior, 0.1)
        t, H = case.prior.schedule.level(index), dense(case.A)[0]
        S = t.alpha**2 * case.prior.covariance[0] + t.sigma**2 * torch.eye(4, dtype=F64)
        P = lam / 4 * t.ratio * t.sigma * t.alpha * torch.linalg.inv(S)
        fixed = torch.linalg.solve(H.T @ H / 2 + P, P @ case.prior.mean[0] + H.T @ case.y[0] / 2)
        errors.append(mean_gradient(cls, case, index, lam, "linear", fixed).abs().max())
    return worst(errors)


def smoothed_map_error(cls: SolverClass) -> float:
    """The fixed point with the constant weight (d / m) sigma^2 a / s is the smoothed prior's MAP estimate."""
    errors = []
    for prior, index, sigma in product(("unit", "skew"), (50, 500), (0.1, 1.0)):
        case = problem(prior, sigma)
        start = smoothed_map(case, index)
        errors.append(mean_gradient(cls, case, index, map_weight(case, index), "const", start).abs().max())
    return worst(errors)


def true_map_error(cls: SolverClass) -> float:
    """That fixed point at t = 0 is the prior's own MAP estimate, but for the schedule's smallest noise."""
    case = problem("unit", 0.1)
    H, start = dense(case.A)[0], case.prior.posterior(case.y, case.A, case.sigma).mean[0]
    gradient = mean_gradient(cls, case, 0, map_weight(case, 0), "const", start)
    # The iteration is affine: one Newton step from the MAP estimate lands on its fixed point.
    t = case.prior.schedule.level(0)
    P = case.sigma**2 / 2 * torch.linalg.inv(case.prior.covariance[0] + t.ratio**2 * torch.eye(4, dtype=F64))
    return float(torch.linalg.solve(H.T @ H / 2 + P, gradient).abs().max())


def returned_error(cls: SolverClass) -> float:
    """``before_last`` yields the iterate at which the gradient was taken: the same path, one step late."""
    case = problem("skew", 0.1)
    last = case.path(cls(steps=10, returned="last"), streams(8))
    late = case.path(cls(steps=10, returned="before_last"), streams(8))
    return gap(late[1:], last[:-1])


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch, with Adam and with random levels."""
    case = problem("mixture", 0.1)
    descending = batch_error(case, cls(steps=20, timesteps="descending"))
    random = batch_error(case, cls(steps=20, timesteps="random"))
    return worst([descending, random])


LAWS = [
    Law(
        "law of every state, gradient descent",
        EXACT,
        moments_error,
        ("weight alpha / sigma", "sign of the prior", "sum for mean", "data gradient without 1 / 2"),
    ),
    Law(
        "stochastic gradient, closed form",
        PATH,
        gradient_error,
        ("backpropagation through the denoiser", "weight alpha / sigma"),
    ),
    Law("random levels, closed form", PATH, random_level_error, ("noisiest level never drawn",)),
    Law(
        "fixed point at one level",
        EXACT,
        fixed_point_error,
        ("weight alpha / sigma", "sign of the prior"),
    ),
    Law(
        "fixed point is the smoothed prior's MAP",
        EXACT,
        smoothed_map_error,
        ("sum for mean", "sign of the prior"),
    ),
    Law(
        "fixed point at t = 0 is the MAP estimate",
        1e-3,
        true_map_error,
        ("sum for mean", "sign of the prior"),
    ),
    Law("iterate before the last step", EXACT, returned_error, ("state returned by reference",)),
    Law("image alone = image in a batch", PATH, alone_error, ("mean over the batch",)),
    Law(
        "law, float32",
        SINGLE,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

MUTANTS = [
    Mutant("weight alpha / sigma", "self.w(t.ratio)", "self.w(1 / t.ratio)"),
    Mutant("sign of the prior", "(eps_hat - eps)", "(eps - eps_hat)"),
    Mutant("sum for mean", "(mu[0].numel(), A.size(y))", "(1, 1)"),
    Mutant("data gradient without 1 / 2", "model.residual(Ax0, y) / m", "2 * model.residual(Ax0, y) / m"),
    Mutant(
        "backpropagation through the denoiser",
        "(eps_hat - eps)",
        "(eps_hat - eps + (x0 - t.alpha * prior.vjp(x, t)[1](x0)) / t.ratio)",
    ),
    Mutant("state returned by reference", "else mu.clone()", "else mu"),
    Mutant("noisiest level never drawn", "draw_level(levels, ", "draw_level(levels[1:], "),
    Mutant(
        "mean over the batch",
        "pull_A(model.residual(Ax0, y) / m)",
        "pull_A(model.residual(Ax0, y) / m).mean(0)",
    ),
    Mutant("state in half precision", "x0 = mu + self", "mu = mu.half().to(mu)\n            x0 = mu + self"),
]
