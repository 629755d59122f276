"""Writes an entry into a card and leaves all else of the file, comments too, as it is."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import yaml

from bench.records.files import write_atomic
from bench.suites.loader import read_yaml
from bench.suites.yamlfile import SuiteError, read_text

INDENT = 2
WIDTH = 110
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""A key that needs no quotes, whatever YAML thinks of the word: keys are texts here."""


def write_entry(
    path: Path, keys: Sequence[str], value: Mapping[str, Any], instead_of: Sequence[str] = ()
) -> None:
    """Puts a mapping below some keys of a YAML file, behind the other entries there, in place of an old one.

    Args:
        path: the file; it is made if there is none.
        instead_of: other entries beside it, which go.

    Raises:
        SuiteError: the file is no YAML, or of a form that cannot be changed by a line.
    """
    text = read_text(path) if path.exists() else ""
    before = _data(text, path)
    changed = with_entry(text, keys, value, instead_of)
    if _data(changed, path) != _merged(before, keys, value, instead_of):
        raise SuiteError(f"{path}: cannot write {'.'.join(keys)} into a file of this form")
    write_atomic(path, changed.encode())


def with_entry(
    text: str, keys: Sequence[str], value: Mapping[str, Any], instead_of: Sequence[str] = ()
) -> str:
    """The text of a YAML file with an entry, and without those that it is there instead of."""
    node, data = read_yaml(text)
    lines = text.splitlines()
    if not _is_block(node):
        kept = lines if node is None else []
        return "\n".join([*kept, *_block(_merged(data, keys, value, instead_of), 0)]) + "\n"
    depth = 0
    while depth < len(keys) - 1 and (entry := _find(node, keys[depth])) and _is_block(entry[1]):
        node, data, depth = entry[1], data[keys[depth]], depth + 1
    old = {keys[depth], *(instead_of if depth == len(keys) - 1 else ())}
    gone = set[int]()
    for name, value_node in node.value:
        if name.value in old:
            gone.update(range(name.start_mark.line, _last_line(value_node) + 1))
    inner = _merged(data.get(keys[depth]), keys[depth + 1 :], value, instead_of)
    behind = _last_line(node) + 1
    before = [line for number, line in enumerate(lines[:behind]) if number not in gone]
    new = _block({keys[depth]: inner}, node.start_mark.column)
    return "\n".join([*before, *new, *lines[behind:]]) + "\n"


def comments_above(path: Path, keys: Sequence[str]) -> dict[int, str]:
    """Lines of comments right above a key below the first -> that key, with those before it."""
    text, found = read_text(path), dict[int, str]()
    node, lines = read_yaml(text)[0], text.splitlines()
    for depth, key in enumerate(keys):
        entry = _find(node, key) if _is_block(node) else None
        if entry is None:
            return found
        above = entry[0].start_mark.line - 1
        if depth and lines[above].lstrip().startswith("#"):
            found[above + 1] = ".".join(keys[: depth + 1])
        node = entry[1]
    return found


def _is_block(node: yaml.Node | None) -> TypeGuard[yaml.MappingNode]:
    """Whether a node is a mapping with lines of its own for its entries."""
    return isinstance(node, yaml.MappingNode) and not node.flow_style and bool(node.value)


def _find(node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The entry of a key."""
    return next((pair for pair in node.value if pair[0].value == key), None)


def _last_line(node: yaml.Node) -> int:
    """The last line of a node's text, without comments below it."""
    if isinstance(node, (yaml.MappingNode, yaml.SequenceNode)) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(node, yaml.MappingNode) else last)
    mark: yaml.Mark = node.end_mark
    return mark.line - 1 if mark.column == 0 and mark.line > node.start_mark.line else mark.line


def _block(data: Mapping[str, Any], column: int) -> list[str]:
    """Lines of a mapping: blocks down to mappings of plain values, which stand in one flow."""
    lines = []
    for key, value in data.items():
        nested = isinstance(value, Mapping)
        is_flow = nested and not any(isinstance(inner, Mapping) for inner in value.values())
        head = " " * column + _key(key, is_flow) + ":"
        if nested and not is_flow:
            lines += [head, *_block(value, column + INDENT)]
            continue
        pieces = _pieces(value) if is_flow else [_plain(value)]
        whole = f"{head} {', '.join(pieces)}"
        fits = len(whole) <= WIDTH
        lines += [whole] if fits else [head, *_filled(pieces, " " * (column + INDENT))]
    return lines


def _key(key: str, quoted: bool) -> str:
    """A key; that of settings is a pattern, which cards have in quotes."""
    return key if PLAIN.fullmatch(key) and not quoted else json.dumps(key)


def _pieces(data: Mapping[str, Any]) -> list[str]:
    """The parts of a mapping in a flow, behind which a line may break: an item, or one of an item's list."""
    pieces = []
    for name, value in data.items():
        is_list = isinstance(value, list) and len(value) > 1
        texts = [_plain(item) for item in value] if is_list else [_plain(value)]
        if is_list:
            texts[0] = "[" + texts[0]
            texts[-1] += "]"
        pieces += [f"{_key(name, False)}: {texts[0]}", *texts[1:]]
    pieces = pieces or [""]
    pieces[0] = "{" + pieces[0]
    pieces[-1] += "}"
    return pieces


def _filled(pieces: Sequence[str], indent: str) -> list[str]:
    """Lines of as many pieces as fit, those behind the first one aligned with what is in the brace."""
    lines = [indent + pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + len(piece) + 3 > WIDTH:
            lines[-1] += ","
            lines.append(f"{indent} {piece}")
        else:
            lines[-1] += f", {piece}"
    return lines


def _plain(value: Any) -> str:
    """A value on one line, as it is written among others in brackets."""
    text = yaml.safe_dump(
        [value], default_flow_style=True, width=math.inf, allow_unicode=True, sort_keys=False
    )
    return text.rstrip("\n")[1:-1]


def _data(text: str, path: Path) -> Any:
    """What a text says."""
    try:
        data = read_yaml(text)[1] or {}
    except yaml.YAMLError as error:
        raise SuiteError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise SuiteError(f"{path}: expected a mapping of fields, found {type(data).__name__}")
    return data


def _merged(data: Any, keys: Sequence[str], value: Any, instead_of: Sequence[str] = ()) -> Any:
    """Data with a value below some keys, which come last in their mapping."""
    if not keys:
        return value
    merged = dict(data or {})
    inner = merged.get(keys[0])
    if len(keys) == 1:
        for name in (keys[0], *instead_of):
            merged.pop(name, None)
    merged[keys[0]] = _merged(inner, keys[1:], value, instead_of)
    return merged
