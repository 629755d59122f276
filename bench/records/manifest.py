"""What the runs of a folder asked for, one file each: order, labels and titles for the report. No torch.

A manifest is read leniently: older versions wrote fewer entries, and what is absent is None or empty here.
Its digest is its file name, so what is read must be written again as it was.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self, get_type_hints

from pydantic import TypeAdapter, ValidationError

from bench.records.files import StoreError, write_atomic
from bench.records.keys import canonical, digest, plain
from bench.records.record import FORMAT
from bench.records.words import (
    OPTIONS,
    ROW,
    SETS,
    Words,
    from_disk,
    suite_from_disk,
    suite_to_disk,
    to_disk,
)

UNNAMED = frozenset({"command", "created", "versions", "data_root"})
"""Entries that differ between the parts of one run."""


@cache
def _adapters(entry: Any) -> dict[str, TypeAdapter[Any]]:
    """What checks the type of each field of an entry."""
    hints = get_type_hints(entry)
    return {f.name: TypeAdapter(hints[f.name]) for f in fields(entry)}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A part of a manifest, as a mapping on disk."""

    WORDS: ClassVar[Words] = {}
    """The field's words on disk, where these are others."""
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset()
    """Fields that are not written at their default."""

    @classmethod
    def from_disk(cls, values: Mapping[str, Any]) -> Self:
        """The entry that a file holds; what this version does not know is dropped.

        Raises:
            TypeError: a field that every version wrote is absent.
            ValueError: a field is of another type than this version reads.
        """
        named = from_disk(values, cls.WORDS)
        known = {f.name: named[f.name] for f in fields(cls) if f.name in named}
        adapters = _adapters(cls)  # type: ignore[arg-type]  # classes are hashable
        for name, value in known.items():
            try:
                adapters[name].validate_python(value, strict=True)
            except ValidationError as error:
                raise ValueError(f"{name}: {error.errors()[0]['msg']}") from None
        return cls(**known)

    def to_disk(self) -> dict[str, Any]:
        """The entry as a file holds it."""
        written = [f for f in fields(self) if not self._is_left_out(f)]
        return to_disk({f.name: getattr(self, f.name) for f in written}, self.WORDS)

    def _is_left_out(self, f: Field[Any]) -> bool:
        default = f.default if f.default_factory is MISSING else f.default_factory()
        return f.name in self.LEFT_OUT and getattr(self, f.name) == default


@dataclass(frozen=True, kw_only=True)
class TaskEntry(Entry):
    """A task of a run, in the order of the tables."""

    LEFT_OUT = frozenset({"operator_sha256", "dataset", "prior", "conventions", "images", "noise", "told"})

    name: str
    title: str | None = None
    operator: str | None = None
    params: Mapping[str, Any] | None = None
    sigma: float | None = None
    noise: Mapping[str, Any] = field(default_factory=dict)
    """As in a record, like ``told``."""
    told: Mapping[str, Any] = field(default_factory=dict)
    operator_sha256: str | None = None
    """Hash of the code of a user's operator."""
    dataset: str | None = None
    """Where it is not that of the run; so is ``prior``."""
    prior: str | None = None
    conventions: Mapping[str, str] = field(default_factory=dict)
    """Topic -> what the operator does about it."""
    images: int | None = None
    """The most images of the run that the task takes."""


@dataclass(frozen=True, kw_only=True)
class RowEntry(Entry):
    """A row of the tables."""

    WORDS = ROW
    LEFT_OUT = frozenset(
        {"skip_duplicates", "kind", "order", "colour", "title", "bibtex", "settings", "samples"}
    )

    label: str
    solver: str | None = None
    preset: str | None = None
    paper: str | None = None
    baseline: bool | None = None
    images: int | None = None
    """The number of images planned for the row, None for all."""
    tasks: Iterable[str] = ()
    cells: Mapping[str, str] = field(default_factory=dict)
    """Task -> the cell's id."""
    skip_duplicates: bool = False
    kind: str | None = None
    """From the method's card: "method", "baseline" or "anchor". None in manifests of versions without cards,
    as all below; see `bench.records.words.known_method`."""
    order: int | None = None
    """Place in tables and lists."""
    colour: int | None = None
    """Place among our methods of this kind, which keep their colours; None for a user's method."""
    title: str | None = None
    bibtex: str | None = None
    settings: Mapping[str, Mapping[str, Any]] | None = None
    """Task -> all parameters of the solver there, resolved from preset and row."""
    samples: int | None = None
    """Reconstructions of each image, None for one."""


@dataclass(frozen=True, kw_only=True)
class MetricEntry(Entry):
    """How a metric is printed; see `bench.stats.metric.Metric`."""

    label: str | None = None
    format: str | None = None
    """The format of a number, such as ".2f"."""
    scale: float | None = None
    higher_is_better: bool | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class SetsEntry(Entry):
    """What FID and KID are made of, where it is not the usual."""

    WORDS = SETS

    mode: str
    """How images become features."""
    fid_stats: Mapping[str, Any] | None = None
    """`bench.metrics.fid_stats.describe_fid_stats` of the images to compare with; None: the run's own."""


@dataclass(frozen=True, kw_only=True)
class Request(Entry):
    """What was asked, from which `bench.plan.request` makes the plan again. May name paths of the machine."""

    suite: Mapping[str, Any]
    """All settings of a suite, by their names in the package."""
    options: Mapping[str, Any]
    """Options that results depend on."""

    @classmethod
    def from_disk(cls, values: Mapping[str, Any]) -> Self:
        """The request that a file holds."""
        return cls(suite=suite_from_disk(values["suite"]), options=from_disk(values["options"], OPTIONS))

    def to_disk(self) -> dict[str, Any]:
        """The request as a file holds it."""
        return {"suite": suite_to_disk(self.suite), "options": to_disk(self.options, OPTIONS)}


@dataclass(frozen=True, kw_only=True)
class RunManifest(Entry):
    """What one start of a run asked for, as plain JSON values.

    The report takes the order of tasks, rows, images and metrics, the header and the notes from here. Numbers
    come from records.
    """

    LEFT_OUT = frozenset({"sets", "asked", "margins"})

    suite: str = ""
    title: str | None = None
    dataset: str | None = None
    dataset_sha256: str | None = None
    prior: str | None = None
    weights_sha256: str | None = None
    seed: int | None = None
    n_images: int | None = None
    images: tuple[str, ...] = ()
    """Ids, in order."""
    tasks: tuple[TaskEntry, ...] = ()
    rows: tuple[RowEntry, ...] = ()
    metrics: Mapping[str, MetricEntry] = field(default_factory=dict)
    seconds: str | None = None
    """What the clock counts."""
    sets: SetsEntry | None = None
    command: str | None = None
    created: str | None = None
    """ISO 8601 time, UTC."""
    versions: Mapping[str, str] = field(default_factory=dict)
    data_root: str | None = None
    """The folder of the user's images; reports print no path of the machine."""
    margins: Mapping[str, float] = field(default_factory=dict)
    """Metric -> difference below which two rows are equivalent, where it is not the usual one."""
    asked: Request | None = None
    """None in manifests of versions that did not keep it; these kept no ``data_root`` either."""

    @classmethod
    def from_disk(cls, values: Mapping[str, Any]) -> Self:
        """The manifest that a file holds."""
        read: dict[str, Any] = dict(values)
        read["images"] = tuple(values.get("images", ()))
        read["tasks"] = tuple(TaskEntry.from_disk(task) for task in values.get("tasks", ()))
        read["rows"] = tuple(RowEntry.from_disk(row) for row in values.get("rows", ()))
        metrics = values.get("metrics", {})
        read["metrics"] = {name: MetricEntry.from_disk(metric) for name, metric in metrics.items()}
        for name, entry in (("sets", SetsEntry), ("asked", Request)):
            read[name] = entry.from_disk(values[name]) if values.get(name) else None
        return super().from_disk(read)

    def to_disk(self) -> dict[str, Any]:
        """The manifest as a file holds it."""
        written = super().to_disk()
        written["tasks"] = [task.to_disk() for task in self.tasks]
        written["rows"] = [row.to_disk() for row in self.rows]
        written["metrics"] = {name: metric.to_disk() for name, metric in self.metrics.items()}
        if self.sets:
            written["sets"] = self.sets.to_disk()
        if self.asked:
            written["asked"] = self.asked.to_disk()
        else:
            del written["data_root"]
        return dict(plain(written))

    @property
    def digest(self) -> str:
        """The hash of all but `UNNAMED`; names the file."""
        return digest({name: value for name, value in self.to_disk().items() if name not in UNNAMED})


def write_manifest(folder: str | Path, run: RunManifest) -> None:
    """Keeps what one start of a run asked for in manifest/<digest>.json, unless the same was asked last.

    What is asked for again, with something else in between, is the newest again: so are its labels, and its
    settings where those of a row went back. The shards of a run share a file, so a race between them loses
    nothing.

    Raises:
        StoreError: full disk or missing rights.
    """
    path = Path(folder) / "manifest" / f"{run.digest}.json"
    if not (path.exists() and _is_newest(folder, run)):
        text = json.dumps({"format": FORMAT, "run": run.to_disk()}, indent=1, allow_nan=False)
        write_atomic(path, text.encode())


def _is_newest(folder: str | Path, run: RunManifest) -> bool:
    """Whether nothing else was asked for since; a damaged file, of which reports tell, ends no run."""
    try:
        return read_manifests(folder)[-1].digest == run.digest
    except StoreError:
        return True


def read_manifests(folder: str | Path) -> list[RunManifest]:
    """The runs made into a folder, oldest first; [] where there is no manifest.

    Raises:
        StoreError: a file is damaged.
    """
    runs = []
    for path in (Path(folder) / "manifest").glob("*.json"):
        try:
            runs.append(RunManifest.from_disk(json.loads(path.read_text())["run"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"cannot read {path}: {error}; delete it, the records do not depend on it"
            raise StoreError(message) from error
    return sorted(runs, key=lambda run: (run.created or "", canonical(run.to_disk())))
