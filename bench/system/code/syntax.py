"""Python code as the text of its syntax tree, which comments, docstrings and layout do not change.

The text is the same on every version of Python: it has the type and the non-empty fields of each node, and no
positions or contexts. The text of `ast.dump` depends on the version.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache

DROPPED = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields that say how something is written or used, not what it is."""
BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)
"""Errors of `parse`: the file is not Python, or is nested too deeply."""

Part = str | ast.AST | list
"""A piece of the text: finished, or a node or list that is still to be written."""


@cache
def parse(source: bytes) -> ast.Module:
    """Parses a file; raises one of `BROKEN`."""
    return ast.parse(source)


def code_text(source: bytes) -> bytes | None:
    """The text of a file's tree; None where the file does not parse."""
    try:
        return tree_text(parse(source)).encode()
    except BROKEN:
        return None


def tree_text(node: ast.AST) -> str:
    """A tree as text: ``Return(value=Name(id='x'))``, without strings that stand alone (docstrings)."""
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
    """Whether a statement is nothing but a string: a docstring, or a string that serves as a comment."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return isinstance(node.value.value, str)


def _joined(values: Iterable[ast.expr]) -> Iterator[ast.expr]:
    """The parts of an f-string, neighbouring texts joined: versions of Python cut them differently."""
    text = ""
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            text += value.value
            continue
        if text:
            yield ast.Constant(text)
        text = ""
        yield value
    if text:
        yield ast.Constant(text)
