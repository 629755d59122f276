"""Equal keys with different results: the folder that is named first counts, in a folder the first result."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.names import counted
from bench.records.files import check_run_folder
from bench.records.journal import History, best, in_order
from bench.records.lines import LineReader
from bench.records.manifest import RunManifest, read_manifests
from bench.records.record import DONE, Record


class Conflict(NamedTuple):
    """A key with different results in two folders, of which the first one's is kept, or within one folder."""

    key: str
    task: str
    row: str
    image: str
    sample: int
    kept: str
    left_out: str
    difference: str


class Together(NamedTuple):
    """The records of some folders, equal keys once, and where the folders disagree."""

    records: list[Record]
    conflicts: list[Conflict]


class Folder(NamedTuple):
    """The records of a folder, equal keys once, the damaged lines, and the keys that have several results."""

    records: list[Record]
    damaged: int
    conflicts: list[Conflict]


def read_folder(folder: str | Path, name: str, units: Mapping[str, float]) -> Folder:
    """Reads a run folder, and says of which keys it has several results: journals may have been copied there.

    Args:
        name: what the folder is called in conflicts.
        units: metric -> largest difference that rounding explains.

    Raises:
        StoreError: a file cannot be read.
    """
    history = History(folder, LineReader())
    records, conflicts = in_order(history.records), list[Conflict]()
    if len(records) < len(history.attempts):
        kept = {record.key: record for record in records}
        for record in history.attempts:
            if text := difference(kept[record.key], record, units):
                conflicts.append(_conflict(record, name, name, text))
    return Folder(records, history.damaged, conflicts)


def _conflict(record: Record, kept: str, left_out: str, text: str) -> Conflict:
    """A conflict about the key of a record."""
    about = record.key, record.task, record.label, record.image, record.sample
    return Conflict(*about, kept, left_out, text)


def read_together(folders: Sequence[str | Path]) -> Together:
    """Reads some run folders; where they disagree about a key, the one that is named first counts.

    Raises:
        StoreError: a folder that is none of a run, or a file that cannot be read.
    """
    runs, parts, twice = list[RunManifest](), list[list[Record]](), list[Conflict]()
    for folder in folders:
        check_run_folder(folder)
        runs += read_manifests(folder)
    for folder in folders:
        found = read_folder(folder, str(folder), units_of(runs))
        parts.append(found.records)
        twice += found.conflicts
    conflicts, excluded = find(list(map(str, folders)), parts, units_of(runs))
    left = list[Record]()
    for part in without(parts, excluded):
        left += part
    return Together(in_order(best(left)), [*conflicts, *twice])


def find(
    names: Sequence[str], parts: Sequence[Iterable[Record]], units: Mapping[str, float]
) -> tuple[list[Conflict], list[set[str]]]:
    """The keys about which folders disagree, and for each folder those of which it is not kept.

    Args:
        names: of the folders.
        parts: what each has, one record per key.
        units: metric -> largest difference that rounding explains.
    """
    first: dict[str, tuple[int, Record]] = {}
    conflicts: list[Conflict] = []
    excluded: list[set[str]] = [set() for _ in names]
    for i, part in enumerate(parts):
        for record in part:
            j, known = first.setdefault(record.key, (i, record))
            text = difference(known, record, units) if known is not record else ""
            if text:
                excluded[i].add(record.key)
                conflicts.append(_conflict(record, names[j], names[i], text))
            elif known.status not in DONE:
                first[record.key] = i, record
    return conflicts, excluded


def without(parts: Sequence[Sequence[Record]], excluded: Sequence[set[str]]) -> list[Sequence[Record]]:
    """The records of each folder but for keys of which it is not kept."""
    found: list[Sequence[Record]] = []
    for part, keys in zip(parts, excluded, strict=True):
        found.append([record for record in part if record.key not in keys] if keys else part)
    return found


def units_of(runs: Iterable[RunManifest]) -> dict[str, float]:
    """Metric -> one unit of the last digit that tables print, as the manifests say."""
    units = {}
    for run in runs:
        for name, metric in run.metrics.items():
            digits = str(metric.format).removeprefix(".").removesuffix("f")
            if digits.isdigit():
                units[name] = 10.0 ** -int(digits) / (metric.scale or 1.0)
    return units


def difference(one: Record, other: Record, units: Mapping[str, float]) -> str:
    """What two records of a key disagree about, in words; "" where they agree or one of them is not done.

    Args:
        units: metric -> largest difference that rounding explains; 0 for others.
    """
    if one.status not in DONE or other.status not in DONE:
        return ""
    texts = []
    for name in ("status", "y_hash", "nfe", "vjps"):
        ours, theirs = getattr(one, name), getattr(other, name)
        if ours != theirs:
            texts.append(f"{name} {ours} and {theirs}")
    for name, ours in one.metrics.items():
        theirs = other.metrics.get(name)
        if ours is None or theirs is None or ours == theirs:
            continue
        if not abs(ours - theirs) < units.get(name, 0.0):
            texts.append(f"{name} {ours:.6g} and {theirs:.6g}")
    return "; ".join(texts)


def told(conflicts: Sequence[Conflict]) -> str:
    """One sentence about them, without a full stop; "" for none."""
    between, within = list[Conflict](), list[Conflict]()
    for one in conflicts:
        (within if one.kept == one.left_out else between).append(one)
    texts = []
    if between:
        which = "that of the folder named first counts"
        texts.append(
            f"{_counted(between)} with another result in another folder: {which} ({_first(between)})"
        )
    if within:
        which = "that with the most metrics, then the oldest, counts"
        texts.append(f"{_counted(within)} with several results in one folder: {which} ({_first(within)})")
    return "; ".join(texts)


def _counted(conflicts: Sequence[Conflict]) -> str:
    return counted(len({conflict.key for conflict in conflicts}), "key")


def _first(conflicts: Sequence[Conflict]) -> str:
    """The first of some conflicts."""
    one = conflicts[0]
    where = f"in {one.kept}"
    if one.kept != one.left_out:
        where = f"{one.kept} counts, {one.left_out} does not"
    return f"{one.task}, {one.row}, {one.image}: {one.difference}; {where}"
