"""Writes an entry into a card and leaves all else of the file, comments too, as it is."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import yaml

from bench.records.files import write_atomic
from bench.suites.loader import read_yaml
from bench.suites.yamlfile import SuiteError, read_text

INDENT = 2
WIDTH = 108
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""A key that needs no quotes, whatever YAML thinks of the word: keys are texts here."""


def write_entry(path: Path, keys: Sequence[str], value: Mapping[str, Any]) -> None:
    """Puts a mapping below some keys of a YAML file, behind the other entries there, in place of an old one.

    Args:
        path: the file; it is made if there is none.

    Raises:
        SuiteError: the file is no YAML, or of a form that cannot be changed by a line.
    """
    text = read_text(path) if path.exists() else ""
    before = _data(text, path)
    changed = with_entry(text, keys, value)
    if _data(changed, path) != _merged(before, keys, value):
        raise SuiteError(f"{path}: cannot write {'.'.join(keys)} into a file of this form")
    write_atomic(path, changed.encode())


def with_entry(text: str, keys: Sequence[str], value: Mapping[str, Any]) -> str:
    """The text of a YAML file with an entry."""
    node, data = read_yaml(text)
    lines = text.splitlines()
    if not _is_block(node):
        kept = lines if node is None else []
        return "\n".join([*kept, *_block(_merged(data, keys, value), 0)]) + "\n"
    depth = 0
    while depth < len(keys) - 1 and (entry := _find(node, keys[depth])) and _is_block(entry[1]):
        node, data, depth = entry[1], data[keys[depth]], depth + 1
    behind, begin, end = _last_line(node), 0, -1
    if entry := _find(node, keys[depth]):
        begin, end = entry[0].start_mark.line, _last_line(entry[1])
    inner = _merged(data.get(keys[depth]), keys[depth + 1 :], value)
    new = _block({keys[depth]: inner}, node.start_mark.column)
    without = [*lines[:begin], *lines[end + 1 : behind + 1]]
    return "\n".join([*without, *new, *lines[behind + 1 :]]) + "\n"


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
        head = " " * column + (key if PLAIN.fullmatch(key) else json.dumps(key)) + ":"
        if isinstance(value, Mapping) and any(isinstance(inner, Mapping) for inner in value.values()):
            lines += [head, *_block(value, column + INDENT)]
            continue
        flow = yaml.safe_dump(
            value, default_flow_style=True, width=WIDTH - column - INDENT, sort_keys=False, allow_unicode=True
        )
        first, *others = flow.removesuffix("...\n").rstrip("\n").split("\n")
        if others or len(head) + len(first) >= WIDTH:
            lines += [head, *(" " * (column + INDENT) + line.strip() for line in (first, *others))]
        else:
            lines.append(f"{head} {first}")
    return lines


def _data(text: str, path: Path) -> Any:
    """What a text says."""
    try:
        data = read_yaml(text)[1] or {}
    except yaml.YAMLError as error:
        raise SuiteError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise SuiteError(f"{path}: expected a mapping of fields, found {type(data).__name__}")
    return data


def _merged(data: Any, keys: Sequence[str], value: Any) -> Any:
    """Data with a value below some keys, which come last in their mapping."""
    if not keys:
        return value
    merged = dict(data or {})
    inner = merged.get(keys[0])
    if len(keys) == 1:
        merged.pop(keys[0], None)
    merged[keys[0]] = _merged(inner, keys[1:], value)
    return merged
