"""Laws of the DDIM and DDPM step that the solvers share."""

from functools import partial

import torch

from bench.exact.laws import recursions
from bench.exact.laws.law import EXACT, PATH, SINGLE, Law, gap, recursion_error, worst
from bench.exact.laws.problems import F64, problem, streams
from bench.solver import Solver


def law_error(cls: type[Solver], dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance, for all Gaussian priors, eta and two numbers of steps."""
    runs = [(name, eta, 20) for name in ("unit", "narrow", "skew") for eta in (0.0, 0.5, 1.0)] + [
        ("skew", 1.0, 100)
    ]
    return worst(
        recursion_error(
            case, cls(steps=n, eta=eta), recursions.unconditional(case.affine, recursions.leading(n), eta)
        )
        for name, eta, n in runs
        for case in [problem(name, 0.1, dtype)]
    )


def last_step_error(cls: type[Solver]) -> float:
    """The last state is the denoiser's answer to the state before it: nothing is added after the last
    level.
    """
    case = problem("mixture", 0.1)
    path = case.path(cls(steps=20), streams(8))
    return gap(path[-1], case.prior.denoise(path[-2], case.prior.schedule.level(0)))


LAWS = [
    Law("law of every state", "ddim", EXACT, law_error, ("level off by one", "noise in the last step")),
    Law("last step denoises", "ddim", PATH, last_step_error, ("noise in the last step",)),
    Law(
        "law of every state, float32",
        "ddim",
        SINGLE,
        partial(law_error, dtype=torch.float32),
        ("state in half precision", "level off by one"),
    ),
]
