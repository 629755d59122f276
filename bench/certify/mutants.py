"""Makes the wrong variants of a solver, and shows them to its laws."""

import inspect
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from bench.certify.laws import measured
from bench.exact.laws.law import Law
from bench.exact.laws.mutant import Mutant
from bench.solver import Solver
from bench.system.code.user_code import UserCodeError


def variant(solver: type[Solver], mutant: Mutant) -> type[Solver]:
    """The wrong class.

    Raises:
        UserCodeError: the piece that the mutant replaces is not in the source.
    """
    own = sys.modules[solver.__module__]
    if not mutant.helper:
        return vars(copied(own, changed(own, mutant)))[solver.__name__]
    home = sys.modules[vars(own)[mutant.helper].__module__]
    wrong, module = copied(home, changed(home, mutant)), copied(own, source_of(own))
    setattr(module, mutant.helper, getattr(wrong, mutant.helper))
    return vars(module)[solver.__name__]


def source_of(module: ModuleType) -> str:
    """The text of a module's file."""
    return Path(inspect.getfile(module)).read_text(encoding="utf-8")


def changed(module: ModuleType, mutant: Mutant) -> str:
    """The source of a module with the mistake in it."""
    source = source_of(module)
    if mutant.old not in source:
        file = inspect.getfile(module)
        raise UserCodeError(
            f"'{mutant.old}' of mutant '{mutant.name}' is not in {file}: choose the piece again"
        )
    return source.replace(mutant.old, mutant.new)


def copied(module: ModuleType, source: str) -> ModuleType:
    """A module of another name with this source."""
    found = ModuleType(f"mutant_of_{module.__name__}")
    found.__file__ = module.__file__
    with known(found):
        exec(compile(source, f"mutant of {module.__file__}", "exec"), vars(found))  # noqa: S102
    return found


@contextmanager
def known(module: ModuleType) -> Iterator[None]:
    """Lets dataclasses look their module up by name while they are made."""
    sys.modules[module.__name__] = module
    try:
        yield
    finally:
        del sys.modules[module.__name__]


class Survivor(NamedTuple):
    """A law, and a mutant that it names and does not catch.

    Attributes:
        raised: what the law raised on it, and where; "" where the law holds for it.
    """

    law: Law
    mutant: str
    raised: str = ""

    def __str__(self) -> str:
        said = f"'{self.law.name}' {{}} the wrong variant '{self.mutant}'"
        if not self.raised:
            return said.format("holds for")
        return f"{said.format('raised on')}, which must run to be seen: {self.raised}"


def unnamed(laws: Sequence[Law], mutants: Sequence[Mutant]) -> list[str]:
    """The mutants that no law names, so that no law is asked to catch them."""
    named = {name for law in laws for name in law.catches}
    return [mutant.name for mutant in mutants if mutant.name not in named]


def survivors(solver: type[Solver], laws: Sequence[Law], mutants: Sequence[Mutant]) -> list[Survivor]:
    """Each law with each of the mutants that it names and does not catch; it takes seconds a mutant.

    Raises:
        UserCodeError: a law names a mutant that is not there, or see `variant`.
    """
    by_name = {mutant.name: mutant for mutant in mutants}
    missed = []
    for law in laws:
        for name in law.catches:
            if name not in by_name:
                raise UserCodeError(f"law '{law.name}' names the mutant '{name}', which is not in MUTANTS")
            result = measured(law, variant(solver, by_name[name]))
            if result.passed or result.raised:
                missed.append(Survivor(law, name, result.raised))
    return missed
