"""Lines of a journal, read only if they are whole and every field is of its declared type.

Every start of a run reads all lines of its folder, and a million must take seconds: msgspec parses them, by
the types of `Record`, and texts and mappings that records share are kept once. A run keeps no more than a
`Brief` of each; the same lines are damaged.
"""

import json
import zlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from itertools import chain, repeat
from operator import attrgetter, call, getitem, itemgetter
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from bench.records.files import StoreError
from bench.records.keys import canonical, plain
from bench.records.record import FORMAT, STATUSES, Brief, Record
from bench.records.words import RECORD, switches_from_disk
from bench.system.gate import conform, read_json

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
Numbers = dict[str, float | Literal["inf", "-inf"] | None]
"""Numbers by name; JSON has no infinity."""
SPECIAL: Mapping[str, Any] = {"status": Literal[STATUSES], "metrics": Numbers, "notes": Numbers}
"""Field -> its type in a line, where this is not the declared one."""
UNIQUE = frozenset({"key", "created"})
"""Texts that no two records share."""
HINTS = get_type_hints(Record)


def kinds(name: str) -> tuple[Any, ...]:
    """The types that a field may have."""
    hint = HINTS[name]
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


IMAGES = ["image", "y_hash", "image_sha256"]
"""Fields whose texts are those of an image, which cells share."""
TEXTS = [name for name in HINTS if str in kinds(name) and name not in {*UNIQUE, *SPECIAL, *IMAGES}]
"""Fields whose texts all records of a cell share."""
SHARED = [name for name in HINTS if {dict, list} & {*map(get_origin, kinds(name))} and name not in SPECIAL]
"""Fields whose lists and mappings are kept once."""
OTHERS = [name for name in HINTS if name not in {*IMAGES, *TEXTS, *SHARED}]
ORDER = [*IMAGES, *TEXTS, *SHARED, *OTHERS]


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
images, texts, shared, others = (attrgetter(*names) for names in (IMAGES, TEXTS, SHARED, OTHERS))
SETTERS: list[Callable[[Record, Any], None]] = [getattr(Record, name).__set__ for name in ORDER]
"""Set the fields of a new record; its own constructor takes four times as long."""
BRIEF = Brief.__struct_fields__
brief_texts = attrgetter(*(name for name in BRIEF if name in TEXTS))
brief_others = attrgetter(*(name for name in BRIEF if name in OTHERS))
brief_shared = itemgetter(*(SHARED.index(name) for name in BRIEF if name in SHARED))
SEAM = b"\0"
"""Between the texts that are looked up as one; no JSON text holds it."""


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


class AllValues(dict[bytes, tuple[Any, ...]]):
    """What the texts of all `SHARED` fields stand for, joined by `SEAM`: few, since whole cells share them.

    Raises:
        ValueError: a text is not of its field's type.
    """

    def __init__(self) -> None:
        super().__init__()
        self._by_field = [Values(name) for name in SHARED]

    def __missing__(self, joined: bytes) -> tuple[Any, ...]:
        self[joined] = tuple(map(getitem, self._by_field, joined.split(SEAM)))
        return self[joined]


R = TypeVar("R", Record, Brief)


class Reader(ABC, Generic[R]):
    """Makes records from lines. What it has read once it keeps, for all later lines that hold the same."""

    def __init__(self) -> None:
        self._once = dict[Any, Any]().setdefault
        self._texts = dict[tuple[Any, ...], tuple[Any, ...]]()
        self._known = AllValues()

    def __call__(self, line: bytes, path: Path) -> R | None:
        """The record of a line, with or without its end; None if it is damaged.

        Raises:
            StoreError: the line was written by a newer format.
        """
        body = line[9:].rstrip(b"\r\n")  # a checkout on Windows may end lines with CR LF
        if line[:9] != b"%08x " % zlib.crc32(body):
            return None
        try:
            found: Any = decode(body)
            known = self._known[SEAM.join(shared(found))]
        except (msgspec.MsgspecError, ValueError, RecursionError):
            refuse_newer(body, path)
            return None
        for numbers in filter(None, (found.metrics, found.notes)):
            if str in map(type, numbers.values()):
                numbers.update(zip(numbers, map(number, numbers.values()), strict=True))
        return self._make(found, known)

    def _kept(self, texts: tuple[Any, ...]) -> tuple[Any, ...]:
        """The same texts, as they were first read."""
        kept = self._texts.get(texts)
        if kept is None:
            kept = self._texts[texts] = tuple(map(self._once, texts, texts))
        return kept

    @abstractmethod
    def _make(self, found: Any, known: tuple[Any, ...]) -> R:
        """The record of a `Line`, by loops without a step of Python.

        Args:
            known: the values of its `SHARED` fields.
        """


class LineReader(Reader[Record]):
    """Makes whole records."""

    def _make(self, found: Any, known: tuple[Any, ...]) -> Record:
        own = images(found)
        record = object.__new__(Record)
        values = chain(map(self._once, own, own), self._kept(texts(found)), known, others(found))
        deque(map(call, SETTERS, repeat(record), values), maxlen=0)
        return record


class BriefReader(Reader[Brief]):
    """Makes what a run must know of records. A line is damaged where `LineReader` says so, too."""

    def _make(self, found: Any, known: tuple[Any, ...]) -> Brief:
        image = self._once(found.image, found.image)
        return Brief(image, *self._kept(brief_texts(found)), *brief_shared(known), *brief_others(found))


def number(value: float | str | None) -> float | None:
    """A number of a line, where infinity is a text."""
    return None if value is None else float(value)


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
