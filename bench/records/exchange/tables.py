"""Records as one table in a file of the user's choice; docs/records.md documents its columns."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.records.exchange.conflicts import Conflict, read_together, told
from bench.records.exchange.sheet import write_csv
from bench.records.files import StoreError, write_atomic
from bench.records.keys import canonical, plain
from bench.records.snapshot import parquet_bytes, read_snapshot
from bench.records.table import tabulate

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".csv", ".parquet")


class Written(NamedTuple):
    """How many rows a table has, and a line about keys on which folders disagree; "" without any."""

    rows: int
    conflicts: str


def write_table(folders: Sequence[str | Path], path: Path) -> Written:
    """Writes the records of some run folders, one row each.

    Values that are no text and no number, such as a list, are JSON texts. In CSV a text that a spreadsheet
    would take for a formula begins with an apostrophe, and what is not known is empty.

    Args:
        path: ``.csv`` or ``.parquet``.

    Raises:
        StoreError: a folder that is none of a run, another ending, or pyarrow is not installed.
    """
    if path.suffix not in ENDINGS:
        raise StoreError(f"{path}: a table is written as {' or '.join(ENDINGS)}")
    conflicts: Sequence[Conflict] = ()
    table = read_snapshot(folders[0]) if len(folders) == 1 else None
    if table is None:
        records, conflicts = read_together(folders)
        table = tabulate(records)
    write_atomic(path, _csv(table) if path.suffix == ".csv" else parquet_bytes(table))
    return Written(len(table), told(conflicts))


def _csv(table: "pd.DataFrame") -> bytes:
    lines = []
    for row in table.itertuples(index=False, name=None):
        lines.append(dict(zip(table.columns, map(_cell, row), strict=True)))
    return write_csv(list(table.columns), lines)


def _cell(value: Any) -> Any:
    """A value of the table: what is not known is empty, lists and mappings are JSON."""
    if value is None or value != value:
        return None
    return canonical(plain(value)) if isinstance(value, (list, dict)) else value
