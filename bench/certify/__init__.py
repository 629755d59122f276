"""Certification: a solver is right when it reproduces closed-form laws to float precision on exact priors.

Distance to the true posterior cannot tell a right implementation from a wrong one: many mistakes move a sampler nearer to it.
The laws can. They run the very code that makes the tables, through its public interface, at d = 4 and without clipping unless a
law says so: the clip's place in the graph is certified, its effect on a law is not, and networks are not.
"""

from bench.certify.daps import DAPS
from bench.certify.ddnm import DDNM
from bench.certify.ddrm import DDRM
from bench.certify.diffpir import DIFFPIR
from bench.certify.guided import DPS, MCG
from bench.certify.law import Law, LawResult
from bench.certify.pigdm import PIGDM
from bench.certify.red_diff import RED_DIFF
from bench.certify.sampler import DDIM
from bench.solver import Solver
from solvers import SOLVERS
from solvers.anchors import Unconditional

__all__ = ["LAWS", "Law", "LawResult", "run_laws", "subject"]

LAWS: dict[str, list[Law]] = {
    "ddim": DDIM,
    "pigdm": PIGDM,
    "ddrm": DDRM,
    "dps": DPS,
    "mcg": MCG,
    "red_diff": RED_DIFF,
    "ddnm": DDNM,
    "diffpir": DIFFPIR,
    "daps": DAPS,
}
"""Laws by solver; "ddim" stands for the steps that samplers share."""


def subject(name: str) -> type[Solver]:
    """The class that the laws of a name are about."""
    return {**SOLVERS, "ddim": Unconditional}[name]


def run_laws(name: str, solver: type[Solver] | None = None) -> list[LawResult]:
    """Measures every law of a solver; seconds.

    Args:
        name: a key of `LAWS`.
        solver: the class to examine, which takes the fields of the solver of that name; None examines that solver.

    Raises:
        ValueError: there are no laws of that name.
    """
    if name not in LAWS:
        raise ValueError(f"no laws for '{name}'; there are laws for {', '.join(LAWS)}")
    solver = solver or subject(name)
    return [LawResult(law, law.error(solver)) for law in LAWS[name]]
