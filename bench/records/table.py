"""Records as a table of pandas."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from bench.records.files import check_run_folder
from bench.records.journal import read_records
from bench.records.record import Record

if TYPE_CHECKING:
    import pandas as pd

PREFIXES = {
    "params": "param",
    "operator_params": "operator",
    "unavailable": "unavailable",
    "versions": "version",
}
"""Field that holds a dictionary -> how the names of its columns begin."""


def load(*folders: str | Path) -> "pd.DataFrame":
    """Reads run folders as a tidy table with one row per record.

    Metrics are columns; dictionaries flatten to ``param.eta``, ``operator.factor``, ``unavailable.lpips``,
    ``version.torch``.

    Raises:
        StoreError: a folder is not there, or is not one of a run.
    """
    import pandas as pd

    for folder in folders:
        check_run_folder(folder)

    rows = []
    for record in read_records(*folders)[0]:
        row = dict(vars(record))
        columns = dict(row.pop("metrics")) | row
        for name, prefix in PREFIXES.items():
            for key, value in columns.pop(name).items():
                columns[f"{prefix}.{key}"] = value
        rows.append(columns)
    names = [f.name for f in fields(Record) if f.name not in {"metrics", *PREFIXES}]
    table = pd.DataFrame(rows, columns=None if rows else names)
    others = [column for column in table.columns if column not in names]
    return table[names + others]
