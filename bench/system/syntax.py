"""Syntax trees of Python code, as text that stays the same when comments, docstrings or the layout change.

The text is the same on every version of Python: it has the type and the non-empty fields of each node, and no
positions or contexts. `ast.dump` is no such text: it depends on the version.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache

DROPPED = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields that say how something is written or used, not what it is."""
BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What `parse` raises where a file is not Python's, or nested too deeply for it."""

Part = str | ast.AST | list
"""Finished text, or what is still to be written."""


@cache
def parse(source: bytes) -> ast.Module:
    """The tree of a file. Raises one of `BROKEN`."""
    return ast.parse(source)


def code_text(source: bytes) -> bytes | None:
    """The text of the tree of a file; None where it does not parse."""
    try:
        return tree_text(parse(source)).encode()
    except BROKEN:
        return None


def tree_text(node: ast.AST) -> str:
    """A tree as text: ``Return(value=Name(id='x'))``. Strings that stand alone (docstrings) are left out."""
    texts: list[str] = []
    todo: list[Part] = [node]
    while todo:  # no recursion: how deep it may go would depend on the caller
        part = todo.pop()
        if isinstance(part, str):
            texts.append(part)
        else:
            todo += reversed(_list_parts(part) if isinstance(part, list) else _node_parts(part))
    return "".join(texts)


def _list_parts(items: list) -> list[Part]:
    parts: list[Part] = []
    for item in items:
        if not is_bare_string(item):
            parts += [", ", _part(item)]
    return ["[", *parts[1:], "]"]


def _node_parts(node: ast.AST) -> list[Part]:
    if isinstance(node, ast.Constant):
        return [f"Constant({node.value!a})"]
    parts: list[Part] = []
    for name, value in ast.iter_fields(node):
        if isinstance(node, ast.JoinedStr):
            value = list(_joined(value))
        if name not in DROPPED and value is not None and value != []:
            parts += [", ", f"{name}=", _part(value)]
    return [f"{type(node).__name__}(", *parts[1:], ")"]


def _part(value: object) -> Part:
    # In ASCII, since which characters `repr` escapes depends on Python's version of Unicode.
    return value if isinstance(value, (ast.AST, list)) else ascii(value)


def is_bare_string(node: object) -> bool:
    """Whether a statement is nothing but a string: the docstring of something, or a comment."""
    is_constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_constant and isinstance(node.value.value, str)


def _joined(values: Iterable[ast.expr]) -> Iterator[ast.expr]:
    """The parts of an f-string, neighbouring texts joined: versions of Python cut them differently."""
    text = ""
    for value in values:
        if isinstance(value, ast.Constant):
            text += value.value
            continue
        if text:
            yield ast.Constant(text)
        text = ""
        yield value
    if text:
        yield ast.Constant(text)
