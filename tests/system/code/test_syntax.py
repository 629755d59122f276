"""The text of a syntax tree is the same for code that only looks different, on every version of Python."""

import ast
import hashlib

import pytest

from bench.system.code.syntax import code_text
from tests import ROOT

SNIPPET = b'''"""A module."""

from dataclasses import dataclass
from math import pi as circle


@dataclass(frozen=True)
class Point:
    """A point."""

    x: float = -1.5e-7
    """Its place."""
    tags: "dict[str, list[int]] | None" = None

    async def walk(self, *steps: int, far: bool, s: str = "\xc3\xa9\xf0\x9f\x99\x82", **more: object) -> None:
        """Walks."""
        async for step in self.path(*steps, **more):
            yield step


def describe(p, /, width=3, *, q=None):
    match p:
        case Point(x=0 | -1, tags=None):
            return f"{p.x!r:>{width}} at {{x}}" " and on"
        case [first, *_] if (n := len(p)) > 1:
            return f"{n=}" f"{first:.3f}"
        case {"x": x, **rest}:
            return lambda y: (x if y else rest, b"\\x00", ..., 1j, True, 10**30)
        case _:
            try:
                return [a @ b for a, b in zip(p, p[1:-1:2], strict=True) if a]
            except* (ValueError, TypeError) as group:
                raise group from None
'''
GOLDEN = "3856898315254c7b3d451a1878858a7da2c62ae702f064f1c71f423ae10b1e2d"


def test_the_text_is_the_same_on_every_version_of_python():
    assert hashlib.sha256(code_text(SNIPPET)).hexdigest() == GOLDEN


SAME = {
    "a comment": (b"    yield step", b"    yield step  # on and on"),
    "a docstring": (b'"""Walks."""', b'"""Runs."""'),
    "no docstring": (b'        """Walks."""\n', b""),
    "a field's docstring": (b'"""Its place."""', b'"""Where it is."""'),
    "the module's docstring": (b'"""A module."""', b""),
    "quotes": (b'"x": x', b"'x': x"),
    "lines": (b"*steps: int, far: bool,", b"\n        *steps: int,\n        far: bool,\n"),
    "brackets": (b"return [a @ b", b"return [(a) @ (b)"),
    "how a number is written": (b"-1.5e-7", b"-0.00000015"),
    "how a string is cut": (b'at {{x}}" " and on"', b'at {{x}} and on"'),
    "line ends": (b"\n", b"\r\n"),
}
OTHER = {
    "a constant": (b"-1.5e-7", b"-1.5e-8"),
    "its type": (b"width=3", b"width=3.0"),
    "an operator": (b"a @ b", b"a * b"),
    "a name": (b"as circle", b"as round"),
    "an argument": (b"q=None", b"q=0"),
    "a keyword-only argument": (b"far: bool,", b"far: bool = True,"),
    "an annotation": (b"float = ", b"int = "),
    "a decorator": (b"frozen=True", b"frozen=False"),
    "the text of an f-string": (b"and on", b"and off"),
    "the format of an f-string": (b".3f", b".2f"),
    "a conversion": (b"!r", b"!s"),
    "a pattern": (b"0 | -1", b"0 | 1"),
    "a singleton": (b"tags=None):", b"tags=True):"),
    "a string that is used": (b"\\x00", b"\\x01"),
    "awaiting": (b"async for", b"for"),
    "the order": (b"(ValueError, TypeError)", b"(TypeError, ValueError)"),
    "a negation": (b"if a]", b"if not a]"),
}


@pytest.mark.parametrize("what", SAME)
def test_it_does_not_change_with(what):
    old, new = SAME[what]
    assert old in SNIPPET and code_text(SNIPPET.replace(old, new)) == code_text(SNIPPET)


@pytest.mark.parametrize("what", OTHER)
def test_it_changes_with(what):
    old, new = OTHER[what]
    assert SNIPPET.count(old) == 1 and code_text(SNIPPET.replace(old, new)) not in {code_text(SNIPPET), None}


def test_our_own_files_are_the_same_after_unparsing():
    """Another layout of every solver: no comments, one quote, no lines of ours."""
    for path in (ROOT / "solvers").glob("*.py"):
        source = path.read_bytes()
        assert code_text(ast.unparse(ast.parse(source)).encode()) == code_text(source)


def test_a_long_sum_has_a_tree():
    """Deeper than Python's own stack; the text does not depend on how much of the stack is used."""
    assert code_text(b"x = 0" + b" + 1" * 700).count(b"Add()") == 700


def test_what_is_no_python_has_no_tree():
    assert code_text(b"this is no python") is None and code_text(b"x = '\0'") is None
    assert code_text(b"") == code_text(b"# nothing\n") == b"Module()"
