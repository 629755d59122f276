"""Measures the laws of solvers, which `solvers.laws` holds: one file a solver, found by name.

Distance to the true posterior cannot tell a right implementation from a wrong one: many mistakes move a
sampler nearer to it. The laws can. They run the very code that makes the tables, through its public
interface, at d = 4 and without clipping unless a law says so: the clip's place in the graph is certified, its
effect on a law is not, and networks are not.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import solvers.laws
from bench.exact.laws.law import Law, LawResult
from bench.solver import Solver
from solvers import SOLVERS
from solvers.anchors import Unconditional


@cache
def all_laws() -> dict[str, list[Law]]:
    """Laws by solver; "ddim" stands for the steps that samplers share.

    A file without ``LAWS`` is a helper of others.
    """
    found = {}
    for name in sorted(module.name for module in iter_modules(solvers.laws.__path__)):
        module = import_module(f"solvers.laws.{name}")
        if hasattr(module, "LAWS"):
            found[name] = module.LAWS
    return found


def subject(name: str) -> type[Solver]:
    """The class that the laws of a name are about."""
    return Unconditional if name == "ddim" else SOLVERS[name]


def run_laws(name: str, solver: type[Solver] | None = None) -> list[LawResult]:
    """Measures every law of a solver, in seconds.

    Args:
        name: a key of `all_laws`.
        solver: the class to examine, which takes the fields of the solver of that name; None examines that
            solver.

    Raises:
        ValueError: there are no laws of that name.
    """
    laws = all_laws()
    if name not in laws:
        raise ValueError(f"no laws for '{name}'; there are laws for {', '.join(laws)}")
    solver = solver or subject(name)
    return [LawResult(law, law.error(solver)) for law in laws[name]]
