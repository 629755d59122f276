"""Records as a table of pandas."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
from bench.records.journal import read_records
from bench.records.record import Record


def load(*folders: str | Path) -> "pd.DataFrame":
    """Tidy table, one row per record.

    Metrics are columns; dictionaries flatten to ``param.eta``, ``operator.factor``, ``unavailable.lpips``,
    ``version.torch``.
    """
    import pandas as pd

    prefixes = {
        "params": "param",
        "operator_params": "operator",
        "unavailable": "unavailable",
        "versions": "version",
    }
    rows = []
    for record in read_records(*folders)[0]:
        row = dict(vars(record))
        metrics = row.pop("metrics")
        for name, prefix in prefixes.items():
            row |= {f"{prefix}.{k}": v for k, v in row.pop(name).items()}
        rows.append(metrics | row)
    names = [f.name for f in fields(Record) if f.name not in {"metrics", *prefixes}]
    table = pd.DataFrame(rows, columns=None if rows else names)
    return table[names + [c for c in table.columns if c not in names]]
