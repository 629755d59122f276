"""Laws of the method in my_solver.py, which are optional.

    python -m bench certify examples/own_solver/my_solver.py

The command also makes the wrong variants in MUTANTS, and says which of them the laws see.
"""

from bench.exact.laws.law import PATH, Law, SolverClass, gap, worst
from bench.exact.laws.mutant import LEVEL_OFF, Mutant
from bench.exact.laws.problems import problem, streams
from solvers.prior import Unconditional


def oracle_error(cls: SolverClass) -> float:
    """The path is that of DDIM on the exact posterior, on N(m, I).

    The damped pseudo-inverse then turns E[x0 | x_t] into E[x0 | x_t, y].
    """
    errors = []
    for sigma in (0.1, 1.0):
        case = problem("unit", sigma)
        path = case.path(cls(steps=20, eta=0.5), streams(4))
        oracle = case.prior.posterior(case.y, case.A, sigma)
        errors.append(gap(path, case.path(Unconditional(steps=20, eta=0.5), streams(4), oracle)))
    return worst(errors)


LAWS = [
    Law(
        "oracle on N(m, I)",
        PATH,
        oracle_error,
        ("no damping", "sigma not squared", "level off by one"),
    ),
]

MUTANTS = [
    Mutant("no damping", "sigma**2 / t.variance", "0.0"),
    Mutant("sigma not squared", "sigma**2", "sigma"),
    LEVEL_OFF,
]
