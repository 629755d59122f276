"""Finds solver classes by name, ``pkg.mod:Class``, ``file.py:Class`` or ``file.py``, and builds instances."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any

from pydantic import PydanticSchemaGenerationError, ValidationError

from bench.solver import Solver
from bench.suites.cards import card_of
from bench.suites.yamlfile import SuiteError, YamlSource, explain
from bench.system.code.reads import reading, refuse_undeclared
from bench.system.code.user_code import UserCodeError, is_user_code, load_class, source_sha256
from bench.system.gate import conform


@dataclass(frozen=True)
class SolverClass:
    """A solver class and its identity.

    Attributes:
        name: NAME of ``solvers/NAME.py``, or the class's name: part of the record's key and of the sampler's
            stream.
        source_sha256: hash of the code of a solver that is not ours, see `bench.system.code.user_code`; ours
            carry a ``rev`` instead.
    """

    name: str
    cls: type[Solver]
    source_sha256: str | None = None


def load_solver(spec: str) -> SolverClass:
    """The solver class that ``spec`` names; ``file.py`` alone where it defines one, or its card names one.

    Raises:
        SuiteError: unknown name, no such file or module, an error while importing it, no dataclass derived
            from Solver, or a card that is not of its form.
    """
    card = card_of(spec)
    if not is_user_code(spec):
        return SolverClass(spec, getattr(import_module(f"solvers.{spec}"), card.class_name))
    named = ":" in spec or not (card.path and card.class_name)
    try:
        cls, module = load_class(spec if named else f"{spec}:{card.class_name}", Solver)
    except UserCodeError as error:
        raise SuiteError(str(error)) from error.__cause__
    assert issubclass(cls, Solver)
    name = cls.__name__
    if "__dataclass_params__" not in vars(cls):  # a dataclass below Solver is frozen, else it is an error
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
    """An instance, its parameters checked against the annotations of the class by `bench.system.gate`.

    Args:
        where: gives the place of a parameter ("" for the row), for messages.

    Raises:
        SuiteError: unknown parameter, wrong type or value, one line each; or a user's class that reads a file
            of which it does not say so.
    """
    try:
        with reading() as opened:
            made: Solver = conform(solver.cls, dict(params))
    except PydanticSchemaGenerationError as error:
        raise SuiteError(
            f"{where('')}: {solver.name} has a field whose type cannot be checked: {error}"
        ) from None
    except ValidationError as error:
        lines = []
        for one in error.errors():
            param = str(one["loc"][0]) if one["loc"] else ""
            place, reason = where(param), explain(one, parameters(solver.cls))
            lines.append(f"{place}: {_named(param, place)}{reason}")
        raise SuiteError("\n".join(lines)) from None
    if solver.source_sha256:
        try:
            refuse_undeclared(solver.cls, opened)
        except UserCodeError as error:
            raise SuiteError(f"{where('')}: {error}") from None
    return made


def check_presets(spec: str, solver: SolverClass) -> None:
    """Checks what the presets of a method's card say; an entry alone need not be all that a row takes.

    Raises:
        SuiteError: an unknown parameter, or one of wrong type or value; a line each, with its place.
    """
    card, lines = card_of(spec), list[str]()
    if card.path is None:
        return
    source = YamlSource(card.path)
    for preset, priors in card.presets.items():
        for prior, tasks in priors.items():
            for task, params in tasks.items():
                for param, reason in _wrong_alone(solver.cls, params):
                    place = source.at(("presets", preset, prior, task, param))
                    lines.append(f"{place}: {_named(param, place)}{reason}")
    if lines:
        raise SuiteError("\n".join(lines))


def _wrong_alone(cls: type[Solver], params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Parameters that are wrong whatever the others are, each with the reason."""
    try:
        conform(cls, dict(params))
    except PydanticSchemaGenerationError:
        return []  # `check` says so by itself
    except ValidationError as error:
        known = parameters(cls)
        wrong = [(str(one["loc"][0]), explain(one, known)) for one in error.errors() if one["loc"]]
        return [(param, reason) for param, reason in wrong if param in params]
    return []


def check_fields(solver: Solver) -> None:
    """Checks the parameters of an instance that was made without `build_solver`.

    Raises:
        SuiteError: one of another type than declared or out of range; a line each.
    """
    cls, params = type(solver), {name: getattr(solver, name) for name in parameters(type(solver))}
    build_solver(SolverClass(cls.__name__, cls), params, lambda param: f"{cls.__name__}.{param}".rstrip("."))


def _named(param: str, place: str) -> str:
    """The parameter's name with a colon, unless the place ends in it."""
    return f"{param}: " if param and not place.endswith(f".{param}") else ""
