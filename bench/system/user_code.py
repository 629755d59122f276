"""Solvers and operators of a user's own: classes named ``pkg.mod:Class``, ``file.py:Class`` or ``file.py``,
and their hash.
"""

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from bench.names import nearest
from bench.system.syntax import code_text

PREFIX = "user_code_"
"""How the names of modules begin that are made of a file."""
INSTALLED = frozenset({"site-packages", "dist-packages"})
"""Folders of packages that are not the user's to edit."""
NOT_THEIRS = frozenset({"bench", "solvers", *sys.stdlib_module_names})
"""First names of modules whose source no hash of a user's class includes: ours carry a ``rev`` instead."""


class UserCodeError(ValueError):
    """A class that a user names cannot be used; the message says what, where and why."""


def is_user_code(spec: str) -> bool:
    """Whether it names a file or module rather than something of ours."""
    return ":" in spec or spec.endswith(".py")


def load_class(spec: str, base: type) -> tuple[type, ModuleType]:
    """The class below ``base`` that ``spec`` names, and the module that was asked; ``file.py`` alone where it
    has only one.

    Raises:
        UserCodeError: no such file, module or class, an error while importing it, or a class of another kind.
    """
    where, _, name = spec.rpartition(":") if ":" in spec else (spec, "", "")
    module = import_user_module(where)
    classes = _classes(module)
    if not name:
        found = [k for k, v in classes.items() if issubclass(v, base)]
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


def members(spec: str, *bases: type) -> list[str]:
    """``file.py:Class`` for each class below one of ``bases`` in ``file.py``, abstract ones only where there
    is no other.

    What names its class stands for itself.

    Raises:
        UserCodeError: no such file, an error while importing it, or no such class in it.
    """
    if ":" in spec:
        return [spec]
    found = {k: v for k, v in _classes(import_user_module(spec)).items() if issubclass(v, bases)}
    if not found:
        raise UserCodeError(
            f"{spec} defines no class derived from {' or '.join(base.__name__ for base in bases)}"
        )
    whole = [k for k, v in found.items() if not inspect.isabstract(v)]
    return [f"{spec}:{name}" for name in whole or found]


def _classes(module: ModuleType) -> dict[str, type]:
    """Those that it defines itself, by name."""
    return {k: v for k, v in vars(module).items() if inspect.isclass(v) and v.__module__ == module.__name__}


def source_sha256(cls: type, *modules: ModuleType) -> str | None:
    """Of the code that makes a user's class; None where all is ours.

    These are the files of the class, of all classes that it derives from and of further modules, and what
    these import, at once or in turn, from the folder that they were found in or from below it, by an import
    statement anywhere in the file (`importlib` is not seen). A class of an installed package counts by its
    file too, and not by the package's version, which stays as it is while a working copy changes; what such a
    package imports does not count.

    A file counts by its syntax tree: comments, docstrings and layout may change. What does not parse counts
    by its bytes.
    """
    theirs = [
        sys.modules[c.__module__] for c in cls.__mro__ if c.__module__.partition(".")[0] not in NOT_THEIRS
    ]
    files = {path for module in (*modules, *theirs) for path in _files(module)}
    return _digest(files)


def module_sha256(module: ModuleType) -> str | None:
    """Of a user's module and of what it imports from beside it, as in `source_sha256`; None for what has no
    file.
    """
    return _digest(_files(module))


def _digest(files: Iterable[Path]) -> str | None:
    contents = {_content(path) for path in files}
    return hashlib.sha256(b"\n".join(sorted(contents))).hexdigest() if contents else None


def _content(path: Path) -> bytes:
    """What of a file counts: the text of its syntax tree, or all of it where it has none."""
    source = path.read_bytes()
    tree = code_text(source) if path.suffix == ".py" else None
    return source if tree is None else tree


def _files(module: ModuleType) -> set[Path]:
    """The file of a module and of all that it imports from its own folder; nothing of what is built in."""
    if not getattr(module, "__file__", None):
        return set()
    todo, found, root = [Path(module.__file__).resolve()], set(), _root(module)
    while todo:
        path = todo.pop()
        found.add(path)
        if path.suffix == ".py" and not INSTALLED & set(path.parts):
            todo += {
                other for name in _imported(path.read_bytes()) for other in _resolve(name, path, root)
            } - found
    return found


def _root(module: ModuleType) -> Path:
    """The folder in which absolute imports find a module and its neighbours."""
    path = Path(module.__file__).resolve()
    depth = 0 if module.__name__.startswith(PREFIX) else module.__name__.count(".")
    return path.parents[depth + (path.name == "__init__.py")]


@cache
def _imported(source: bytes) -> frozenset[str]:
    """What the import statements of a file name, whether modules or what is in them; relative ones with
    leading dots.
    """
    names = set()
    try:
        tree = ast.parse(source)
    except SyntaxError:  # of a module that is imported on trial
        return frozenset()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (f"{node.module}." if node.module else "")
            names |= {start + alias.name for alias in node.names}
    return frozenset(names)


def _resolve(name: str, importer: Path, root: Path) -> Iterator[Path]:
    """The user's files that importing a name runs: of a module "a.b" also the package "a"."""
    bare = name.lstrip(".")
    level = len(name) - len(bare)
    if not level and bare.partition(".")[0] in NOT_THEIRS:
        return
    place = importer.parents[level - 1] if level else root
    if not place.is_relative_to(root):
        return
    if level:
        yield from [init] if (init := place / "__init__.py").is_file() else []
    for part in bare.split("."):
        place /= part
        yield from (file for file in (place.with_name(f"{part}.py"), place / "__init__.py") if file.is_file())


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """While a user's file is imported, its folder is where modules are looked for first, as if it was run as
    a script.

    Afterwards it is where they are looked for last: a function of the file may import, too.
    """
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def _refuse_strangers(where: str, module: ModuleType) -> None:
    """A module that was loaded before under the name of one beside the file is what the file got, and is not
    what is hashed.
    """
    root = _root(module)
    for path in sorted(_files(module) - {Path(module.__file__).resolve()}):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        known = getattr(sys.modules.get(name), "__file__", None)
        if known and Path(known).resolve() != path.resolve():
            raise UserCodeError(
                f"{where}: its '{name}' is {path}, but {known} is loaded under that name; rename one of them"
            )


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
        name = f"{PREFIX}{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        # Dataclasses look their module up by name while they are made.
        sys.modules[name] = module
        with _importable(path.resolve().parent):
            spec.loader.exec_module(module)
        _refuse_strangers(where, module)
        return module
    except UserCodeError:
        raise
    except (Exception, SystemExit) as error:
        raise UserCodeError(f"{where}: cannot import it: {type(error).__name__}: {error}") from error
