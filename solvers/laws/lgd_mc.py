"""Laws of LGD-MC: its recursion, its gradients on a mixture, DPS without draws and PiGDM with many."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise, product
from typing import Any

import numpy as np
import torch
from scipy.stats import norm as normal
from torch import Tensor

from bench.batch import Images
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
from bench.exact.laws.mutant import CLIP_OUTSIDE, HALF, Mutant
from bench.exact.laws.problems import F64, Case, problem, streams
from bench.exact.prior import dense
from bench.noise import Noise
from bench.solver import Solver
from solvers.dps import DPS
from solvers.pigdm import PiGDM


class Given(Noise):
    """Draws that are given, (B, d) each, in their order."""

    def __init__(self, draws: Sequence[Tensor]) -> None:
        self.draws = list(draws)

    def __len__(self) -> int:
        return len(self.draws[0])

    def __getitem__(self, images: Images) -> "Given":
        return Given([draw[images] for draw in self.draws])

    def new(self, shape: Sequence[int]) -> Tensor:
        return self.draws.pop(0).clone()

    def uniform(self, shape: Sequence[int]) -> Tensor:
        raise NotImplementedError("only normals are given")


def drawn(n: int, batch: int = 8) -> list[Tensor]:
    """Draws of normals, (B, 4) each."""
    noise = streams(batch)
    return [noise.new((4,)) for _ in range(n)]


def recursion(p: recursions.Affine, n: int, draws: int, zeta: float) -> recursions.Moments:
    """DPS with the squared norm; the draws add the noise of their mean."""
    mean, cov = np.zeros(4), np.eye(4)
    for ab, au in pairwise(recursions.leading(n)):
        F, G = recursions.descend(p, ab, au, zeta)
        W = 2 * zeta * recursions.denoiser(p, ab)[0].T @ np.diag(p.s**2)
        fresh = recursions.ancestral_variance(ab, au, None) * np.eye(4)
        mean, cov = F @ mean + G, F @ cov @ F.T + (1 - ab) / draws * W @ W.T + fresh
        yield mean, cov


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance with the squared loss, for one draw and for several."""
    errors = []
    for prior, draws in product(("unit", "narrow", "skew"), (1, 3)):
        case = problem(prior, 0.3, dtype)
        moments = recursion(case.affine, 10, draws, 0.1)
        solver = cls(steps=10, draws=draws, zeta=0.1, step="squared", clip=False)
        errors.append(recursion_error(case, solver, moments, draws=draws + 1))
    return worst(errors)


def dps_error(cls: SolverClass) -> float:
    """With one draw that is 0, the path is that of DPS."""
    errors, draws = [], drawn(20)
    silent = [draws[0]]
    for draw in draws[1:]:
        silent += [torch.zeros_like(draw), draw]
    silent.append(torch.zeros_like(draws[0]))
    for step, clip in product(("norm", "squared"), (False, True)):
        case, settings = problem("mixture", 0.1), dict[str, Any](steps=20, zeta=0.3, clip=clip)
        likewise: dict[str, Any] = {"step": step, "spacing": "leading", "learned_variance": False}
        dps = DPS(**likewise, **settings)
        path = case.path(cls(draws=1, step=step, **settings), Given(silent))
        errors.append(gap(path, case.path(dps, Given(draws))))
    return worst(errors)


def loss(x: Tensor, kind: str, case: Case, clip: bool, z: Tensor) -> Tensor:
    """The loss at level 500 with given draws z, (n, B, d); (B, d) -> (B,)."""
    t = case.prior.schedule.level(500)
    x0 = case.prior.denoise(x, t)
    u = (x0.clamp(-1, 1) if clip else x0) + (1 - t.alpha**2) ** 0.5 * z
    squares = (case.y - u @ dense(case.A)[0].T).square().sum(2)
    if kind == "logmeanexp":
        return -torch.logsumexp(-squares / (2 * case.sigma**2), 0)
    return squares.mean(0).sqrt() if kind == "norm" else squares.mean(0)


def gradient_error(cls: SolverClass) -> float:
    """On a mixture, the guidance of the first step is minus the gradient of each loss, three draws given."""
    errors, zeta, draws, case = [], 0.7, drawn(6), problem("mixture", 0.3)
    t, s, _ = case.prior.schedule.levels(2)
    ab, au = t.alpha**2, s.alpha**2
    # How an ancestral step from x takes x0 on, times sigma^2 / alpha.
    along = au**0.5 * (1 - ab / au) / ab**0.5
    for kind, clip in product(("norm", "squared", "logmeanexp"), (False, True)):
        states = []
        for weight in (zeta, 0.0):
            solver = cls(steps=2, draws=3, step=kind, zeta=weight, clip=clip)
            states.append(next(solver.solve(case.measurement(8), case.prior, Given(draws))).x.clone())
        f = partial(loss, kind=kind, case=case, clip=clip, z=torch.stack(draws[1:4]))
        scale = along if kind == "logmeanexp" else 1.0
        errors.append(gap(states[0] - states[1], -zeta * scale * finite_difference(f, draws[0])))
    return worst(errors)


def quantiles(case: Case, k: int) -> list[Tensor]:
    """Draws whose parts that A sees are the k x k quantiles of two normals, (4, d) each."""
    q = torch.from_numpy(normal.ppf((np.arange(k) + 0.5) / k))
    grid = torch.cartesian_prod(q, q) @ case.A.basis[:, :2].T
    return [draw.expand(4, -1) for draw in grid]


def pigdm_error(cls: SolverClass) -> float:
    """With many draws, the first state is that of PiGDM with the score's coefficient, on a mixture."""
    errors, draws = [], drawn(2, 4)
    for sigma in (0.3, 1.0):
        case = problem("mixture", sigma)
        many = quantiles(case, 40)
        solver = cls(steps=2, draws=len(many), step="logmeanexp", clip=False)
        got = next(solver.solve(case.measurement(4), case.prior, Given([draws[0], *many, draws[1]])))
        pigdm: Solver = PiGDM(steps=2, eta=1.0, coefficient="score", clip=False)
        expected = next(pigdm.solve(case.measurement(4), case.prior, Given(draws)))
        errors.append(gap(got.x, expected.x))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20, zeta=0.3, draws=2))


CLOSE = 0.02
"""Tolerance of the limit of many draws, at 1600 of them; its mutants change more."""

LAWS = [
    Law(
        "law of every state, squared loss",
        EXACT,
        moments_error,
        (
            "r of the variance-exploding form",
            "r squared",
            "one z for all draws",
            "factor 2 lost",
            "no Jacobian",
            "noise in the last step",
        ),
    ),
    Law("without draws the path of DPS", PATH, dps_error, ("factor 2 lost", "one norm for the batch")),
    Law(
        "gradient of each loss on a mixture, finite differences",
        DIFFERENCE,
        gradient_error,
        (
            "mean of the norms",
            "draws weigh the same",
            "score without 1 / alpha",
            "clip outside the graph",
            "no Jacobian",
            "r of the variance-exploding form",
        ),
    ),
    Law(
        "with many draws a step of PiGDM",
        CLOSE,
        pigdm_error,
        (
            "draws weigh the same",
            "weights across the batch",
            "r of the variance-exploding form",
            "score without 1 / alpha",
        ),
    ),
    Law(
        "image alone = image in a batch",
        PATH,
        alone_error,
        ("one norm for the batch",),
    ),
    Law(
        "law, float32",
        SINGLE,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

DRAWS = "        for _ in range(self.draws):\n            Au, pull = A.vjp(x0 + r * "

MUTANTS = [
    Mutant("r of the variance-exploding form", "t.variance**0.5", "t.ratio"),
    Mutant("r squared", "t.variance**0.5", "t.variance"),
    Mutant(
        "one z for all draws",
        DRAWS + "noise.like(x0))",
        "        z = noise.like(x0)\n" + DRAWS + "z)",
    ),
    Mutant("factor 2 lost", "2 * fall.mean(0)", "fall.mean(0)"),
    Mutant("no Jacobian", "pull_x0(self.fall", "(self.fall"),
    Mutant("mean of the norms", "value.mean(0).sqrt()", "value.sqrt().mean(0)"),
    Mutant("one norm for the batch", "value.mean(0).sqrt()", "value.mean().sqrt().expand(len(x0))"),
    Mutant("draws weigh the same", "value.softmax(0)", "(0 * value).softmax(0)"),
    Mutant("weights across the batch", "value.softmax(0)", "(value.softmax(1) / len(value))"),
    Mutant("score without 1 / alpha", "t.gamma * guidance", "t.sigma**2 * guidance"),
    CLIP_OUTSIDE,
    Mutant(
        "noise in the last step",
        "            yield Step(x, x0)",
        "            x = x + (0.01 * noise.like(x) if s.sigma == 0 else 0)\n            yield Step(x, x0)",
    ),
    HALF,
]
