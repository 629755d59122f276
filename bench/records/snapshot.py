"""All records of a run folder as one Parquet file: derived from the journals, and fast to read.

It can be deleted at any time. It counts only as long as the journals are as they were when it was made.
"""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.records.files import StoreError, write_atomic
from bench.records.record import FIELDS, FORMAT

if TYPE_CHECKING:
    import pandas as pd

NAME = "records.parquet"
REV = 1
"""Revision of the file's form."""
ABOUT = b"bench"
"""Name of what the file says about itself."""


def write_snapshot(folder: str | Path, table: "pd.DataFrame", journals: dict[str, Any]) -> Path:
    """Keeps the table of a run folder's records.

    Texts and numbers are columns of their own type. What mixes types, such as a parameter that is a number
    in one row and a word in another, is JSON text.

    Args:
        table: as of `bench.records.load`.
        journals: the `state` of the folder from before its records were read.

    Raises:
        StoreError: pyarrow is not installed, or the folder cannot be written.
    """
    path = Path(folder) / NAME
    write_atomic(path, parquet_bytes(table, journals))
    return path


def parquet_bytes(table: "pd.DataFrame", journals: dict[str, Any] | None = None) -> bytes:
    """A Parquet file of the table; see `write_snapshot`.

    Raises:
        StoreError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise StoreError("Parquet needs pyarrow: pip install 'diffusion-inverse-bench[export]'") from None
    columns = {}
    for name in table.columns:
        values = table[name]
        texts = [_text(value) for value in values] if values.dtype == object else values
        columns[name] = pa.array(texts, from_pandas=values.dtype != object and values.dtype.kind != "f")
    about = {"journals": journals, "dtypes": {name: str(table[name].dtype) for name in table.columns}}
    made = pa.table(columns).replace_schema_metadata({ABOUT: json.dumps(about)})
    sink = pa.BufferOutputStream()
    parquet.write_table(made, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def read_snapshot(folder: str | Path) -> "pd.DataFrame | None":
    """The table that was kept; None where it cannot be read, or the journals have changed since."""
    path = Path(folder) / NAME
    if not path.is_file():
        return None
    try:
        from pyarrow import parquet

        about = json.loads((parquet.read_schema(path).metadata or {})[ABOUT])
        if about["journals"] != state(folder):
            return None
        return _table(parquet.read_table(path, memory_map=False), about["dtypes"])
    except (ImportError, OSError, ValueError, KeyError, TypeError):  # pyarrow's errors are such
        return None


def state(folder: str | Path) -> dict[str, Any]:
    """What a snapshot is made of: the journals, by size and time, and what turns them into a table."""
    import pandas as pd

    found: dict[str, Any] = {"": [REV, FORMAT, list(FIELDS), pd.__version__]}
    for path in sorted((Path(folder) / "journal").glob("*.jsonl*")):
        status = path.stat()
        found[path.name] = [status.st_size, status.st_mtime_ns]
    return found


def _text(value: Any) -> str | None:
    """A value of a mixed column as JSON; None where the row has no value."""
    return None if isinstance(value, float) and math.isnan(value) else json.dumps(value)


def _table(kept: Any, dtypes: dict[str, str]) -> "pd.DataFrame":
    import pandas as pd

    columns = {}
    for name, dtype in dtypes.items():
        if dtype == "object":
            coded = kept[name].combine_chunks().dictionary_encode()
            values = [json.loads(text) for text in coded.dictionary.to_pylist()]
            codes = coded.indices.to_pylist()
            one_each = [math.nan if code is None else values[code] for code in codes]
            columns[name] = pd.Series(one_each, dtype=object)
        else:
            columns[name] = pd.Series(kept[name].to_pandas(), dtype=dtype)
    return pd.DataFrame(columns)
