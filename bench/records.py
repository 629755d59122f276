"""Records of what was computed: an append-only, crash-safe journal, and the one place that hashes configurations.

A run folder holds

    manifest/<hash>.json                  what was asked for, one file per different run (see `bench.manifest`)
    journal/<host>-<pid>-<8 hex>.jsonl    one file per writing process, never reopened, never shared
    objects/<key[:2]>/<key>.png           reconstructions, beside objects/truth/ and objects/measurement/
                                          named by the sha256 of the image and of the measurement, the
                                          latter with an .npz of y, masks and kernels
    features/<key>.npy                    Inception features, beside those of images in features/truth/
    sets.json                             cache of the metrics of whole sets

A journal line is ``crc32 in 8 hex digits, space, one JSON object, line feed``, written by a single ``write`` and synced, so a
kill or a full disk costs at most the line being written. Nothing but sets.json is ever rewritten, and names
say what a file holds, so folders merge by copying them together. No torch in here.
"""

import hashlib
import json
import math
import re
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
"""Version of a journal line. Adding a field keeps it; changing the meaning of one raises it."""
STATUSES = ("ok", "skipped", "diverged", "out_of_memory", "timeout", "failed", "crashed")
DONE = frozenset({"ok", "skipped", "diverged"})
"""Statuses that a second attempt would only repeat."""


REFERENCE = "reference mode"
"""The switch of records made by --reference: one image at a time, on one thread, with deterministic kernels."""
LOST = (0, 0)
"""Rank of an attempt that gave nothing."""


class StoreError(OSError):
    """The run folder cannot be written or read: full disk, missing rights, a newer format."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One reconstruction of one image (or one skipped cell, with image "*"), and all that is needed to judge it."""

    key: str
    """sha256 of everything that determines the result; never of batch size, device or engine."""
    cell: str
    """sha256 of the same without image and sample: records of one cell, and only those, are averaged."""
    suite: str
    dataset: str
    task: str
    operator: str
    operator_params: dict[str, Any]
    """Of the operator, resolved; without those at a neutral value (`bench.neutral`)."""
    operator_rev: int = 1
    """Revision of the operator's code; so is ``solver_rev`` of the solver's."""
    operator_sha256: str | None = None
    """Of the code of a user's operator; None for ours."""
    sigma: float
    """Standard deviation of the noise in y, images in [-1, 1]."""
    solver: str
    label: str
    """The row's name in tables."""
    preset: str | None
    params: dict[str, Any]
    """Every hyper-parameter of the solver, resolved."""
    solver_rev: int = 1
    source_sha256: str | None = None
    """Of the code of a user's solver; None for ours."""
    code_sha256: str | None = None
    """Of the code of one of our solvers, to find its certificate; not part of the key, which has the revision."""
    paper: str
    """arXiv identifier; empty for baselines."""
    baseline: bool
    prior: str
    weights_sha256: str | None
    privileged: bool = False
    """Whether the prior was told the class of the truth."""
    guidance: dict[str, Any] | None = None
    """What then steered it towards that class: ``classifier``, the sha256 of its weights, and ``scale``, of its gradient."""
    image: str
    sample: int
    block: int = 1
    """Samples that this record is about, scored as one set; seconds and counts are then per sample."""
    seed: int
    y_hash: str | None
    """Identity of the measurement: image, operator and noise; None where it was not made, as is ``image_sha256``."""
    image_sha256: str | None = None
    """Of the decoded pixels of the truth."""
    status: str
    """One of `STATUSES`."""
    reason: str | None = None
    metrics: dict[str, float | None] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    """Metric -> why it could not be computed."""
    nfe: int = 0
    """Network evaluations per image; so are ``vjps`` (backward passes) and ``operator_calls``."""
    vjps: int = 0
    operator_calls: int = 0
    seconds: float | None = None
    """Per image: the solver's clock of the batch / batch size, without metrics, warm-up and files."""
    peak_memory_mb: float | None = None
    batch: int = 1
    device: str = "cpu"
    threads: int = 1
    dtype: str = "float32"
    """Of the network. float32 and float64 are exact: no TF32. With bfloat16 and float16 the solver's state is float32."""
    switches: list[str] = field(default_factory=list)
    """How it ran, where that changes seconds and memory but no result beyond rounding: compiled, recomputed, `REFERENCE`."""
    versions: dict[str, str] = field(default_factory=dict)
    commit: str | None = None
    created: str = ""
    """ISO 8601 time, UTC."""

    @property
    def in_reference_mode(self) -> bool:
        """Whether it was made by --reference, so that it repeats bit by bit."""
        return REFERENCE in self.switches


FIELDS = frozenset(f.name for f in fields(Record))


def canonical(obj: Any) -> str:
    """The JSON text that stands for ``obj`` in hashes: sorted keys, no spaces, shortest float representation, ASCII.

    1 and 1.0 differ: hash validated values.

    Raises:
        ValueError: NaN or infinity.
        TypeError: something that JSON does not know.

    """
    return json.dumps(obj, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(obj: Any) -> str:
    """sha256 of `canonical`, 64 hex digits."""
    return hashlib.sha256(canonical(obj).encode()).hexdigest()


def finite(obj: Any) -> Any:
    """``obj`` as plain JSON values: NaN and infinities become None, tuples lists, numpy scalars numbers."""
    if isinstance(obj, Mapping):
        return {str(k): finite(v) for k, v in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [finite(v) for v in obj]
    if isinstance(obj, float):
        return float(obj) if math.isfinite(obj) else None
    if obj is not None and not isinstance(obj, (str, int)) and hasattr(obj, "item"):
        return finite(obj.item())
    return obj


def read_records(*folders: str | Path) -> tuple[list[Record], int]:
    """All records of some run folders, one per key, oldest first, and the number of damaged lines that were skipped.

    Of several records with one key the first ``ok`` with the most metrics wins, else the first that is done (`DONE`), else the
    latest attempt.
    A folder without a journal has no records.

    Raises:
        StoreError: a line was written by a newer format.

    """
    found, n_bad = [], 0
    for folder in folders:
        for path in sorted((Path(folder) / "journal").glob("*.jsonl")):
            records, bad = _read_journal(path)
            found += records
            n_bad += bad
    found.sort(key=lambda r: r.created)
    best: dict[str, Record] = {}
    for record in found:
        known = best.get(record.key)
        if known is None or _rank(record) > _rank(known) or _rank(record) == _rank(known) == LOST:
            best[record.key] = record
    return sorted(best.values(), key=lambda r: (r.created, r.key)), n_bad


class Arrivals:
    """The records that come into a run folder from now on, whoever writes them."""

    def __init__(self, folder: str | Path) -> None:
        self._journal = Path(folder) / "journal"
        self._read = {path: path.stat().st_size for path in self._journal.glob("*.jsonl")}

    def new(self) -> list[Record]:
        """Those since the last call; one of which the line is not complete comes later."""
        found = []
        for path in sorted(self._journal.glob("*.jsonl")):
            start = self._read.get(path, 0)
            if path.stat().st_size == start:
                continue
            with path.open("rb") as file:
                file.seek(start)
                whole, end, _ = file.read().rpartition(b"\n")
            self._read[path] = start + len(whole + end)
            found += [record for line in whole.split(b"\n") if (record := _parse(line, path))]
        return found


def _rank(record: Record) -> tuple[int, int]:
    return (2, -len(record.unavailable)) if record.status == "ok" else (int(record.status in DONE), 0)


def _read_journal(path: Path) -> tuple[list[Record], int]:
    """A crash may leave a cut line or a block of zeros; JSON text holds neither line feeds nor zeros, so both delimit."""
    data = path.read_bytes()
    records, n_bad = [], len(re.findall(rb"\0+", data))
    for line in data.replace(b"\0", b"\n").split(b"\n"):
        if line:
            record = _parse(line, path)
            records += [record] if record else []
            n_bad += record is None
    return records, n_bad


def _parse(line: bytes, path: Path) -> Record | None:
    """The record of a line, None if it is damaged. Fields that this version does not know are dropped."""
    crc, _, body = line.partition(b" ")
    if crc != b"%08x" % zlib.crc32(body):
        return None
    try:
        values = json.loads(body)
        version = values.pop("format", FORMAT)
        if version <= FORMAT:
            return Record(**{k: v for k, v in values.items() if k in FIELDS})
    except (ValueError, TypeError, AttributeError):
        return None
    raise StoreError(f"{path} has records of format {version}, newer than {FORMAT}: update diffusion-inverse-bench")


def done_keys(records: Iterable[Record], retry: bool = False, metrics: Collection[str] = ()) -> set[str]:
    """The keys that a run need not compute again.

    Args:
        records: as of `read_records`.
        retry: whether to try again what is not `DONE`.
        metrics: those that can be computed now; a record that lacks one of them because it was unavailable is not done.
    """
    complete = (r for r in records if r.status != "ok" or r.unavailable.keys().isdisjoint(metrics))
    return {r.key for r in complete if not retry or r.status in DONE}


def load(*folders: str | Path) -> "pd.DataFrame":
    """Tidy table, one row per record.

    Metrics are columns; dictionaries flatten to ``param.eta``, ``operator.factor``, ``unavailable.lpips``, ``version.torch``.
    """
    import pandas as pd

    prefixes = {"params": "param", "operator_params": "operator", "unavailable": "unavailable", "versions": "version"}
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
