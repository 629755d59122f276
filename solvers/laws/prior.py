"""Laws of the DDIM and DDPM step that the solvers share."""

from functools import partial
from itertools import product

import torch

from bench.exact.laws import recursions
from bench.exact.laws.law import EXACT, PATH, SINGLE, Law, SolverClass, gap, recursion_error, worst
from bench.exact.laws.mutant import HALF, LAST_NOISE, LEVEL_OFF, Mutant
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
    Law(
        "law of every state",
        EXACT,
        moments_error,
        (
            "level off by one",
            "noise in the last step",
            "eta of the variance",
            "all noise kept",
            "abar for alpha",
            "fresh noise of the wrong level",
        ),
    ),
    Law("last step denoises", PATH, last_step_error, ("noise in the last step",)),
    Law(
        "law of every state, float32",
        SINGLE,
        partial(moments_error, dtype=torch.float32),
        ("state in half precision", "level off by one"),
    ),
]

MUTANTS = [
    LEVEL_OFF,
    Mutant("noise in the last step", "t, s, self.eta, z)", "t, s, self.eta, z)" + LAST_NOISE),
    HALF,
    Mutant("eta of the variance", "c1 = eta * s.sigma", "c1 = eta**0.5 * s.sigma", "ddim"),
    Mutant("all noise kept", "(s.sigma**2 - c1**2) ** 0.5", "s.sigma", "ddim"),
    Mutant("abar for alpha", "s.alpha * x0 + c1", "s.alpha**2 * x0 + c1", "ddim"),
    Mutant(
        "fresh noise of the wrong level",
        "t.alpha * s.sigma / (s.alpha * t.sigma)",
        "s.sigma / t.sigma",
        "ddim",
    ),
]
