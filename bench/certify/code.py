"""The code that a certificate is about: the file of a method, and the helpers of ours that it uses.

A helper is a function or a module constant of `bench` or `solvers`, or a class of `solvers` that the method
builds on. What helpers use in turn counts too. The classes of `bench`, such as `Prior` and `Operator`, are
interfaces and no helpers: the tests measure all laws on them at every commit.
"""

import ast
import hashlib
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bench.system.code.syntax import parse, tree_text

OURS = ("bench", "solvers")
ANNOTATIONS = ("annotation", "returns")
"""Fields of a syntax tree that say what type something has, and change no result."""

Read = Callable[[str], bytes | None]
"""Gives the source of a module by its name; None where there is no such module."""


class Module(NamedTuple):
    """A module, taken apart.

    Attributes:
        definitions: name -> the statements that define it, several where a condition decides.
        imports: name -> the module that it comes from, and its name there; "" for a module itself.
    """

    tree: ast.Module
    definitions: dict[str, list[ast.stmt]]
    imports: dict[str, tuple[str, str]]


@cache
def code_sha256(cls: type) -> str:
    """sha256 of the syntax trees of the file that defines a class and of the helpers that it uses."""
    return method_sha256(cls.__module__, source_of)


def file_sha256(cls: type) -> str:
    """sha256 of the file that defines a class, byte by byte: what the oldest records keep of their solver."""
    return hashlib.sha256(Path(inspect.getfile(cls)).read_bytes()).hexdigest()


def source_of(name: str) -> bytes | None:
    """The source of a module that can be imported; packages above it are imported for that."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin).read_bytes() if spec and spec.has_location and spec.origin else None


def method_sha256(name: str, read: Read) -> str:
    """sha256 of the syntax trees of a module and of its helpers, whichever modules these lie in."""
    texts = [tree_text(take_apart(source(name, read)).tree), *sorted(helper_texts(name, read))]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def source(name: str, read: Read) -> bytes:
    """The source of a method's module, which is there."""
    found = read(name)
    assert found is not None, f"no source of {name}"
    return found


def helper_texts(name: str, read: Read) -> set[str]:
    """The definitions of all helpers of a module, and what their modules import of others for them."""
    own = take_apart(source(name, read))
    todo = [own.imports[used] for used in names_used(own.tree) if used in own.imports]
    texts: set[str] = set()
    seen: set[tuple[str, str]] = set()
    while todo:
        place = todo.pop()
        if place in seen or not is_ours(place[0]):
            continue
        seen.add(place)
        new, more = look_up(*place, read)
        texts |= new
        todo += more
    return texts


def look_up(module: str, name: str, read: Read) -> tuple[set[str], list[tuple[str, str]]]:
    """The text of what a module of ours calls ``name``, and where the names that it uses stand.

    A module that is imported as a whole counts as a whole, without what it imports.
    """
    found = take_apart(read(module) or b"")
    if name in found.imports:
        return binding(name, found), [found.imports[name]]
    if name not in found.definitions:
        whole = read(f"{module}.{name}" if name else module)
        return ({tree_text(take_apart(whole).tree)} if whole else set()), []
    texts, used = set(), set()
    for node in found.definitions[name]:
        if not is_interface(node, module):
            texts.add(tree_text(node))
            used |= names_used(node)
    return texts, [(module, other) for other in sorted(used - {name})]


def is_ours(module: str) -> bool:
    """Whether a module is one of this project."""
    return module.partition(".")[0] in OURS


def binding(name: str, module: Module) -> set[str]:
    """What an import adds to the definition that it leads to: its module, if not ours, or another name."""
    place, original = module.imports[name]
    if not is_ours(place):
        return {f"{name} = {place}:{original}"}
    return {f"{name} = {original}"} if name != original else set()


def is_interface(node: ast.stmt, module: str) -> bool:
    """Whether a definition is a class of `bench`."""
    return isinstance(node, ast.ClassDef) and module.partition(".")[0] == "bench"


def names_used(node: ast.AST) -> set[str]:
    """The names in a piece of code, outside of annotations."""
    if isinstance(node, ast.Name):
        return {node.id}
    names: set[str] = set()
    for field, value in ast.iter_fields(node):
        if field in ANNOTATIONS:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                names |= names_used(child)
    return names


@cache
def take_apart(source: bytes) -> Module:
    """The definitions and imports of a module, conditional ones included."""
    tree = parse(source)
    definitions: dict[str, list[ast.stmt]] = {}
    imports: dict[str, tuple[str, str]] = {}
    for node in _statements(tree):
        for name in _defined(node):
            definitions.setdefault(name, []).append(node)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                imports[alias.asname or alias.name] = (node.module, alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                imports[alias.asname or alias.name.partition(".")[0]] = (alias.name, "")
    return Module(tree, definitions, imports)


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a module, those below ``if`` and ``try`` included, those in functions left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.If, ast.Try, ast.ExceptHandler)):
            yield from _statements(child)
        elif isinstance(child, ast.stmt):
            yield child


def _defined(node: ast.stmt) -> list[str]:
    """The names that a statement defines or assigns."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    names = []
    for target in targets:
        if target is not None:
            names += [part.id for part in ast.walk(target) if isinstance(part, ast.Name)]
    return names
