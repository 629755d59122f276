"""Laws of SCG: every choice made again, and DDIM on the prior where there is nothing to choose."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise, product

import torch
from torch import Tensor

from bench.exact.laws.law import EXACT, PATH, SINGLE, Law, SolverClass, batch_error, gap, worst
from bench.exact.laws.mutant import LAST_NOISE, Mutant
from bench.exact.laws.problems import F64, Case, problem, streams
from bench.exact.prior import dense
from bench.noise import Noise
from solvers.prior import Unconditional


def chosen_path(case: Case, free: int, guided: int, n: int, eta: float, noise: Noise) -> Iterator[Tensor]:
    """The states, (B, 4): all candidates of a step at once, (n, B, 4), and the least residual by dense A."""
    levels, H = case.prior.schedule.levels(free + guided), dense(case.A)[0]
    x = noise.new((4,))
    for k, (t, s) in enumerate(pairwise(levels)):
        x0 = case.prior.denoise(x, t)
        if s.sigma == 0:
            yield x0
            return
        count = n if k + 1 >= free else 1
        z = torch.stack([noise.new((4,)) for _ in range(count)])
        c1 = eta * ((s.sigma / t.sigma) ** 2 * (1 - (t.alpha / s.alpha) ** 2)) ** 0.5
        tried = s.alpha * x0 + (s.sigma**2 - c1**2) ** 0.5 * (x - t.alpha * x0) / t.sigma + c1 * z
        tried0 = case.prior.denoise(tried.flatten(0, 1), s).view_as(tried)
        best = ((case.y - tried0 @ H.T) ** 2).sum(2).argmin(0)
        x = tried[best, torch.arange(len(best))]
        yield x


def choice_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state is the candidate whose estimate fits y best, for each image; 25 % and no free levels."""
    errors = []
    for prior, eta, (share, free) in product(("skew", "mixture"), (0.5, 1.0), ((0.25, 5), (0.0, 1))):
        case = problem(prior, 0.3, dtype)
        solver = cls(steps=free + 9 * 5, candidates=5, threshold=share, eta=eta)
        path = case.path(solver, streams(4, dtype))
        expected = chosen_path(problem(prior, 0.3), free, 9, 5, eta, streams(4))
        errors += [gap(x, other) for x, other in zip(path, expected, strict=True)]
    return worst(errors)


def unguided_error(cls: SolverClass) -> float:
    """With one candidate, or no guided step, the path is that of DDIM on the prior."""
    errors = []
    for prior, eta, (n, share) in product(("skew", "mixture"), (0.0, 1.0), ((1, 0.25), (1, 0.0), (6, 1.0))):
        case = problem(prior, 0.3)
        path = case.path(cls(steps=20, candidates=n, threshold=share, eta=eta), streams(4))
        errors.append(gap(path, case.path(Unconditional(20, eta=eta), streams(4))))
    return worst(errors)


def alone_error(cls: SolverClass) -> float:
    """An image alone equals the image in a batch."""
    return batch_error(problem("mixture", 0.1), cls(steps=50, candidates=5))


LAWS = [
    Law(
        "every choice, by dense matrices",
        PATH,
        choice_error,
        (
            "the worst candidate",
            "misfit of the state",
            "candidates around the best so far",
            "estimate of the last candidate",
            "guided from the start",
            "clean at the threshold",
        ),
    ),
    Law(
        "DDIM where there is nothing to choose",
        EXACT,
        unguided_error,
        ("clean at the threshold", "noise in the last step"),
    ),
    Law("image alone = image in a batch", PATH, alone_error, ("one choice for the batch",)),
    Law(
        "choices, float32",
        SINGLE,
        partial(choice_error, dtype=torch.float32),
        ("state in half precision",),
    ),
]

MUTANTS = [
    Mutant("the worst candidate", "misfit < least", "(misfit > least) | (least == torch.inf)"),
    Mutant("misfit of the state", "squared_misfit(tried0,", "squared_misfit(tried,"),
    Mutant(
        "candidates around the best so far",
        "tried = ddim(x, x0,",
        "tried = ddim(*(torch.where(b.isnan(), a, b) for a, b in ((x, best), (x0, best0))),",
    ),
    Mutant("estimate of the last candidate", "torch.where(better, tried0, best0)", "tried0"),
    Mutant("guided from the start", "free <= k < free + guided", "k <= guided"),
    Mutant(
        "clean at the threshold",
        "            yield Step(x, x0)",
        "            x = x0 if k == free else x\n            yield Step(x, x0)",
    ),
    Mutant(
        "noise in the last step",
        "fresh_noise(noise, x, s))\n",
        "fresh_noise(noise, x, s))" + LAST_NOISE + "\n",
    ),
    Mutant("one choice for the batch", "better = misfit < least", "better = (misfit < least).any()"),
    Mutant(
        "state in half precision",
        "            yield Step(x, x0)",
        "            x = x.half().to(x)\n            yield Step(x, x0)",
    ),
]
