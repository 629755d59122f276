"""The house keeps its own rules: rooms of a size that shows itself, a test for every module, code that reads
plainly."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.suites.cards import list_cards
from tests import ROOT

FOLDERS = {
    *("certify", "checks", "cli", "data", "exact", "metrics", "operators", "forecast", "plan", "priors"),
    *("records", "report", "run", "schedule", "stats", "suites", "system", "tune", "verify"),
}
MODULES = {"api", "batch", "likelihood", "names", "noise", "pieces", "prior", "solver"}
MOST_MODULES = 10
"""Modules of a room, sub-rooms apart."""
MOST_COMPREHENSIONS = 40
"""Per 1000 lines of code."""
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
WORDS = {"exact", "oracle", "pinv", "prior"}
"""Methods whose names are also words: a field of a suite, a method of operators, a distribution."""
HISTORY = {"bench/records/words.py"}
"""Keeps what records from before the cards do not say of their methods."""
LAYOUT = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
}
SOURCES = [path for folder in ("bench", "solvers") for path in sorted((ROOT / folder).rglob("*.py"))]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def modules(room: Path) -> list[str]:
    return [path.stem for path in room.glob("*.py") if not path.stem.startswith("__")]


def test_a_newcomer_sees_eighteen_rooms_and_eight_modules():
    folders = {
        path.name for path in (ROOT / "bench").iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert (folders, set(modules(ROOT / "bench"))) == (FOLDERS, MODULES)


def test_no_room_is_crowded():
    rooms = {path.parent for path in SOURCES if path.parts[-2] != "solvers" and "laws" not in path.parts}
    crowded = {named(room): len(modules(room)) for room in rooms if len(modules(room)) > MOST_MODULES}
    assert crowded == {}


TESTED_BY_NAME = [
    path
    for path in (ROOT / "bench").rglob("*.py")
    if not path.stem.startswith("__") and path.parent.name != "laws"
]


@pytest.mark.parametrize("path", sorted(TESTED_BY_NAME), ids=named)
def test_every_module_finds_its_test_by_name(path):
    """Module bench/run/solve.py has tests/run/test_solve.py; the tests of solvers and laws go through all of
    them."""
    place = path.relative_to(ROOT)
    assert (ROOT / "tests" / Path(*place.parts[1:-1]) / f"test_{path.stem}.py").is_file()


def inner(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        yield from ast.walk(child)


def lines_of_code(source: str) -> int:
    """Lines that hold code: not blank, no comment, no docstring."""
    prose: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            prose.update(range(node.lineno, node.end_lineno + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(code - prose)


def test_no_code_of_the_harness_names_a_method():
    """What is to be known of a method is in its card, so that a new one is new files only."""
    names = list_cards().keys() - WORDS
    found = []
    for path in SOURCES:
        if path.is_relative_to(ROOT / "solvers") or named(path) in HISTORY:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and node.value in names:
                found.append(f"{named(path)}:{node.lineno}: {node.value}")
    assert found == []


def test_a_class_name_means_one_thing():
    """No two public classes share a name, in whichever folders; private ones are their module's own."""
    places: dict[str, list[str]] = {}
    others = ("benchmarks", "datasets", "tools")
    for path in SOURCES + [path for folder in others for path in sorted((ROOT / folder).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(f"{named(path)}:{node.lineno}")
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_comprehensions_are_few():
    sources = [path.read_text() for path in SOURCES]
    found = sum(
        isinstance(node, COMPREHENSIONS) for source in sources for node in ast.walk(ast.parse(source))
    )
    assert found / sum(map(lines_of_code, sources)) * 1000 <= MOST_COMPREHENSIONS


@pytest.mark.parametrize(
    "kinds", [COMPREHENSIONS, (ast.IfExp,)], ids=["comprehensions", "conditional expressions"]
)
def test_none_is_nested(kinds):
    nested = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, kinds) and any(isinstance(other, kinds) for other in inner(node)):
                nested.append(f"{named(path)}:{node.lineno}")
    assert nested == []
