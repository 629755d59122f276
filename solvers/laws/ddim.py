"""Laws of the DDIM and DDPM step that the solvers share."""

from functools import partial
from itertools import product

import torch

from bench.exact.laws import recursions
from bench.exact.laws.law import EXACT, PATH, SINGLE, Law, SolverClass, gap, recursion_error, worst
from bench.exact.laws.problems import F64, problem, streams


def moments_error(cls: SolverClass, dtype: torch.dtype = F64) -> float:
    """Every state's mean and covariance, for all Gaussian priors, eta and two numbers of steps."""
    runs = [*product(("unit", "narrow", "skew"), (0.0, 0.5, 1.0), (20,)), ("skew", 1.0, 100)]
    errors = []
    for name, eta, n in runs:
        case = problem(name, 0.1, dtype)
        moments = recursions.unconditional(case.affine, recursions.leading(n), eta)
        errors.append(recursion_error(case, cls(steps=n, eta=eta), moments))
    return worst(errors)


def last_step_error(cls: SolverClass) -> float:
    """The last state is the denoiser's answer to the state before it, with nothing added."""
    case = problem("mixture", 0.1)
    path = case.path(cls(steps=20), streams(8))
    return gap(path[-1], case.prior.denoise(path[-2], case.prior.schedule.level(0)))


LAWS = [
    Law("law of every state", "ddim", EXACT, moments_error, ("level off by one", "noise in the last step")),
    Law("last step denoises", "ddim", PATH, last_step_error, ("noise in the last step",)),
    Law(
        "law of every state, float32",
        "ddim",
        SINGLE,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision", "level off by one"),
    ),
]
