"""Imports and hashes a user's own solvers and operators.

Users name their classes ``pkg.mod:Class``, ``file.py:Class`` or ``file.py``.
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
from bench.system.code.reads import UserCodeError, declared_files, reading, refuse_undeclared
from bench.system.code.syntax import code_text

PREFIX = "user_code_"
"""The names of modules that are imported from a file begin with it."""
INSTALLED = frozenset({"site-packages", "dist-packages"})
"""Folders of installed packages, which users do not edit."""
NOT_THEIRS = frozenset({"bench", "solvers", *sys.stdlib_module_names})
"""Packages that no hash of a user's class includes: ours carry a ``rev`` instead."""


def is_user_code(spec: str) -> bool:
    """Whether a name is of a user's file or module, and not of something of ours."""
    return ":" in spec or spec.endswith(".py")


def load_class(spec: str, base: type) -> tuple[type, ModuleType]:
    """Imports the class that ``spec`` names.

    Args:
        spec: ``pkg.mod:Class``, ``file.py:Class``, or ``file.py`` if it defines one class below ``base``.
        base: the class that it must be derived from.

    Returns:
        The class, and the module that was asked for it.

    Raises:
        UserCodeError: no such file, module or class, an error while importing it, or a class of another kind.
    """
    where, _, name = spec.rpartition(":") if ":" in spec else (spec, "", "")
    with reading() as opened:
        module = import_user_module(where)
    name = name or _only_class(where, module, base)
    cls = getattr(module, name, None)
    if cls is None:
        raise UserCodeError(f"{spec}: no '{name}' in {where}{nearest(name, _classes(module), 'it has')}")
    if not (inspect.isclass(cls) and issubclass(cls, base)):
        raise UserCodeError(f"{spec}: '{name}' is not a class derived from {base.__module__}.{base.__name__}")
    refuse_undeclared(cls, opened)
    return cls, module


def _only_class(where: str, module: ModuleType, base: type) -> str:
    """Name of the one class below ``base`` that a module defines."""
    found = [name for name, cls in _classes(module).items() if issubclass(cls, base)]
    if len(found) == 1:
        return found[0]
    kind = f"{base.__name__.lower()}s"
    defined = f"{where} defines {len(found)} {kind} ({', '.join(found) or 'none'})"
    raise UserCodeError(f"{defined}; name one as {where}:Class")


def members(spec: str, *bases: type) -> list[str]:
    """Names each class below one of ``bases`` in ``file.py`` as ``file.py:Class``.

    Abstract classes are named only where there is no other. A ``spec`` that names its class is the only
    member.

    Raises:
        UserCodeError: no such file, an error while importing it, or no such class in it.
    """
    if ":" in spec:
        return [spec]
    classes = _classes(import_user_module(spec))
    found = [name for name, cls in classes.items() if issubclass(cls, bases)]
    if not found:
        kinds = " or ".join(base.__name__ for base in bases)
        raise UserCodeError(f"{spec} defines no class derived from {kinds}")
    concrete = [name for name in found if not inspect.isabstract(classes[name])]
    return [f"{spec}:{name}" for name in concrete or found]


def _classes(module: ModuleType) -> dict[str, type]:
    """The classes that a module defines itself, by name."""
    found = {}
    for name, value in vars(module).items():
        if inspect.isclass(value) and value.__module__ == module.__name__:
            found[name] = value
    return found


def source_sha256(cls: type, *modules: ModuleType) -> str | None:
    """Hashes the code that makes a user's class; None where all of it is ours.

    The code is the files of the class, of all classes that it derives from and of further modules, and what
    these import, at once or in turn, from the folder that they were found in or from below it, by an import
    statement anywhere in the file (`importlib` is not seen). A class of an installed package counts by its
    file too, and not by the package's version, which stays as it is while a working copy changes; what such a
    package imports does not count.

    A file counts by its syntax tree: comments, docstrings and layout may change. What does not parse counts
    by its bytes, and so do the `declared_files`.

    Raises:
        UserCodeError: a declared file is not there.
    """
    files = declared_files(cls)
    for module in modules:
        files |= _files(module)
    for ancestor in cls.__mro__:
        if ancestor.__module__.partition(".")[0] not in NOT_THEIRS:
            files |= _files(sys.modules[ancestor.__module__])
    return _digest(files)


def module_sha256(module: ModuleType) -> str | None:
    """Hashes a user's module and what it imports from beside it, as `source_sha256`; None without a file."""
    return _digest(_files(module))


def _digest(files: Iterable[Path]) -> str | None:
    contents = {_content(path) for path in files}
    return hashlib.sha256(b"\n".join(sorted(contents))).hexdigest() if contents else None


def _content(path: Path) -> bytes:
    """The part of a file that counts: the text of its syntax tree, or all bytes where it has none."""
    source = path.read_bytes()
    tree = code_text(source) if path.suffix == ".py" else None
    return source if tree is None else tree


def _files(module: ModuleType) -> set[Path]:
    """The file of a module and of all that it imports from its own folder; none for a built-in module."""
    if not getattr(module, "__file__", None):
        return set()
    root, found = _root(module), set()
    todo = [_path(module)]
    while todo:
        path = todo.pop()
        if path in found:
            continue
        found.add(path)
        if path.suffix != ".py" or INSTALLED & set(path.parts):
            continue
        for name in _imported(path.read_bytes()):
            todo += _resolve(name, path, root)
    return found


def _path(module: ModuleType) -> Path:
    """The file of a module that has one."""
    assert module.__file__ is not None, "not a module of a file"
    return Path(module.__file__).resolve()


def _root(module: ModuleType) -> Path:
    """The folder in which absolute imports find a module and its neighbours."""
    path = _path(module)
    depth = 0 if module.__name__.startswith(PREFIX) else module.__name__.count(".")
    return path.parents[depth + (path.name == "__init__.py")]


@cache
def _imported(source: bytes) -> frozenset[str]:
    """Names in the import statements of a file: modules, and what is in them.

    Relative names begin with their dots.
    """
    names = set()
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a module that is imported on trial need not be valid
        return frozenset()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (f"{node.module}." if node.module else "")
            names |= {start + alias.name for alias in node.names}
    return frozenset(names)


def _resolve(name: str, importer: Path, root: Path) -> Iterator[Path]:
    """The user's files that importing a name runs: for a module "a.b" also the package "a"."""
    bare = name.lstrip(".")
    level = len(name) - len(bare)
    if not level and bare.partition(".")[0] in NOT_THEIRS:
        return
    place = importer.parents[level - 1] if level else root
    if not place.is_relative_to(root):
        return
    candidates = [place / "__init__.py"] if level else []
    for part in bare.split("."):
        place /= part
        candidates += [place.with_name(f"{part}.py"), place / "__init__.py"]
    yield from filter(Path.is_file, candidates)


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Puts the folder of a user's file first on the module path, as Python does for a script.

    Afterwards it stands last on the path, since a function of the file may import, too.
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
    """Refuses a module whose import found a module loaded earlier, from elsewhere, under the same name.

    The module would run one file while the hash covers another.
    """
    root = _root(module)
    for path in sorted(_files(module) - {_path(module)}):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        known = getattr(sys.modules.get(name), "__file__", None)
        if known and Path(known).resolve() != path.resolve():
            raise UserCodeError(
                f"{where}: its '{name}' is {path}, but {known} is loaded under that name; rename one of them"
            )


def import_user_module(where: str) -> ModuleType:
    """Imports a ``pkg.mod`` or a ``file.py``.

    Raises:
        UserCodeError: there is none, or an error while importing it.
    """
    try:
        if where.endswith(".py"):
            return _import_file(where)
        return importlib.import_module(where)
    except UserCodeError:
        raise
    except (Exception, SystemExit) as error:
        raise UserCodeError(f"{where}: cannot import it: {type(error).__name__}: {error}") from error


def _import_file(where: str) -> ModuleType:
    """Imports a file as a module whose name tells files of equal names apart."""
    path = Path(where)
    if not path.is_file():
        raise UserCodeError(f"{where}: no such file")
    place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()
    name = f"{PREFIX}{path.stem}_{place[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, "a .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name while they are made.
    sys.modules[name] = module
    with _importable(path.resolve().parent):
        spec.loader.exec_module(module)
    _refuse_strangers(where, module)
    return module
