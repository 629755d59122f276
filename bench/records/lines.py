"""Lines of a journal, read only if they are whole and every field is of its declared type.

Every start of a run reads all lines of its folder, and a million must take seconds: msgspec parses them, by
the types of `Record`, and texts and mappings that records share are kept once.
"""

import json
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from itertools import chain, repeat
from operator import attrgetter, call, getitem
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from bench.records.files import StoreError
from bench.records.keys import canonical, plain
from bench.records.record import FORMAT, STATUSES, Record
from bench.records.words import RECORD, switches_from_disk
from bench.system.gate import conform, read_json

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
SPECIAL: Mapping[str, Any] = {
    "status": Literal[STATUSES],
    "metrics": dict[str, float | Literal["inf", "-inf"] | None],
}
"""Field -> its type in a line, where this is not the declared one."""
UNIQUE = frozenset({"key", "created"})
"""Texts that no two records share."""
HINTS = get_type_hints(Record)


def kinds(name: str) -> tuple[Any, ...]:
    """The types that a field may have."""
    hint = HINTS[name]
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


TEXTS = [name for name in HINTS if str in kinds(name) and name not in {*UNIQUE, *SPECIAL}]
"""Fields whose texts are kept once."""
SHARED = [name for name in HINTS if {dict, list} & {*map(get_origin, kinds(name))} and name not in SPECIAL]
"""Fields whose lists and mappings are kept once."""
OTHERS = [name for name in HINTS if name not in {*TEXTS, *SHARED}]
ORDER = [*TEXTS, *SHARED, *OTHERS]


def line_field(f: Field[Any]) -> tuple[str, Any, Any]:
    """The name, type and default of a field in a line; what is shared stays text at first."""
    checked = {int: Count, float: Amount}
    members = tuple(checked.get(kind, kind) for kind in kinds(f.name))
    kind: Any = Union.__getitem__(members)
    kind = msgspec.Raw if f.name in SHARED else SPECIAL.get(f.name, kind)
    if f.default is f.default_factory is MISSING:
        return f.name, kind, msgspec.NODEFAULT
    default = f.default if f.default_factory is MISSING else f.default_factory()
    if f.name in SHARED:
        return f.name, kind, msgspec.field(default_factory=lambda: msgspec.Raw(msgspec.json.encode(default)))
    return f.name, kind, msgspec.field(default_factory=lambda: default)


Line = msgspec.defstruct(
    "Line",
    [("format", Annotated[int, msgspec.Meta(ge=1, le=FORMAT)], FORMAT), *map(line_field, fields(Record))],
    kw_only=True,
    rename=dict(RECORD),
    gc=False,
)
decode = msgspec.json.Decoder(Line).decode
texts, shared, others = (attrgetter(*names) for names in (TEXTS, SHARED, OTHERS))
SETTERS: list[Callable[[Record, Any], None]] = [getattr(Record, name).__set__ for name in ORDER]
"""Set the fields of a new record; its own constructor takes four times as long."""


class Values(dict[bytes, Any]):
    """What the texts of one field stand for, each read once.

    Raises:
        ValueError: a text is not of the field's type.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def __missing__(self, text: bytes) -> Any:
        value = conform(HINTS[self.name], read_json(text))
        self[text] = switches_from_disk(value) if self.name == "switches" else value
        return self[text]


class LineReader:
    """Makes records from lines. What it has read once it keeps, for all later lines that hold the same."""

    def __init__(self) -> None:
        self._texts: dict[Any, Any] = {}
        self._values = [Values(name) for name in SHARED]

    def __call__(self, line: bytes, path: Path) -> Record | None:
        """The record of a line, with or without its end; None if it is damaged.

        Raises:
            StoreError: the line was written by a newer format.
        """
        body = line[9:].rstrip(b"\r\n")  # a checkout on Windows may end lines with CR LF
        if line[:9] != b"%08x " % zlib.crc32(body):
            return None
        try:
            return self._record(body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            refuse_newer(body, path)
            return None

    def _record(self, body: bytes) -> Record:
        """The record of a JSON text. It loops without a step of Python, since there may be millions."""
        found = decode(body)
        once, own = self._texts.setdefault, texts(found)
        values = chain(
            map(once, own, own), map(getitem, self._values, map(bytes, shared(found))), others(found)
        )
        record = object.__new__(Record)
        deque(map(call, SETTERS, repeat(record), values), maxlen=0)
        metrics = record.metrics
        if str in map(type, metrics.values()):
            for name, value in metrics.items():
                metrics[name] = None if value is None else float(value)
        return record


def refuse_newer(body: bytes, path: Path) -> None:
    """Refuses a line of a format that this version does not know.

    Raises:
        StoreError: it is of a newer one.
    """
    try:
        version = json.loads(body)["format"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return
    if type(version) is int and version > FORMAT:
        newer = f"{path} has records of format {version}, newer than {FORMAT}"
        raise StoreError(f"{newer}: update diffusion-inverse-bench")


def write_line(record: Record) -> bytes:
    """The line of a record: crc32 in 8 hex digits, space, one JSON object, line feed."""
    body = canonical({"format": FORMAT} | plain(record.to_disk())).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)
