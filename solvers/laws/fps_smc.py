"""Laws of FPS-SMC: the recursion of one particle, and all particles by dense matrices."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product

import numpy as np
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

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
from bench.exact.laws.mutant import Mutant
from bench.exact.laws.problems import F64, Case, problem, streams
from bench.exact.prior import dense
from bench.noise import Noise
from bench.prior import Prior
from bench.solver import Measurement, Solver, Step
from solvers.fps_smc import FPSSMC


@dataclass(frozen=True)
class Single(Solver):
    """The only particle of a solver, as the state of a solver without particles."""

    steps: int
    solver: Solver

    def solve(self, measurement: Measurement, prior: Prior, noise: Noise) -> Iterator[Step]:
        for step in self.solver.solve(measurement, prior, noise):
            yield Step(step.x[:, 0], step.x0[:, 0])


def recursion(p: recursions.Affine, grid: np.ndarray, c: float) -> recursions.Moments:
    """The mean and covariance of x and y_t together, 4 coordinates each, from which those of x are read."""
    S, I4, O4 = np.diag(p.s), np.eye(4), np.zeros((4, 4))
    mean, cov = np.zeros(8), np.block([[I4, S], [S, S @ S]])
    for ab, au in pairwise(grid):
        K, b = recursions.denoiser(p, ab)
        k, q, w = np.sqrt((1 - c) * (1 - au) / (1 - ab)), c * (1 - au), au * p.sigma**2
        F, G = (np.sqrt(au) - k * np.sqrt(ab)) * K + k * I4, (np.sqrt(au) - k * np.sqrt(ab)) * b
        shift = (np.sqrt(au) - k * np.sqrt(ab)) * p.y
        gain = np.diag(q * p.s / (q * p.s**2 + w)) if q else O4
        held = I4 - gain @ S
        step = np.block([[held @ F, k * gain], [O4, k * I4]])
        mean = step @ mean + np.concatenate([held @ G + gain @ shift, shift])
        fresh = np.sqrt(q) * np.vstack([gain @ S, S])
        drawn = np.vstack([np.sqrt(q * held), O4])
        cov = step @ cov @ step.T + fresh @ fresh.T + drawn @ drawn.T
        yield mean[:4], cov[:4, :4]


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """One particle: every state's mean and covariance."""
    errors = []
    for prior, sigma, c in product(("unit", "skew"), (0.1, 0.3, 1.0), (0.5, 0.95, 1.0)):
        case = problem(prior, sigma, dtype)
        moments = recursion(case.affine, recursions.leading(10), c)
        solver = Single(10, cls(steps=10, particles=1, c=c))
        errors.append(recursion_error(case, solver, moments, draws=2))
    return worst(errors)


def systematic(log_w: Tensor, u: Tensor) -> Tensor:
    """Which particle has each place: that in whose share of the unit interval (place + u) / P lies."""
    ends = torch.cumsum((log_w - log_w.logsumexp(0)).exp(), 0)
    places = (torch.arange(len(log_w)) + u) / len(log_w)
    return (places[:, None] > ends).sum(1).clamp_max(len(log_w) - 1)


def dense_path(case: Case, n: int, P: int, c: float, noise: Noise) -> Iterator[tuple[Tensor, Tensor]]:
    """States and estimates of the particles of one image, (P, 4), with densities from torch."""
    H, levels, keep = dense(case.A)[0], case.prior.schedule.levels(n), (1 - c) ** 0.5
    x = noise.new((P, 4))[0]
    y_t = H @ x[0]
    x = x - (x @ H.T - y_t) @ torch.linalg.pinv(H).T
    for t, s in pairwise(levels):
        x0 = case.prior.denoise(x, t)
        mu = s.alpha * x0 + keep * s.sigma * (x - t.alpha * x0) / t.sigma
        y_t = s.alpha * case.y[0] + keep * s.sigma / t.sigma * (y_t - t.alpha * case.y[0])
        q, w = c * s.sigma**2, (s.alpha * case.sigma) ** 2
        if q:
            y_t = y_t + q**0.5 * H @ noise.new((4,))[0]
        density = MultivariateNormal(mu @ H.T, q * H @ H.T + w * torch.eye(2, dtype=F64))
        kept = systematic(density.log_prob(y_t), noise.uniform(())[0])
        x, x0 = mu[kept], x0[kept]
        if q:
            precision = torch.eye(4, dtype=F64) / q + H.T @ H / w
            e, V = torch.linalg.eigh(precision)
            mean = torch.linalg.solve(precision, (x / q + y_t @ H / w).T).T
            x = mean + noise.new((P, 4))[0] @ V @ torch.diag(e**-0.5) @ V.T
        yield x, x0


def particles_error(cls: SolverClass) -> float:
    """All particles and their estimates, by dense matrices and torch's normal density; two images."""
    errors = []
    for prior, sigma, c in product(("skew", "mixture"), (0.3, 1.0), (0.5, 0.95)):
        case = problem(prior, sigma)
        steps = cls(steps=8, particles=6, c=c).solve(case.measurement(2), case.prior, streams(2))
        paths = [dense_path(case, 8, 6, c, streams(2)[i : i + 1]) for i in range(2)]
        for step, first, second in zip(steps, *paths, strict=True):
            for image, (x, x0) in enumerate((first, second)):
                errors += [gap(step.x[image], x), gap(step.x0[image], x0)]
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.3), cls(steps=20, particles=4))


def limits(steps: int) -> Iterator[Limit]:
    """The variance of one particle in unmeasured directions: every step refreshes a share c of the noise."""
    for c in (0.5, 0.72, 0.95, 1.0):
        solver = Single(steps, FPSSMC(steps, particles=1, c=c))
        variance = unmeasured_variance(solver, 2 * steps + 1)
        yield Limit(f"FPS-SMC c = {c:g}", variance, refreshed(c), 10 / steps)


LAWS = [
    Law(
        "law of every state, one particle",
        EXACT,
        moments_error,
        (
            "noise of y without alpha",
            "all noise fresh in the draw",
            "y of level t",
            "draw not narrowed",
            "eta in place of c",
        ),
    ),
    Law(
        "all particles, by dense matrices",
        PATH,
        particles_error,
        (
            "weights without the spread of x",
            "weights of x0",
            "others start apart from y_T",
            "noise of y without alpha",
        ),
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
    Mutant("noise of y without alpha", "(s.alpha * per_image(sigma, x)) ** 2", "per_image(sigma, x) ** 2"),
    Mutant("all noise fresh in the draw", "self.c * s.sigma**2", "s.sigma**2"),
    Mutant(
        "y of level t",
        "y_s = s.alpha * y + keep * s.sigma / t.sigma * (y_t - t.alpha * y)",
        "y_s = t.alpha * y + keep * (y_t - t.alpha * y)",
    ),
    Mutant("draw not narrowed", "A.V(left * z)", "A.V(z)"),
    Mutant("eta in place of c", "(1 - self.c) ** 0.5", "1 - self.c"),
    Mutant("weights without the spread of x", "variance = q *", "variance = 0 *"),
    Mutant("weights of x0", "A.Ut(y_s - A(mu))", "A.Ut(y - A(x0))"),
    Mutant("others start apart from y_T", "x = x - A.pinv(A(x) - y_t)", "pass"),
    Mutant(
        "one noise for the batch",
        "z = A.Vt(noise.new((P, *prior.shape)).",
        "z = A.Vt(noise.new((P, *prior.shape))[:1].expand(B, P, *prior.shape).",
    ),
    Mutant(
        "state in half precision",
        "            yield Step(x.unflatten",
        "            x = x.half().to(x)\n            yield Step(x.unflatten",
    ),
]
