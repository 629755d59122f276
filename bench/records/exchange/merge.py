"""Several run folders as a new one; where two disagree about a key, both say so and none is overwritten."""

import contextlib
import json
import os
import shutil
import zlib
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from bench.records.exchange.conflicts import Conflict, find, units_of
from bench.records.exchange.sheet import write_csv
from bench.records.files import StoreError, check_run_folder, write_atomic
from bench.records.journal import History
from bench.records.lines import LineReader, write_line
from bench.records.manifest import RunManifest, read_manifests, write_manifest
from bench.records.record import Record
from bench.system.gate import read_json

KEPT = (".png", ".npz", ".npy")
"""Endings of the files below objects/ and features/."""
CONFLICTS = "conflicts.csv"


class Merged(NamedTuple):
    """What was merged: records, damaged lines that were skipped, and what was left out."""

    records: int
    damaged: int
    conflicts: list[Conflict]


def merge(folders: Sequence[str | Path], out: str | Path) -> Merged:
    """Writes the records, manifests, pictures and features of some run folders into a new one.

    Results of one key agree where they are equal but for less than one unit of the last digit that tables
    print, as two machines round. Where they do not, the folder that is named first is kept, and what the
    other one has of that key is left out and listed in conflicts.csv.

    Raises:
        StoreError: a folder is none of a run, ``out`` is there already, or something cannot be written.
    """
    places, target = list(map(Path, folders)), Path(out)
    for place in places:
        check_run_folder(place)
    if target.exists():
        raise StoreError(f"{target} is there already; name a new folder, nothing is merged into an old one")
    histories = [History(place, LineReader()) for place in places]
    runs = [run for place in places for run in read_manifests(place)]
    parts = map(attrgetter("records"), histories)
    conflicts, excluded = find(list(map(str, places)), list(parts), units_of(runs))
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        keys = _write_journals(histories, excluded, part)
        _write_shared_manifests(runs, part)
        for place, without in zip(places, excluded, strict=True):
            _copy_files(place, part, without)
        _write_sets(places, part)
        if conflicts:
            lines = map(Conflict._asdict, conflicts)
            write_atomic(part / CONFLICTS, write_csv(Conflict._fields, lines))
        part.replace(target)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Merged(keys, sum(map(attrgetter("damaged"), histories)), conflicts)


def _write_journals(histories: Sequence[History[Record]], excluded: Sequence[set[str]], part: Path) -> int:
    """Writes a journal of each folder; the number of different keys."""
    keys: set[str] = set()
    for i, (history, without) in enumerate(zip(histories, excluded, strict=True)):
        kept = [record for record in history.attempts if record.key not in without]
        keys.update(map(attrgetter("key"), kept))
        data = b"".join(map(write_line, kept))
        if data:
            write_atomic(part / "journal" / f"merged-{i}-{zlib.crc32(data):08x}.jsonl", data)
    (part / "journal").mkdir(parents=True, exist_ok=True)
    return len(keys)


def _write_shared_manifests(runs: Sequence[RunManifest], part: Path) -> None:
    """Writes the requests that several folders have, each as it was made last: the newest one counts."""
    known: dict[str, list[RunManifest]] = {}
    for run in runs:
        known.setdefault(run.digest, []).append(run)
    for same in known.values():
        if len(same) > 1:
            write_manifest(part, max(same, key=lambda run: run.created or ""))


def _copy_files(place: Path, part: Path, without: set[str]) -> None:
    """Copies manifests, pictures and features that are not there yet."""
    for path in _files(place):
        target = part / path.relative_to(place)
        if path.stem not in without and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def _files(place: Path) -> Iterator[Path]:
    """The files to copy. Links are left out, since they may show anything of this machine."""
    yield from sorted((place / "manifest").glob("*.json"))
    for name in ("objects", "features"):
        for path in sorted((place / name).rglob("*")):
            if path.suffix in KEPT and path.is_file() and not path.is_symlink():
                yield path


def _write_sets(places: Sequence[Path], part: Path) -> None:
    """Keeps the cached metrics of sets, which are named by the records that they are of."""
    entries: dict[str, object] = {}
    for place in places:
        with contextlib.suppress(OSError, ValueError):
            found = read_json((place / "sets.json").read_bytes())
            entries = {**found, **entries} if isinstance(found, dict) else entries
    if entries:
        write_atomic(part / "sets.json", json.dumps(entries, indent=1, sort_keys=True).encode())
