"""Names that a suite may use, found in files, so that a typo is refused in a second, before torch is loaded.

What is not a plain name (a path, a module, a prior in closed form) is left to whoever loads it.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from bench.names import nearest
from bench.suites.cards import card_of, list_cards
from bench.suites.suite import SolverRow, Suite, TaskRow
from bench.suites.yamlfile import SuiteError
from bench.system.code.user_code import is_user_code

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"(?!exact-)[\w-]+", re.ASCII)
"""A plain name; those of priors in closed form begin with "exact-"."""
ANY_CODE = ", or pkg.mod:Class, or file.py:Class"


def check_names(suite: Suite) -> None:
    """Refuses a suite whose solvers, parameters, presets, operators, data or priors have no such name.

    Raises:
        SuiteError: a line for each, with its place.
    """
    sources: list[Suite | TaskRow] = [suite, *suite.tasks]
    wrong = [text for row in sources for text in _wrong_sources(row)]
    for task in suite.tasks:
        wrong += [f"{task.where()}: task '{task.name}': {text}" for text in wrong_operator(task.operator)]
    for row in suite.solvers:
        wrong += _wrong_row(row)
    if wrong:
        raise SuiteError("\n".join(dict.fromkeys(wrong)))


def wrong_operator(name: str) -> list[str]:
    """Why an operator cannot be used, as far as its name tells: nothing, or one reason."""
    if is_user_code(name):
        return absent(name)
    known = operators()
    return [] if name in known else [f"unknown operator '{name}'{nearest(name, known)}{ANY_CODE}"]


def _wrong_sources(row: Suite | TaskRow) -> Iterator[str]:
    """Data sets and priors of a suite or task that have no such name."""
    if row.prior and NAME.fullmatch(row.prior) and row.prior not in (known := priors()):
        kinds = "the path of a card (.toml), diffusers:FOLDER or azula:NAME"
        yield f"unknown prior '{row.prior}'{nearest(row.prior, known)}, {kinds}"
    if row.dataset and NAME.fullmatch(row.dataset) and (known := datasets()) and row.dataset not in known:
        choice = "or the path of a card (*.toml) or of a folder of images"
        yield f"unknown data set '{row.dataset}'{nearest(row.dataset, known)}, {choice}"


def _wrong_row(row: SolverRow) -> list[str]:
    """What a row names that does not exist: its solver, preset or parameters."""
    place = row.where()
    if is_user_code(row.solver):
        return [f"{place}: {text}" for text in absent(row.solver)]
    if row.solver not in list_cards():
        choices = nearest(row.solver, list_cards())
        return [f"{place}: unknown solver '{row.solver}'{choices}{ANY_CODE}"]
    presets, known, wrong = card_of(row.solver).presets, parameters(row.solver), []
    if row.preset is not None and row.preset not in presets:
        no_preset = f"{row.solver} has no preset '{row.preset}'{nearest(row.preset, presets)}"
        wrong.append(f"{row.where('preset')}: {no_preset}")
    for param in row.params:
        if known and param not in known:
            place = row.where(param)
            name = "" if place.endswith(f".{param}") else f"{param}: "
            wrong.append(f"{place}: {name}unknown parameter{nearest(param, known)}")
    return wrong


def absent(spec: str) -> list[str]:
    """The reason why a user's file cannot be read; none where there is one, or where it names a module."""
    place = spec.rpartition(":")[0] if ":" in spec else spec
    return [f"{place}: no such file"] if place.endswith(".py") and not Path(place).is_file() else []


@cache
def operators() -> tuple[str, ...]:
    """The names of our operators: the keys of `bench.operators.OPERATORS`."""
    tree = ast.parse((ROOT / "bench" / "operators" / "__init__.py").read_bytes())
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "OPERATORS":
            assert isinstance(node.value, ast.Dict)
            return tuple(ast.literal_eval(key) for key in node.value.keys if key)
    raise AssertionError("bench.operators has its OPERATORS")


def priors() -> list[str]:
    """The names of the priors that have a card here."""
    return sorted(path.stem for path in (ROOT / "bench" / "priors").glob("*.toml"))


def datasets() -> list[str]:
    """The names of the data sets that have a card here; none where only the wheel was installed."""
    return sorted(path.stem for path in (ROOT / "datasets").glob("*.toml"))


@cache
def parameters(solver: str) -> tuple[str, ...]:
    """The names of the parameters of one of our solvers; () where its file alone does not tell."""
    card = card_of(solver)
    assert card.path is not None
    for node in ast.parse(card.path.with_suffix(".py").read_bytes()).body:
        if isinstance(node, ast.ClassDef) and node.name == card.class_name:
            bases = [ast.unparse(base) for base in node.bases]
            fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
            names = [ast.unparse(f.target) for f in fields if "ClassVar" not in ast.unparse(f.annotation)]
            return tuple(names) if bases == ["Solver"] else ()
    return ()
