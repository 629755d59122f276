"""Several run folders in one report, perhaps of several people: what is whose."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from operator import attrgetter
from pathlib import Path

from bench.records.exchange.conflicts import Conflict, find, read_folder, units_of, without
from bench.records.journal import best
from bench.records.keys import canonical
from bench.records.manifest import RunManifest, read_manifests
from bench.records.record import Record
from bench.report.columns import UNITS
from bench.report.planned import labels, last_asked
from bench.report.selection.rows import Rows
from bench.report.tables import SETTING
from bench.report.text import one_line


@dataclass(frozen=True)
class Joined:
    """The records and manifests of some folders.

    Rows of one name whose settings or code differ between folders are shown once for each folder, with its
    name in theirs: also on tasks where they agree. All other rows are put together, equal keys once; of two
    results of a key that of the folder which is named first.

    Attributes:
        runs: the oldest first.
        damaged: journal lines that were skipped.
        folders: cell -> names of the folders that have it; empty for one folder.
        conflicts: the keys of which folders have different results, or one folder several.
    """

    records: list[Record]
    runs: list[RunManifest]
    damaged: int
    folders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    conflicts: Sequence[Conflict] = ()


@dataclass
class Part:
    """What one folder has."""

    name: str
    records: list[Record]
    runs: list[RunManifest]


def join(places: Sequence[Path], rows: Rows | None = None) -> Joined:
    """Reads some folders.

    Args:
        rows: which records are kept; None keeps all.

    Raises:
        SuiteError: there is no such row or task.
        StoreError: a file cannot be read.
    """
    rows, damaged = rows or Rows(), 0
    parts, places, twice = [], different(places), list[Conflict]()
    for name, place in zip(folder_names(places), places, strict=True):
        runs = read_manifests(place)
        found = read_folder(place, name, UNITS | units_of(runs))
        parts.append(Part(name, found.records, runs))
        damaged += found.damaged
        twice += found.conflicts
    if rows.newest:
        for part in parts:
            part.records = _newest(part)
    if rows.solvers or rows.tasks:
        _choose(parts, rows)
    twice = _still(twice, parts)
    if len(parts) > 1:
        ambiguous = _ambiguous(parts)
        parts = [_told_apart(part, ambiguous) for part in parts]
    runs = [run for part in parts for run in part.runs]
    runs.sort(key=lambda run: run.created or "")
    if len(parts) == 1:
        return Joined(parts[0].records, runs, damaged, conflicts=twice)
    records, conflicts = _together(parts, UNITS | units_of(runs))
    return Joined(records, runs, damaged, _whose(parts), [*conflicts, *twice])


def folder_names(places: Sequence[Path]) -> list[str]:
    """The last parts of their paths, as many as tell them apart; equal paths have equal names.

    Whatever a path goes up again is left out.

    >>> folder_names([Path("/runs/old/linear"), Path("/runs/new/linear"), Path("/runs/mine")])
    ['old/linear', 'new/linear', 'runs/mine']
    """
    parts = [Path(os.path.abspath(place)).parts for place in places]  # noqa: PTH100 - Path keeps ".."
    n, paths = 1, len(set(parts))
    while len({own[-n:] for own in parts}) < paths:
        n += 1
    return [one_line("/".join(own[-n:])) for own in parts]


def different(places: Sequence[Path]) -> list[Path]:
    """Folders without those that are another one of them by another path, such as a link."""
    found: dict[Path, Path] = {}
    for place in places:
        found.setdefault(place.resolve(), place)
    return list(found.values())


def without_folder(record: Record) -> str:
    """The label of a record without the name of its folder."""
    _, space, folder = record.cell.partition(" ")
    return record.label.removesuffix(space + folder)


def _choose(parts: Sequence[Part], rows: Rows) -> None:
    """Leaves the records that are asked for in each part."""
    everything: list[Record] = []
    for part in parts:
        everything += part.records
    kept = set(map(id, rows.among(everything)))
    for part in parts:
        part.records = [record for record in part.records if id(record) in kept]


def _still(conflicts: Sequence[Conflict], parts: Sequence[Part]) -> list[Conflict]:
    """The conflicts about records that were chosen."""
    if not conflicts:
        return []
    keys: set[str] = set()
    for part in parts:
        keys.update(map(attrgetter("key"), part.records))
    return [one for one in conflicts if one.key in keys]


def _newest(part: Part) -> list[Record]:
    """The records without cells under whose label the newest run asks for another one in their table."""
    asked, of_label, cells = last_asked(part.runs), dict[tuple[str, str], int](), _labelled(part)
    places = {}
    for cell, (record, label) in cells.items():
        places[cell] = canonical(list(attrgetter(*SETTING)(record))), label
        of_label[places[cell]] = max(of_label.get(places[cell], -1), asked.get(cell, -1))
    return [one for one in part.records if asked.get(one.cell, -1) == of_label[places[one.cell]]]


def _ambiguous(parts: Sequence[Part]) -> set[str]:
    """Labels under which folders have different cells in one table."""
    found: dict[tuple[str, str], list[set[str]]] = {}
    for part in parts:
        own: dict[tuple[str, str], set[str]] = {}
        for cell, (record, label) in _labelled(part).items():
            setting = canonical(list(attrgetter(*SETTING)(record)))
            own.setdefault((setting, label), set()).add(cell)
        for place, cells in own.items():
            found.setdefault(place, []).append(cells)
    twice = set()
    for (_, label), several in found.items():
        if any(cells != several[0] for cells in several):
            twice.add(label)
    return twice


def _labelled(part: Part) -> dict[str, tuple[Record, str]]:
    """Cell -> one of its records, and its label as the newest manifest has it."""
    names = labels(part.runs)
    found: dict[str, tuple[Record, str]] = {}
    for record in part.records:
        if record.cell not in found:
            found[record.cell] = record, names.get((record.suite, record.cell), record.label)
    return found


def _told_apart(part: Part, twice: set[str]) -> Part:
    """The part, whose rows of these labels carry the folder's name."""
    end = f" ({part.name})"
    own = {cell: label for cell, (_, label) in _labelled(part).items() if label in twice}
    records = []
    for record in part.records:
        label = own.get(record.cell)
        records.append(replace(record, label=label + end, cell=record.cell + end) if label else record)
    runs = []
    for run in part.runs:
        entries = []
        for row in run.rows:
            if row.label in twice:
                cells = {task: cell + end for task, cell in row.cells.items()}
                row = replace(row, label=row.label + end, cells=cells)
            entries.append(row)
        runs.append(replace(run, rows=tuple(entries)))
    return Part(part.name, records, runs)


def _together(parts: Sequence[Part], units: Mapping[str, float]) -> tuple[list[Record], list[Conflict]]:
    """All records, oldest first, of those with one key and cell the best; and where folders disagree."""
    alone: list[Record] = []
    shared: list[list[Record]] = []
    for part in parts:
        shared.append([])
        for record in part.records:
            (alone if " " in record.cell else shared[-1]).append(record)
    conflicts, excluded = find([part.name for part in parts], shared, units)
    kept = best(list(chain.from_iterable(without(shared, excluded))))
    return sorted([*kept, *alone], key=attrgetter("created", "key")), conflicts


def _whose(parts: Iterable[Part]) -> dict[str, tuple[str, ...]]:
    """Cell -> the folders that have it."""
    found: dict[str, dict[str, None]] = {}
    for part in parts:
        for record in part.records:
            found.setdefault(record.cell, {})[part.name] = None
    return {cell: tuple(names) for cell, names in found.items()}
