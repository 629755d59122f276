"""What is known of one reconstruction. No torch in here."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields
from typing import Any

FORMAT = 1
"""Version of a journal line. Adding a field keeps it; changing the meaning of one raises it."""
STATUSES = ("ok", "skipped", "diverged", "out_of_memory", "timeout", "failed", "crashed")
DONE = frozenset({"ok", "skipped", "diverged"})
"""Statuses that a second attempt would only repeat."""


DETERMINISTIC = "reference mode"
"""The switch, as journals spell it, of records made by --deterministic: one image at a time, on one thread,
with kernels that repeat bit by bit."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One reconstruction of one image (or one skipped cell, with image "*"), and all that is needed to judge
    it.
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
    """Of the operator, resolved; without those at a neutral value."""
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
    """Of the code of one of our solvers, to find its certificate; not part of the key, which has the
    revision."""
    paper: str
    """arXiv identifier; empty for baselines."""
    baseline: bool
    prior: str
    weights_sha256: str | None
    privileged: bool = False
    """Whether the prior was told the class of the truth."""
    guidance: dict[str, Any] | None = None
    """What then steered it towards that class: ``classifier``, the sha256 of its weights, and ``scale``, of
    its gradient."""
    image: str
    sample: int
    block: int = 1
    """Samples that this record is about, scored as one set; seconds and counts are then per sample."""
    seed: int
    y_hash: str | None
    """Identity of the measurement: image, operator and noise; None where it was not made, as is
    ``image_sha256``."""
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
    """Of the network. float32 and float64 are exact: no TF32. With bfloat16 and float16 the solver's state is
    float32."""
    switches: list[str] = field(default_factory=list)
    """How it ran, where that changes seconds and memory but no result beyond rounding: compiled, recomputed,
    `DETERMINISTIC`."""
    versions: dict[str, str] = field(default_factory=dict)
    commit: str | None = None
    created: str = ""
    """ISO 8601 time, UTC."""

    @property
    def is_deterministic(self) -> bool:
        """Whether it was made by --deterministic, so that it repeats bit by bit."""
        return DETERMINISTIC in self.switches


FIELDS = frozenset(f.name for f in fields(Record))


def done_keys(records: Iterable[Record], retry: bool = False, metrics: Collection[str] = ()) -> set[str]:
    """The keys that a run need not compute again.

    Args:
        records: as of `read_records`.
        retry: whether to try again what is not `DONE`.
        metrics: those that can be computed now; a record that lacks one of them because it was unavailable is
            not done.
    """
    complete = (r for r in records if r.status != "ok" or r.unavailable.keys().isdisjoint(metrics))
    return {r.key for r in complete if not retry or r.status in DONE}
