"""Laws of DSG: the sphere, and its direction on a mixture by finite differences."""

from functools import partial
from itertools import pairwise, product

import torch
from torch import Tensor

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
    worst,
)
from bench.exact.laws.mutant import CLIP_OUTSIDE, HALF, Mutant
from bench.exact.laws.problems import F64, Case, problem, streams
from bench.exact.prior import dense
from bench.schedule import Level
from bench.solver import Solver


def moved(x: Tensor, x0: Tensor, t: Level[float], s: Level[float]) -> tuple[Tensor, float]:
    """The mean of the ancestral step from x and the standard deviation of its noise."""
    ab, au = t.alpha**2, s.alpha**2
    beta = 1 - ab / au
    mean = (au**0.5 * beta * x0 + (ab / au) ** 0.5 * (1 - au) * x) / (1 - ab)
    return mean, (beta * (1 - au) / (1 - ab)) ** 0.5


def sphere_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every guided state lies c sqrt(n) from the mean of its ancestral step, and the last one is x0."""
    errors = []
    for name, w in product(("unit", "skew", "mixture"), (0.0, 0.3, 1.0)):
        case = problem(name, 0.3, dtype)
        levels, x = case.prior.schedule.levels(10), streams(8, dtype).new((4,))
        steps = cls(steps=10, w=w, clip=False).solve(case.measurement(8), case.prior, streams(8, dtype))
        for (t, s), step in zip(pairwise(levels), steps, strict=True):
            mean, c = moved(x, case.prior.denoise(x, t), t, s)
            errors.append(gap((step.x - mean).norm(dim=1), torch.full((8,), c * 2.0, dtype=F64)))
            x = step.x.clone()
        errors.append(gap(x, step.x0))
    return worst(errors)


def misfit(x: Tensor, case: Case, clip: bool) -> Tensor:
    """||y - A E[x0 | x]|| at level 500, (B, d) -> (B,)."""
    x0 = case.prior.denoise(x, case.prior.schedule.level(500))
    return (case.y - (x0.clamp(-1, 1) if clip else x0) @ dense(case.A)[0].T).norm(dim=1)


def first_move(case: Case, solver: Solver) -> Tensor:
    """The first state minus the mean of its ancestral step, over the noise's standard deviation."""
    x, (t, s, _) = streams(16).new((4,)), case.prior.schedule.levels(2)
    step = next(solver.solve(case.measurement(16), case.prior, streams(16)))
    mean, c = moved(x, step.x0, t, s)
    return (step.x - mean) / c


def direction_error(cls: SolverClass) -> float:
    """On a mixture, the first move goes along z + w (-2 g / ||g|| - z), g by finite differences."""
    errors, case = [], problem("mixture", 0.1)
    noise = streams(16)
    x, z = noise.new((4,)), noise.new((4,))
    for w, clip in product((0.2, 0.7, 1.0), (False, True)):
        g = finite_difference(partial(misfit, case=case, clip=clip), x)
        # A clipped estimate may have no gradient at all: the noise then gives the direction.
        d = (1 - w) * z - w * 2 * g / g.norm(dim=1, keepdim=True).clamp_min(1e-9)
        far = d.norm(dim=1) > 0.1
        got = first_move(case, cls(steps=2, w=w, clip=clip))
        errors.append(gap(got[far], (2 * d / d.norm(dim=1, keepdim=True))[far]))
    return worst(errors)


def interval_error(cls: SolverClass) -> float:
    """With w = 0 each state has normalised noise; between guided steps, it is as it was drawn."""
    errors = []
    case, noise = problem("mixture", 0.3), streams(8)
    levels, x = case.prior.schedule.levels(10), noise.new((4,))
    steps = cls(steps=10, w=0.0, interval=3, clip=False).solve(case.measurement(8), case.prior, streams(8))
    for k, ((t, s), step) in enumerate(zip(pairwise(levels), steps, strict=True)):
        x, c = moved(x, case.prior.denoise(x, t), t, s)
        if s.sigma > 0:
            z = noise.new((4,))
            x = x + c * (z if k % 3 else 2 * z / z.norm(dim=1, keepdim=True))
        errors.append(gap(step.x, x))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=20))


LAWS = [
    Law(
        "every state on its sphere",
        EXACT,
        sphere_error,
        ("radius without sqrt(n)", "not back on the sphere", "noise in the last step"),
    ),
    Law(
        "direction on a mixture, finite differences",
        DIFFERENCE,
        direction_error,
        (
            "no Jacobian",
            "clip outside the graph",
            "uphill",
            "gradient not normalised",
            "not back on the sphere",
        ),
    ),
    Law(
        "normalised noise without guidance, at every interval",
        PATH,
        interval_error,
        ("every step guided", "not back on the sphere", "noise in the last step"),
    ),
    Law(
        "image alone = image in a batch",
        PATH,
        alone_error,
        ("one norm of the gradient for the batch", "one norm of the move for the batch"),
    ),
    Law(
        "sphere, float32",
        SINGLE,
        partial(sphere_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

MUTANTS = [
    Mutant("radius without sqrt(n)", "math.prod(prior.shape) ** 0.5", "1.0"),
    Mutant("not back on the sphere", "z = radius * z / norm(z)", "pass"),
    Mutant("uphill", "radius * guidance / norm(guidance)", "-radius * guidance / norm(guidance)"),
    Mutant("gradient not normalised", "radius * guidance / norm(guidance)", "guidance / norm(y - Ax0)"),
    Mutant("no Jacobian", "pull_x0(pull_A(", "(pull_A("),
    Mutant("every step guided", "if k % self.interval == 0", "if True"),
    Mutant("one norm of the gradient for the batch", "norm(guidance)", "guidance.norm()"),
    Mutant("one norm of the move for the batch", "norm(z)", "z.norm()"),
    CLIP_OUTSIDE,
    Mutant(
        "noise in the last step",
        "            yield Step(x, x0)",
        "            x = x + (0.01 * noise.like(x) if s.sigma == 0 else 0)\n            yield Step(x, x0)",
    ),
    HALF,
]
