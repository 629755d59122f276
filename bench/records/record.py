"""What a run keeps about one reconstruction. No torch in here."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields
from typing import Any

import msgspec

from bench.records.words import RECORD, switches_to_disk, to_disk

FORMAT = 1
"""Version of a journal line. Adding a field keeps it; changing the meaning of one raises it."""
STATUSES = ("ok", "skipped", "diverged", "out_of_memory", "timeout", "failed", "crashed")
DONE = frozenset({"ok", "skipped", "diverged"})
"""Statuses that a second attempt would only repeat."""
DETERMINISTIC = "deterministic"
"""Switch of records made by --deterministic: one image at a time, on one thread, with kernels that repeat bit
by bit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One reconstruction of one image, or one skipped cell with image "*".

    Journals spell some fields in other words, see `bench.records.words`.
    """

    key: str
    """sha256 of everything that determines the result; never of batch size, device or engine."""
    cell: str
    """sha256 of the same without image and sample: records of one cell, and only those, are averaged."""
    suite: str
    dataset: str
    task: str
    operator: str
    operator_params: dict[str, Any]
    """The operator's parameters, resolved; without those at a neutral value."""
    operator_rev: int = 1
    """Revision of the operator's code, as ``solver_rev`` is of the solver's."""
    operator_sha256: str | None = None
    """Hash of the code of a user's operator; None for ours."""
    sigma: float | None
    """Standard deviation of Gaussian noise in y, images in [-1, 1]; None where the noise is another."""
    noise: dict[str, Any] = field(default_factory=dict)
    """Kind and parameters of noise that is not Gaussian; see `bench.likelihood`."""
    told: dict[str, Any] = field(default_factory=dict)
    """What the solver was told that is not so: sigma, parameters of the operator; mostly empty."""
    solver: str
    label: str
    """The row's name in tables."""
    preset: str | None
    params: dict[str, Any]
    """Every hyper-parameter of the solver, resolved."""
    solver_rev: int = 1
    source_sha256: str | None = None
    """Hash of the code of a user's solver; None for ours."""
    code_sha256: str | None = None
    """Hash of the code of one of our solvers, to find its certificate; the key has the revision instead."""
    paper: str
    """arXiv identifier; empty for baselines."""
    baseline: bool
    prior: str
    weights_sha256: str | None
    privileged: bool = False
    """Whether the prior was told the class of the truth."""
    guidance: dict[str, Any] | None = None
    """What then steered it towards that class: ``classifier``, the sha256 of its weights, and ``scale``, the
    factor of its gradient."""
    image: str
    sample: int
    samples_per_problem: int = 1
    """Samples that this record is about. Several are scored as one set; seconds and counts are per sample."""
    seed: int
    y_hash: str | None
    """Identity of the measurement: image, operator and noise. None where it was not made; so is
    ``image_sha256``."""
    image_sha256: str | None = None
    """Hash of the decoded pixels of the truth."""
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
    notes: dict[str, float | None] = field(default_factory=dict)
    """What the method noted of this image, summed over its steps."""
    seconds: float | None = None
    """Per image: the solver's clock of the batch / batch size, without metrics, warm-up and files."""
    peak_memory_mb: float | None = None
    batch: int = 1
    device: str = "cpu"
    threads: int = 1
    dtype: str = "float32"
    """Type of the network's numbers. float32 and float64 are exact: no TF32. With bfloat16 and float16 the
    solver's state is float32."""
    switches: list[str] = field(default_factory=list)
    """What changes seconds and memory but no result beyond rounding: compiled, recomputed, or
    `DETERMINISTIC`; and what --fast does, as in "evaluation compiled"."""
    versions: dict[str, str] = field(default_factory=dict)
    commit: str | None = None
    created: str = ""
    """ISO 8601 time, UTC."""

    @property
    def is_deterministic(self) -> bool:
        """Whether it was made by --deterministic, so that it repeats bit by bit."""
        return DETERMINISTIC in self.switches

    def to_disk(self) -> dict[str, Any]:
        """The record as a journal line holds it; without ``notes`` where there are none."""
        values = values_of(self) | {"switches": switches_to_disk(self.switches)}
        if not self.notes:
            del values["notes"]
        return to_disk(values, RECORD)


class Brief(msgspec.Struct, frozen=True, gc=False):
    """A record in brief: those fields of a `Record` that a run must know of the ones that are there already.

    There may be millions. It is no dataclass, since a constructor in C takes a third of the time.
    """

    image: str
    cell: str
    task: str
    operator: str
    operator_sha256: str | None
    solver: str
    label: str
    source_sha256: str | None
    prior: str
    reason: str | None
    unavailable: dict[str, str]
    switches: list[str]
    key: str
    created: str
    status: str
    sample: int
    samples_per_problem: int
    nfe: int
    vjps: int
    seconds: float | None
    metrics: dict[str, float | None]

    @property
    def is_deterministic(self) -> bool:
        """Whether the run was deterministic, as in `Record`."""
        return DETERMINISTIC in self.switches


AnyRecord = Record | Brief
FIELDS = tuple(f.name for f in fields(Record))


def values_of(record: Record) -> dict[str, Any]:
    """The fields of a record by name; not copies."""
    return {name: getattr(record, name) for name in FIELDS}


def done_keys(records: Iterable[AnyRecord], retry: bool = False, metrics: Collection[str] = ()) -> set[str]:
    """The keys that a run need not compute again.

    Args:
        records: as of `read_records`.
        retry: whether to try again what is not `DONE`.
        metrics: those that can be computed now. A record that lacks one of them because it was unavailable is
            not done.
    """
    done = set()
    for record in records:
        if retry and record.status not in DONE:
            continue
        if record.unavailable and record.status == "ok" and not record.unavailable.keys().isdisjoint(metrics):
            continue
        done.add(record.key)
    return done
