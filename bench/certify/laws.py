"""Measures the laws of solvers, which lie in one file a solver, found by name.

The laws of ``solvers/NAME.py`` are those of ``solvers/laws/NAME.py``, and those of a user's ``my_solver.py``
lie in ``my_solver_laws.py`` beside it. Either file holds ``LAWS``, a list of `Law`, and may hold ``MUTANTS``,
a list of `Mutant`.

Distance to the true posterior cannot tell a right implementation from a wrong one: many mistakes move a
sampler nearer to it. The laws can. They run the very code that makes the tables, through its public
interface, at d = 4 and without clipping unless a law says so: the clip's place in the graph is certified, its
effect on a law is not, and networks are not.
"""

from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from bench.exact.laws.law import Law, LawResult
from bench.exact.laws.mutant import Mutant
from bench.solver import Solver
from bench.suites.cards import FOLDER, list_cards
from bench.suites.methods import load_solver
from bench.system.code.raised import what, where
from bench.system.code.user_code import UserCodeError, import_user_module, is_user_code


class Laws(NamedTuple):
    """What a file of laws holds."""

    laws: list[Law]
    mutants: list[Mutant]


def laws_file(solver: str) -> Path | None:
    """Where the laws of a solver lie, or would lie; None for one of a module, which has no place for them.

    Args:
        solver: a name, ``file.py``, ``file.py:Class`` or ``pkg.mod:Class``.
    """
    if not is_user_code(solver):
        return FOLDER / "laws" / f"{solver}.py"
    place = Path(solver.rpartition(":")[0] if ":" in solver else solver)
    return place.with_name(f"{place.stem}_laws.py") if place.suffix == ".py" else None


def laws_of(solver: str) -> Laws | None:
    """The laws of a solver; None where there is no file of them.

    Raises:
        UserCodeError: the file cannot be imported, or has no ``LAWS``.
    """
    file = laws_file(solver)
    if file is None or not file.is_file():
        return None
    module = _import(solver, file)
    laws = getattr(module, "LAWS", None)
    if not isinstance(laws, list) or not all(isinstance(law, Law) for law in laws) or not laws:
        raise UserCodeError(f"{file}: define LAWS, a list of bench.exact.laws.law.Law with at least one")
    return Laws(laws, getattr(module, "MUTANTS", []))


def _import(solver: str, file: Path) -> ModuleType:
    return import_user_module(str(file)) if is_user_code(solver) else import_module(f"solvers.laws.{solver}")


@cache
def all_laws() -> dict[str, list[Law]]:
    """The laws of our solvers by name; those of `prior` are about the steps that samplers share."""
    found = {}
    for name in list_cards():
        own = laws_of(name)
        if own is not None:
            found[name] = own.laws
    return found


def subject(name: str) -> type[Solver]:
    """The class that the laws of a name are about."""
    return load_solver(name).cls


def run_laws(name: str) -> list[LawResult]:
    """Measures every law of a solver, in seconds.

    Args:
        name: of a solver with laws, ours or a user's.

    Returns:
        One `LawResult` each; a law that raises something is broken, and says what.

    Raises:
        ValueError: there are no laws of that name.
    """
    found = laws_of(name)
    if found is None:
        raise ValueError(f"no laws for '{name}'; there are laws for {', '.join(all_laws())}")
    solver = subject(name)
    return [measured(law, solver) for law in found.laws]


def measured(law: Law, solver: type[Solver]) -> LawResult:
    """A law of a solver, measured; what it raises breaks it."""
    try:
        return LawResult(law, float(law.error(solver)))
    except Exception as error:  # noqa: BLE001 a user's law may raise anything; `certify` reports it
        return LawResult(law, float("inf"), f"{what(error)}{where(error)}")
