"""YAML files whose errors name the line, as in "file.yaml:5: solvers.0.lr"."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bench.names import nearest
from bench.suites.loader import RefusedError, read_yaml
from bench.system.gate import MOST_BYTES, plain_words, short, shortened

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Loc = tuple[str | int, ...]


class SuiteError(ValueError):
    """Something that a user wrote (a suite, a preset, an option) cannot be used.

    The message says what, where and why.
    """


class YamlSource:
    """A parsed YAML file, a mapping, that remembers where everything stands.

    Raises:
        SuiteError: the file cannot be read, is not YAML, repeats a key, or is not a mapping.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.node: yaml.Node | None
        self.data: Any
        try:
            self.node, self.data = read_yaml(read_text(path))
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            kind = "" if isinstance(error, RefusedError) else "not valid YAML: "
            raise SuiteError(f"{path}:{line}: {kind}{error.problem}") from None
        except yaml.YAMLError as error:
            raise SuiteError(f"{path}: not valid YAML: {one_line(error)}") from None
        if not isinstance(self.data, dict):
            raise SuiteError(f"{path}:1: expected a mapping of fields, found {type(self.data).__name__}")
        self._refuse_repeated_keys(self.node)

    def _refuse_repeated_keys(self, node: yaml.Node | None) -> None:
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if key.value in seen:
                    raise SuiteError(f"{self.path}:{key.start_mark.line + 1}: '{key.value}' is given twice")
                seen.add(key.value)
                self._refuse_repeated_keys(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                self._refuse_repeated_keys(value)

    def line(self, loc: Loc) -> int:
        """Line, from 1, of the deepest part of ``loc`` that the file has."""
        node, line = self.node, 1
        for part in loc:
            if isinstance(node, yaml.MappingNode):
                entry = next((pair for pair in node.value if pair[0].value == str(part)), None)
                if entry is None:
                    return line
                line, node = entry[0].start_mark.line + 1, entry[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line + 1
            else:
                return line
        return line

    def at(self, loc: Loc) -> str:
        """The place of ``loc`` in words, as in "file.yaml:5: solvers.0.lr"."""
        return f"{self.path}:{self.line(loc)}: {shortened('.'.join(map(str, loc)))}".removesuffix(": ")


def read_text(path: Path) -> str:
    """The text of a file of at most `bench.system.gate.MOST_BYTES`.

    Raises:
        SuiteError: it cannot be read, is longer, or is no text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise SuiteError(f"{path}: more than {MOST_BYTES / 1e6:g} MB, which no such file needs")
        return content.decode()
    except OSError as error:
        raise SuiteError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SuiteError(f"{path}: not a text file ({error.reason})") from None


def one_line(error: Exception) -> str:
    """The message of an error in one line."""
    return " ".join(str(error).split())


def explain(error: "ErrorDetails", known: Sequence[str]) -> str:
    """One of pydantic's errors in our words: the reason and the choice, without the place."""
    if error["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        return f"unknown parameter{nearest(str(error['loc'][-1]), known)}"
    if error["type"] in {"missing", "missing_argument"}:
        return "is missing"
    value = error.get("input")
    plain = value is None or isinstance(value, (str, int, float, bool))
    words = plain_words(error["msg"])
    return f"{words} [got {short(value)}]" if plain else words
