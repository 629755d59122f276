"""Laws of DPS-GSG: DPS where the directions are orthogonal, and the estimate of other directions."""

import copy
from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor

from bench.batch import Images
from bench.exact.laws.law import EXACT, PATH, SINGLE, Law, SolverClass, batch_error, gap, worst
from bench.exact.laws.mutant import CLIP_OUTSIDE, HALF, LAST_NOISE, Mutant
from bench.exact.laws.problems import F64, LearnedVariance, problem, streams
from bench.exact.prior import dense
from bench.noise import Noise
from solvers.dps import DPS
from solvers.laws.guided import SPREADS


class Directions(Noise):
    """Noise that gives 2 e_1, ..., 2 e_4 in four of five calls after the first: u u^T is I on average."""

    def __init__(self, noise: Noise, dtype: torch.dtype) -> None:
        self.noise, self.calls = noise, -1
        self.u = 2 * torch.eye(4, dtype=dtype)

    def __len__(self) -> int:
        return len(self.noise)

    def __getitem__(self, images: Images) -> "Directions":
        other = copy.copy(self)
        other.noise = self.noise[images]
        return other

    def new(self, shape: Sequence[int]) -> Tensor:
        self.calls += 1
        place = (self.calls - 1) % 5
        if self.calls == 0 or place == 4:
            return self.noise.new(shape)
        return self.u[place].expand(len(self), -1)

    def uniform(self, shape: Sequence[int]) -> Tensor:
        return self.noise.uniform(shape)


def dps_error(cls: SolverClass, dtype: torch.dtype = F64, short: float = 1e-3) -> float:
    """With four orthogonal directions of length 2 the path is that of DPS, for linear A.

    With the squared norm at any mu, with the norm where ||r|| is not ``short``.
    """
    errors = []
    for prior, step, clip, v in product(("skew", "mixture"), ("norm", "squared"), (False, True), SPREADS):
        case = problem(prior, 0.1, dtype)
        known, noise = LearnedVariance(case.prior, v), Directions(streams(4, dtype), dtype)
        settings: dict[str, Any] = {"steps": 10, "zeta": 0.3, "step": step, "clip": clip}
        mu = 1.0 if step == "squared" else short
        path = case.path(cls(**settings, queries=4, mu=mu), noise, known)
        other = case.path(DPS(**settings), streams(4, dtype), known)
        errors.append(gap(path, other))
    return worst(errors)


def estimate_error(cls: SolverClass) -> float:
    """With three normals u the first move is along the mean of u u^T times the gradient of ||y - A x0||^2."""
    errors = []
    for prior, mu in product(("skew", "mixture"), (0.1, 1.0)):
        case, noise = problem(prior, 0.1), streams(16)
        moved = []
        for zeta in (0.7, 0.0):
            solver = cls(steps=2, spacing="leading", zeta=zeta, step="squared", clip=False, queries=3, mu=mu)
            moved.append(case.path(solver, streams(16))[0])
        x, H, t = noise.new((4,)), dense(case.A)[0], case.prior.schedule.level(500)
        x0, pull = case.prior.vjp(x, t)
        slope, g = -2 * (case.y - x0 @ H.T) @ H, torch.zeros_like(x)
        for _ in range(3):
            u = noise.new((4,))
            g = g + u * (u * slope).sum(1, keepdim=True) / 3
        errors.append(gap(moved[0] - moved[1], -0.7 * pull(g)))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20, zeta=0.3, queries=4))


LAWS = [
    Law(
        "path of DPS with orthogonal directions",
        PATH,
        dps_error,
        (
            "one-sided differences",
            "differences of the norm",
            "twice the norm's gradient",
            "norm of the smoothed loss",
            "no Jacobian",
            "clip outside the graph",
            "noise in the last step",
        ),
    ),
    Law(
        "the estimate of three directions",
        EXACT,
        estimate_error,
        ("one-sided differences", "sum in place of the mean", "no Jacobian"),
    ),
    Law("image alone = image in a batch", PATH, alone_error, ("one direction for the batch",)),
    Law(
        "path of DPS, float32",
        SINGLE,
        partial(dps_error, dtype=torch.float32, short=0.1),
        ("state in half precision",),
    ),
]

CENTRAL = (
    "above = squared_misfit(x0 + self.mu * u, measurement)\n"
    "            below = squared_misfit(x0 - self.mu * u, measurement)"
)

MUTANTS = [
    Mutant("one-sided differences", CENTRAL, CENTRAL.replace("+", "+ 2 *").replace("x0 - self.mu * u", "x0")),
    Mutant("differences of the norm", "(above - below)", "(above**0.5 - below**0.5)"),
    Mutant("twice the norm's gradient", "g / (2 * length", "g / (length"),
    Mutant("norm of the smoothed loss", "smoothed / 4", "smoothed"),
    Mutant("sum in place of the mean", "(2 * self.mu * self.queries)", "(2 * self.mu)"),
    Mutant("no Jacobian", "pull_x0(-g)", "-g"),
    CLIP_OUTSIDE,
    Mutant("noise in the last step", "+ self.zeta * guidance", "+ self.zeta * guidance" + LAST_NOISE),
    Mutant("one direction for the batch", "u = noise.like(x0)", "u = noise.like(x0)[:1].expand_as(x0)"),
    HALF,
]
