"""Syntax trees of Python code, as text that stays the same when comments, docstrings or the layout change.

The text is also the same on every version of Python: it has the type and the non-empty fields of each node, and
neither positions nor contexts. `ast.dump` is no such text: it prints what a version of Python has, and how it has it.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache

DROPPED = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields that say how something is written or used, not what it is."""
BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What `parse` raises of a file that is not Python's, or nested too deeply for it."""


@cache
def parse(source: bytes) -> ast.Module:
    """The tree of a file. Raises one of `BROKEN`."""
    return ast.parse(source)


def tree_text(node: ast.AST) -> str:
    """A tree as text: ``Return(value=Name(id='x'))``. Strings that stand alone, as docstrings do, are left out."""
    if isinstance(node, ast.Constant):
        return f"Constant({_literal(node.value)})"
    texts = []
    for name, value in ast.iter_fields(node):
        if name in DROPPED or value is None or value == []:
            continue
        if isinstance(node, ast.JoinedStr):
            value = list(_pieces(value))
        texts.append(f"{name}={_field_text(value)}")
    return f"{type(node).__name__}({', '.join(texts)})"


def _field_text(value: object) -> str:
    if isinstance(value, ast.AST):
        return tree_text(value)
    if isinstance(value, list):
        kept = [item for item in value if not is_bare_string(item)]
        return f"[{', '.join(_field_text(item) for item in kept)}]"
    return _literal(value)


def _literal(value: object) -> str:
    """A constant or a name, in ASCII: which characters `repr` escapes depends on the version of Unicode."""
    return ascii(value)


def is_bare_string(node: object) -> bool:
    """Whether a statement is nothing but a string: the docstring of something, or a comment."""
    is_constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_constant and isinstance(node.value.value, str)


def _pieces(values: Iterable[ast.expr]) -> Iterator[ast.expr]:
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


def code_text(source: bytes) -> bytes | None:
    """The text of the tree of a file; None where it does not parse."""
    try:
        return tree_text(parse(source)).encode()
    except BROKEN:
        return None


def sha256(text: bytes) -> str:
    """64 hex digits."""
    return hashlib.sha256(text).hexdigest()
