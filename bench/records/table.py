"""Records as a table of pandas."""

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.records.exchange.conflicts import read_together, told
from bench.records.files import check_run_folder
from bench.records.record import FIELDS, Record
from bench.records.snapshot import read_snapshot, state, write_snapshot

if TYPE_CHECKING:
    import pandas as pd

SPREAD = {
    "metrics": "",
    "params": "param.",
    "operator_params": "operator.",
    "notes": "note.",
    "unavailable": "unavailable.",
    "versions": "version.",
}
"""Field that holds a mapping -> how the names of its columns begin."""


class Exported(NamedTuple):
    """Where a table was kept, and a line about keys that have several results; "" without any."""

    path: Path
    conflicts: str


def load(*folders: str | Path) -> "pd.DataFrame":
    """Reads run folders as a tidy table with one row per record.

    Metrics are columns; dictionaries flatten to ``param.eta``, ``operator.factor``, ``note.accepted``,
    ``unavailable.lpips``, ``version.torch``. An infinite metric is inf; one that is not known, NaN.

    Equal keys count once. Where folders have different results of a key, that of the folder which is named
    first counts, with a warning; so does the first result where one folder has several.

    Raises:
        StoreError: a folder is not there, or is not one of a run.
    """
    if len(folders) == 1:
        check_run_folder(folders[0])
        kept = read_snapshot(folders[0])
        if kept is not None:
            return kept
    found = read_together(folders)
    if found.conflicts:
        warnings.warn(told(found.conflicts), stacklevel=2)
    return tabulate(found.records)


def export(folder: str | Path) -> Exported:
    """Keeps the table of a run folder as a Parquet file, which `load` reads as long as nothing is added.

    Where the folder has different results of a key, one counts; the line says which.

    Raises:
        StoreError: pyarrow is not installed, or the folder is not one of a run or cannot be written.
    """
    check_run_folder(folder)
    journals = state(folder)
    found = read_together([folder])
    return Exported(write_snapshot(folder, tabulate(found.records), journals), told(found.conflicts))


def tabulate(records: Sequence[Record]) -> "pd.DataFrame":
    """The table of some records; where a record lacks a column's value, it is NaN."""
    import pandas as pd

    columns: dict[str, list[Any]] = {}
    for name in FIELDS:
        if name not in SPREAD:
            columns[name] = [getattr(record, name) for record in records]
    for name, prefix in SPREAD.items():
        mappings: list[Mapping[str, Any]] = [getattr(record, name) for record in records]
        for key in _keys(mappings):
            columns.setdefault(prefix + key, [mapping.get(key, math.nan) for mapping in mappings])
    return pd.DataFrame(columns)


def _keys(mappings: Sequence[Mapping[str, Any]]) -> list[str]:
    """All keys, in the order in which they come first; equal mappings are mostly one object."""
    found: dict[str, None] = {}
    for mapping in {id(mapping): mapping for mapping in mappings}.values():
        found |= dict.fromkeys(mapping)
    return list(found)
