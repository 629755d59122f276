"""Finds solver classes by name, ``pkg.mod:Class``, ``file.py:Class`` or ``file.py``; builds instances from
checked settings.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

from bench.names import nearest
from bench.solver import Solver
from bench.suites.yamlfile import SuiteError, explain
from bench.system.user_code import UserCodeError, is_user_code, load_class, source_sha256
from solvers import ANCHORS, SOLVERS


@dataclass(frozen=True)
class SolverClass:
    """A solver class and its identity."""

    name: str
    """Key in ``SOLVERS`` or ``ANCHORS``, or the class's name: part of the record's key and of the sampler's
    stream."""
    cls: type[Solver]
    source_sha256: str | None = None
    """Of the code of a solver that is not ours, see `bench.system.user_code`; ours carry a ``rev``
    instead."""


def load_solver(spec: str) -> SolverClass:
    """The solver class that ``spec`` names; ``file.py`` alone where it defines one solver.

    Raises:
        SuiteError: unknown name, no such file or module, an error while importing it, or no dataclass derived
            from Solver.
    """
    if not is_user_code(spec):
        known = {**SOLVERS, **ANCHORS}
        if spec not in known:
            raise SuiteError(
                f"unknown solver '{spec}'{nearest(spec, known)}, or pkg.mod:Class, or file.py:Class"
            )
        return SolverClass(spec, known[spec])
    try:
        cls, module = load_class(spec, Solver)
    except UserCodeError as error:
        raise SuiteError(str(error)) from error.__cause__
    name = cls.__name__
    if (
        "__dataclass_params__" not in vars(cls)
        or not is_dataclass(cls)
        or not cls.__dataclass_params__.frozen
    ):
        raise SuiteError(
            f"{spec}: '{name}' is not a frozen dataclass; decorate it with @dataclass(frozen=True)"
        )
    if inspect.isabstract(cls):
        raise SuiteError(f"{spec}: '{name}' does not implement {', '.join(sorted(cls.__abstractmethods__))}")
    return SolverClass(name, cls, source_sha256(cls, module))


def parameters(cls: type[Solver]) -> list[str]:
    """Names of a solver's hyper-parameters."""
    return [f.name for f in fields(cls) if f.init]


def build_solver(solver: SolverClass, params: Mapping[str, Any], where: Callable[[str], str]) -> Solver:
    """An instance, its parameters converted and checked against the annotations of the class.

    Args:
        where: place of a parameter ("" for the row), for messages.

    Raises:
        SuiteError: unknown parameter, wrong type or value; one line each.
    """
    try:
        return TypeAdapter(solver.cls).validate_python(dict(params))
    except PydanticSchemaGenerationError as error:
        raise SuiteError(
            f"{where('')}: {solver.name} has a field whose type cannot be checked: {error}"
        ) from None
    except ValidationError as error:
        lines = []
        for e in error.errors():
            param = str(e["loc"][0]) if e["loc"] else ""
            lines.append(f"{where(param)}: {_named(param, where(param))}{explain(e, parameters(solver.cls))}")
        raise SuiteError("\n".join(lines)) from None


def _named(param: str, place: str) -> str:
    """The parameter's name, unless the place ends in it."""
    return f"{param}: " if param and not place.endswith(f".{param}") else ""
