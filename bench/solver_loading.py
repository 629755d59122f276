"""Finds solver classes by name, ``pkg.mod:Class``, ``file.py:Class`` or ``file.py``; builds instances from checked settings."""

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

from bench.solver import Solver
from bench.suites.yamlfile import SuiteError, explain, nearest
from solvers import ANCHORS, SOLVERS


@dataclass(frozen=True)
class SolverClass:
    """A solver class and its identity."""

    name: str
    """Key in ``SOLVERS`` or ``ANCHORS``, or the class's name: part of the record's key and of the sampler's stream."""
    cls: type[Solver]
    source_sha256: str | None = None
    """Of the files of a solver that is not ours and of the classes it derives from; ours carry a ``rev`` instead."""


def load_solver(spec: str) -> SolverClass:
    """The solver class that ``spec`` names; ``file.py`` alone where it defines one solver.

    Raises:
        SuiteError: unknown name, no such file or module, an error while importing it, or no dataclass derived from Solver.
    """
    if ":" not in spec and not spec.endswith(".py"):
        known = {**SOLVERS, **ANCHORS}
        if spec not in known:
            raise SuiteError(f"unknown solver '{spec}'{nearest(spec, known)}, or pkg.mod:Class, or file.py:Class")
        return SolverClass(spec, known[spec])
    where, _, name = spec.rpartition(":") if ":" in spec else (spec, "", "")
    module = _import(where)
    classes = [k for k, v in vars(module).items() if inspect.isclass(v) and v.__module__ == module.__name__]
    if not name:
        solvers = [k for k in classes if issubclass(getattr(module, k), Solver)]
        if len(solvers) != 1:
            raise SuiteError(
                f"{where} defines {len(solvers)} solvers ({', '.join(solvers) or 'none'}); name one as {where}:Class"
            )
        name = solvers[0]
    cls = getattr(module, name, None)
    if cls is None:
        raise SuiteError(f"{spec}: no '{name}' in {where}{nearest(name, classes, 'it has')}")
    if not (inspect.isclass(cls) and issubclass(cls, Solver)):
        raise SuiteError(f"{spec}: '{name}' is not a class derived from bench.solver.Solver")
    if "__dataclass_params__" not in vars(cls) or not is_dataclass(cls) or not cls.__dataclass_params__.frozen:
        raise SuiteError(f"{spec}: '{name}' is not a frozen dataclass; decorate it with @dataclass(frozen=True)")
    if inspect.isabstract(cls):
        raise SuiteError(f"{spec}: '{name}' does not implement {', '.join(sorted(cls.__abstractmethods__))}")
    return SolverClass(name, cls, _source_sha256(module, cls))


def _source_sha256(module: ModuleType, cls: type) -> str:
    """Of the files of the module and of all classes below ``cls`` that are neither ours nor Python's."""
    theirs = [c for c in cls.__mro__ if c.__module__.partition(".")[0] not in {"bench", "solvers", *sys.stdlib_module_names}]
    files = {Path(inspect.getfile(owner)).read_bytes() for owner in (module, *theirs)}
    return hashlib.sha256(b"".join(sorted(files))).hexdigest()


def _import(where: str) -> ModuleType:
    try:
        if not where.endswith(".py"):
            return importlib.import_module(where)
        path = Path(where)
        if not path.is_file():
            raise SuiteError(f"{where}: no such file")
        name = f"user_solver_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        # Dataclasses look their module up by name while they are made.
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    except SuiteError:
        raise
    except (Exception, SystemExit) as error:
        raise SuiteError(f"{where}: cannot import it: {type(error).__name__}: {error}") from error


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
        raise SuiteError(f"{where('')}: {solver.name} has a field whose type cannot be checked: {error}") from None
    except ValidationError as error:
        lines = []
        for e in error.errors():
            param = str(e["loc"][0]) if e["loc"] else ""
            lines.append(f"{where(param)}: {_named(param, where(param))}{explain(e, parameters(solver.cls))}")
        raise SuiteError("\n".join(lines)) from None


def _named(param: str, place: str) -> str:
    """The parameter's name, unless the place ends in it."""
    return f"{param}: " if param and not place.endswith(f".{param}") else ""
