"""Solvers and operators of a user's own: classes named ``pkg.mod:Class``, ``file.py:Class`` or ``file.py``, and their hash."""

import hashlib
import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

from bench.names import nearest

NOT_THEIRS = frozenset({"bench", "solvers", *sys.stdlib_module_names})
"""First names of modules whose source no hash of a user's class includes: ours carry a ``rev`` instead."""


class UserCodeError(ValueError):
    """A class that a user names cannot be used; the message says what, where and why."""


def is_user_code(spec: str) -> bool:
    """Whether it names a file or module rather than something of ours."""
    return ":" in spec or spec.endswith(".py")


def load_class(spec: str, base: type) -> tuple[type, ModuleType]:
    """The class below ``base`` that ``spec`` names, and the module that was asked; ``file.py`` alone where it has only one.

    Raises:
        UserCodeError: no such file, module or class, an error while importing it, or a class of another kind.
    """
    where, _, name = spec.rpartition(":") if ":" in spec else (spec, "", "")
    module = import_user_module(where)
    classes = [k for k, v in vars(module).items() if inspect.isclass(v) and v.__module__ == module.__name__]
    if not name:
        found = [k for k in classes if issubclass(getattr(module, k), base)]
        if len(found) != 1:
            kind = f"{base.__name__.lower()}s"
            raise UserCodeError(
                f"{where} defines {len(found)} {kind} ({', '.join(found) or 'none'}); name one as {where}:Class"
            )
        name = found[0]
    cls = getattr(module, name, None)
    if cls is None:
        raise UserCodeError(f"{spec}: no '{name}' in {where}{nearest(name, classes, 'it has')}")
    if not (inspect.isclass(cls) and issubclass(cls, base)):
        raise UserCodeError(f"{spec}: '{name}' is not a class derived from {base.__module__}.{base.__name__}")
    return cls, module


def source_sha256(cls: type, *modules: ModuleType) -> str | None:
    """Of the files of a class and of all classes that it derives from, and of further modules; None where all is ours."""
    theirs = [c for c in cls.__mro__ if c.__module__.partition(".")[0] not in NOT_THEIRS]
    files = {Path(inspect.getfile(owner)).read_bytes() for owner in (*modules, *theirs)}
    return hashlib.sha256(b"".join(sorted(files))).hexdigest() if files else None


def import_user_module(where: str) -> ModuleType:
    """The module of a ``pkg.mod`` or a ``file.py``.

    Raises:
        UserCodeError: there is none, or an error while importing it.
    """
    try:
        if not where.endswith(".py"):
            return importlib.import_module(where)
        path = Path(where)
        if not path.is_file():
            raise UserCodeError(f"{where}: no such file")
        name = f"user_code_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        # Dataclasses look their module up by name while they are made.
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    except UserCodeError:
        raise
    except (Exception, SystemExit) as error:
        raise UserCodeError(f"{where}: cannot import it: {type(error).__name__}: {error}") from error
