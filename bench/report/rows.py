"""One row of a table: all records of one cell, and its method."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from operator import attrgetter

from bench.records.manifest import RowEntry
from bench.records.record import Record
from bench.records.words import known_method

Timing = tuple[int, str, int, str, str, str, str]
"""What seconds depend on beside the solver: the machine and its build, in the order of `CONDITIONS`."""
CONDITIONS = ("batch", "device", "threads", "network", "dtype", "os", "torch")
UNTIMED: Timing = (0, "", 0, "", "", "", "")
UNKNOWN = "unknown"
PLAIN = "plain"
"""A network without switches."""


def conditions(record: Record) -> Timing:
    """What the seconds of a record depend on."""
    switches = " and ".join(record.switches) or PLAIN
    os, torch = record.versions.get("os", UNKNOWN), record.versions.get("torch", UNKNOWN)
    return record.batch, record.device, record.threads, switches, record.dtype, os, torch


def unlike(timing: Timing, known: Timing | None = None) -> str:
    """Names and values of conditions that are not those that the reader knows; without these, of all."""
    texts = []
    for name, value, other in zip(CONDITIONS, timing, known or [PLAIN] * len(CONDITIONS), strict=True):
        if value != other:
            texts.append(f"{name} {value}")
    return ", ".join(texts)


@dataclass(frozen=True)
class Method:
    """The method of a row, as the manifest of its run describes it.

    Attributes:
        kind: "method", "baseline" or "anchor".
        order: place in tables and lists.
        colour: place among our methods of this kind; None for a user's.
        title: the title of its paper; "" where no manifest says.
        paper: as `bench.report.text.citation` takes it.
    """

    kind: str
    order: int
    colour: int | None
    title: str = ""
    paper: str = ""


def method_of(record: Record, entry: RowEntry | None) -> Method:
    """The method of a record.

    Without a description its kind, order and colour are those of the versions that kept none.

    Args:
        entry: the row of a manifest that lists the record's cell and describes its method; None without any.
    """
    if entry is None or entry.kind is None:
        return Method(*known_method(record.solver, record.baseline), paper=record.paper)
    return Method(
        kind=entry.kind,
        order=entry.order or 0,
        colour=entry.colour,
        title=entry.title or "",
        paper=entry.paper or record.paper,
    )


@dataclass(frozen=True)
class Row:
    """All records of one cell."""

    name: str
    """Unique in its table: the label, with a letter where several cells carry one label."""
    records: tuple[Record, ...]
    planned: tuple[str, ...] = ()
    """The images that the manifests ask for, in order; empty where none lists this cell."""
    extra: int = 0
    """Images that it attempted beyond those of the other rows, left out here."""
    entry: RowEntry | None = None
    """The row in the newest manifest that describes the method of this cell; None where none does."""
    samples_planned: int = 1
    """The reconstructions of an image that the manifests ask for."""
    folders: tuple[str, ...] = ()
    """The run folders that it is from, in a report of several."""
    asked: int = -1
    """Place of the newest run that asks for it; -1 where none does."""

    @property
    def head(self) -> Record:
        """Any record: what is asked of it is equal in all."""
        return self.records[0]

    @cached_property
    def method(self) -> Method:
        """What manifests say of its method."""
        return method_of(self.head, self.entry)

    @cached_property
    def attempted(self) -> dict[str, list[Record]]:
        """Image -> its samples, of any status, in the order of images."""
        samples = defaultdict(list)
        for record in self.records:
            samples[record.image].append(record)
        return dict(samples)

    @cached_property
    def solved(self) -> dict[str, list[Record]]:
        """Image -> its samples, in the order of images, where every attempted sample succeeded."""
        failed = {record.image for record in self.records if record.status != "ok"}
        return {image: group for image, group in self.attempted.items() if image not in failed}

    @cached_property
    def ok(self) -> list[Record]:
        """Records of `solved` images."""
        return list(chain.from_iterable(self.solved.values()))

    @cached_property
    def failures(self) -> Counter[str]:
        """Status -> how many records, for every status but ok."""
        counts = Counter(map(attrgetter("status"), self.records))
        del counts["ok"]
        return counts

    @property
    def n_failed(self) -> int:
        """How many records are not ok."""
        return self.failures.total()

    @property
    def failure_reasons(self) -> list[str]:
        """Why records are not ok, distinct reasons in order."""
        return list(dict.fromkeys(r.reason for r in self.records if r.status != "ok" and r.reason))

    @cached_property
    def images(self) -> tuple[str, ...]:
        """What this row is about: the planned images, and others that it attempted."""
        return tuple(dict.fromkeys((*self.planned, *self.attempted)))

    @property
    def missing(self) -> int:
        """How many of its images it did not attempt."""
        return len(self.images) - len(self.attempted)

    @property
    def complete(self) -> bool:
        """Whether all its images were attempted and nothing failed."""
        return not self.failures and not self.missing

    @property
    def so_far(self) -> tuple[int, int] | None:
        """Reconstructions made and asked for, where some images have fewer samples than asked for; else None.

        The row stands as it is, by the means of its images: fewer samples are no failure.
        """
        made, asked = len(self.records), self.samples_planned * len(self.images)
        return (made, asked) if self.samples_planned > 1 and made < asked else None

    def over(self, images: Iterable[str]) -> "Row":
        """The same row, about fewer images."""
        kept = set(images)
        records = tuple(record for record in self.records if record.image in kept)
        planned = tuple(image for image in self.planned if image in kept)
        return replace(self, records=records, planned=planned)

    @property
    def samples(self) -> int:
        """Most samples of one image."""
        return max(map(len, self.attempted.values()))

    def scores(self, metric: str) -> Mapping[str, float]:
        """Image -> mean over its samples, for images on which all have this metric."""
        if metric not in self._scores:
            self._scores[metric] = self._means(metric)
        return self._scores[metric]

    @cached_property
    def _scores(self) -> dict[str, dict[str, float]]:
        """What `scores` has found, since every part of a report asks for it."""
        return {}

    def _means(self, metric: str) -> dict[str, float]:
        means = {}
        for image, group in self.solved.items():
            known = [value for record in group if (value := record.metrics.get(metric)) is not None]
            if len(known) == len(group):
                means[image] = sum(known) / len(known)
        return means

    def reasons(self, metric: str) -> list[str]:
        """Why the metric is absent, distinct reasons in order."""
        return list(dict.fromkeys(r.unavailable[metric] for r in self.records if metric in r.unavailable))

    @cached_property
    def timing(self) -> Timing:
        """The commonest `conditions`: seconds are compared only where they are equal."""
        return Counter(map(conditions, self.ok)).most_common(1)[0][0] if self.ok else UNTIMED

    @cached_property
    def seconds(self) -> list[float]:
        """Seconds per image, one value per timed batch of the commonest size.

        A batch gives all its images one value.
        """
        found: dict[float, None] = {}
        for record in self.ok:
            if record.seconds is not None and conditions(record) == self.timing:
                found[record.seconds] = None
        return list(found)

    def mean(self, name: str) -> float | None:
        """Mean of a count such as ``nfe`` over successful records; None without any."""
        return sum(map(attrgetter(name), self.ok)) / len(self.ok) if self.ok else None

    @property
    def memory(self) -> float | None:
        """Largest peak memory, MB; None where it was not measured."""
        return max((r.peak_memory_mb for r in self.ok if r.peak_memory_mb is not None), default=None)
