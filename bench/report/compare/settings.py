"""What differs between two rows beside their results: code, settings, environment, cost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from bench.records.record import Record
from bench.report.compare.sides import Pair
from bench.report.rows import Row
from bench.report.text import plain

FIELDS: Mapping[str, tuple[str, ...]] = {
    "code": ("solver_rev", "code_sha256", "source_sha256", "operator_rev", "operator_sha256", "commit"),
    "settings": (
        *("dataset", "prior", "weights_sha256", "operator", "operator_params", "sigma", "noise", "told"),
        *("solver", "preset", "params", "seed", "guidance", "dtype", "samples_per_problem"),
    ),
    "environment": ("device", "threads", "batch", "switches", "versions"),
    "cost": ("nfe", "vjps"),
}
"""Kind -> fields of a record."""


class Difference(NamedTuple):
    """A fact that differs: its kind and name, and its values on both sides."""

    kind: str
    name: str
    a: str
    b: str


def differences(one: Pair) -> list[Difference]:
    """What differs between the two rows of a pair; nothing where one is absent."""
    if one.a is None or one.b is None:
        return []
    found = []
    for kind, names in FIELDS.items():
        for name in names:
            found += list(_of_field(kind, name, one.a, one.b))
    if one.a.samples != one.b.samples:
        found.append(Difference("settings", "samples of an image", str(one.a.samples), str(one.b.samples)))
    return found


def _of_field(kind: str, name: str, a: Row, b: Row) -> Iterator[Difference]:
    """Yields what differs in a field; in a mapping, each entry by itself.

    Of the parameters of two different solvers only those count that both have.
    """
    entries: dict[str, None] = {}
    for record in (*a.records, *b.records):
        value = getattr(record, name)
        if isinstance(value, Mapping):
            entries |= dict.fromkeys(value)
    if not entries:
        yield from _fact(kind, name, a, b, attrgetter(name))
        return
    for entry in entries:
        if name != "params" or a.head.solver == b.head.solver or _both_have(entry, a, b):
            yield from _fact(kind, f"{name}.{entry}", a, b, partial(_entry, name, entry))


def _entry(name: str, entry: str, record: Record) -> Any:
    """An entry of a field that is a mapping; None where the record has none."""
    return (getattr(record, name) or {}).get(entry)


def _both_have(entry: str, a: Row, b: Row) -> bool:
    return entry in a.head.params and entry in b.head.params


def _fact(kind: str, name: str, a: Row, b: Row, read: Callable[[Record], Any]) -> Iterator[Difference]:
    ours, theirs = _values(a, read), _values(b, read)
    if ours != theirs:
        yield Difference(kind, name, ours, theirs)


def _values(row: Row, read: Callable[[Record], Any]) -> str:
    """The distinct values of a row's records, in words."""
    return ", ".join(sorted({_shown(read(record)) for record in row.ok or row.records}))


def _shown(value: Any) -> str:
    """A value; of a hash its first digits."""
    if value is None or value == {} or value == []:
        return "none"
    return value[:12] if isinstance(value, str) and len(value) in {40, 64} else plain(value)


def common(found: Mapping[str, Sequence[Difference]]) -> list[Difference]:
    """The differences that all pairs have."""
    lists = list(found.values())
    shared = lists[0] if lists else []
    for others in lists[1:]:
        shared = [one for one in shared if one in others]
    return list(shared)


def without(found: Sequence[Difference], others: Sequence[Difference]) -> list[Difference]:
    """The differences that are not among others."""
    return [one for one in found if one not in others]
