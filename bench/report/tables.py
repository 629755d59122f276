"""Records, grouped into tables: one per task, one row per cell. Nothing is averaged here."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from bench.records.keys import canonical
from bench.records.record import Record
from bench.report.planned import PlannedRun, Run, labels, ranks

SETTING = (
    "suite", "dataset", "prior", "weights_sha256", "task", "operator", "operator_params", "operator_rev", "operator_sha256",
    "sigma", "seed",
)  # fmt: skip
"""What the rows of one table share; results that differ in one of these never meet in a table."""

UNTIMED = (0, "", 0, "")


def conditions(record: Record) -> tuple[int, str, int, str]:
    """What seconds depend on beside the solver; "plain" is a network without switches."""
    return record.batch, record.device, record.threads, " and ".join(record.switches) or "plain"


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

    @property
    def head(self) -> Record:
        """Any record: what is asked of it is equal in all."""
        return self.records[0]

    @cached_property
    def solved(self) -> dict[str, list[Record]]:
        """Image -> its successful samples, in the order of images, only where every attempted sample
        succeeded.
        """
        samples = defaultdict(list)
        for record in self.records:
            samples[record.image].append(record)
        return {image: group for image, group in samples.items() if all(r.status == "ok" for r in group)}

    @cached_property
    def failures(self) -> Counter[str]:
        """Status -> how many records, of those that are not ok."""
        return Counter(r.status for r in self.records if r.status != "ok")

    @cached_property
    def attempted(self) -> list[str]:
        """Images with a record of any status."""
        return list(dict.fromkeys(r.image for r in self.records))

    @cached_property
    def images(self) -> tuple[str, ...]:
        """What this row is about: the planned images, and others that it attempted."""
        return tuple(dict.fromkeys((*self.planned, *self.attempted)))

    @property
    def missing(self) -> int:
        """How many of its images it did not attempt."""
        return len(set(self.images) - set(self.attempted))

    @property
    def complete(self) -> bool:
        """Whether all its images were attempted and nothing failed."""
        return not self.failures and not self.missing

    def over(self, images: Iterable[str]) -> "Row":
        """The same row, about fewer images."""
        kept = set(images)
        records, planned = (
            (r for r in self.records if r.image in kept),
            (i for i in self.planned if i in kept),
        )
        return replace(self, records=tuple(records), planned=tuple(planned))

    @cached_property
    def samples(self) -> int:
        """Most samples of one image."""
        return max(Counter(r.image for r in self.records).values())

    def scores(self, metric: str) -> dict[str, float]:
        """Image -> mean over its samples, for images on which all have this metric."""
        values = {image: [r.metrics.get(metric) for r in group] for image, group in self.solved.items()}
        return {image: sum(group) / len(group) for image, group in values.items() if None not in group}

    def reasons(self, metric: str) -> list[str]:
        """Why the metric is absent, distinct reasons in order."""
        return list(dict.fromkeys(r.unavailable[metric] for r in self.records if metric in r.unavailable))

    @cached_property
    def timing(self) -> tuple[int, str, int, str]:
        """The commonest (batch, device, threads, switches): seconds are compared only where it is equal."""
        return Counter(conditions(r) for r in self.ok).most_common(1)[0][0] if self.ok else UNTIMED

    @cached_property
    def seconds(self) -> list[float]:
        """Seconds per image, one value per timed batch of the commonest size (a batch gives all its images
        one value).
        """
        timed = [r for r in self.ok if conditions(r) == self.timing and r.seconds is not None]
        return list(dict.fromkeys(r.seconds for r in timed))

    @cached_property
    def ok(self) -> list[Record]:
        """Records of `solved` images."""
        return [r for group in self.solved.values() for r in group]

    def mean(self, name: str) -> float | None:
        """Mean of a count such as ``nfe`` over successful records."""
        return sum(getattr(r, name) for r in self.ok) / len(self.ok) if self.ok else None

    @cached_property
    def memory(self) -> float | None:
        """Largest peak memory, MB."""
        return max((r.peak_memory_mb for r in self.ok if r.peak_memory_mb is not None), default=None)


@dataclass(frozen=True)
class Table:
    """The rows of one task; everything in `SETTING` is equal in all records."""

    slug: str
    """Unique and fit for file names."""
    title: str
    rows: tuple[Row, ...]
    skipped: tuple[Record, ...]
    pending: tuple[str, ...]
    """Labels that the manifest asks for and that have no record yet."""
    images: tuple[str, ...]
    """All images that any row attempted, but for a single row's extra ones."""

    @property
    def head(self) -> Record:
        """Any record, for what is equal in all."""
        return self.rows[0].head if self.rows else self.skipped[0]

    @cached_property
    def usual(self) -> int:
        """The commonest number of images of a row, the larger of equally common ones."""
        return len(_usual(self.rows))

    @cached_property
    def unusual(self) -> dict[str, int]:
        """Row name -> its number of images, for rows that are about other numbers than is usual here."""
        return {row.name: len(row.images) for row in self.rows if len(row.images) != self.usual}

    @property
    def blocks(self) -> list[tuple[int, list[Row]]]:
        """(number of images, rows): the usual ones first, then those with the most images."""
        counts = sorted({len(row.images) for row in self.rows}, key=lambda n: (n != self.usual, -n))
        return [(n, [row for row in self.rows if len(row.images) == n]) for n in counts]

    @cached_property
    def measurements(self) -> dict[str, str]:
        """Image -> hash of the measurement that most rows saw."""
        seen = defaultdict(Counter)
        for row in self.rows:
            for image, y in {(r.image, r.y_hash) for r in row.records if r.y_hash}:
                seen[image][y] += 1
        return {image: max(sorted(votes), key=votes.get) for image, votes in seen.items()}

    @cached_property
    def truths(self) -> dict[str, str]:
        """Image -> hash of its pixels, as those records have it that saw the usual measurement."""
        usual = self.measurements
        records = (r for row in self.rows for r in row.records)
        return {r.image: r.image_sha256 for r in records if r.image_sha256 and r.y_hash == usual.get(r.image)}

    @cached_property
    def strangers(self) -> dict[str, int]:
        """Row name -> images on which it saw another measurement than most rows; such a row is not ranked."""
        usual = self.measurements
        odd = {
            row.name: len({r.image for r in row.records if r.y_hash and r.y_hash != usual[r.image]})
            for row in self.rows
        }
        return {name: n for name, n in odd.items() if n}

    @cached_property
    def timing(self) -> tuple[int, str, int]:
        """The commonest `Row.timing` of the rows that are not baselines."""
        rows = [r.timing for r in self.rows if r.ok and not r.head.baseline] or [UNTIMED]
        return Counter(rows).most_common(1)[0][0]


def build(records: Iterable[Record], runs: Sequence[Run]) -> list[Table]:
    """Groups records into tables, in the order of the manifest's runs, then by name."""
    groups: dict[str, list[Record]] = defaultdict(list)
    names = labels(runs)
    for record in records:
        label = names.get((record.suite, record.cell), record.label)
        record = record if label == record.label else replace(record, label=label)
        groups[canonical([getattr(record, name) for name in SETTING])].append(record)
    order = ranks(task["name"] for run in runs for task in run.get("tasks", ()))
    suites = ranks(run.get("suite") for run in runs)

    def place(item: tuple[str, list[Record]]) -> tuple:
        key, (head, *_) = item
        return (
            suites.get(head.suite, len(suites)),
            head.suite,
            order.get(head.task, len(order)),
            head.task,
            key,
        )

    tables, used = [], Counter()
    for _, group in sorted(groups.items(), key=place):
        slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", group[0].task)
        used[slug] += 1
        tables.append(
            _table(slug if used[slug] == 1 else f"{slug}-{used[slug]}", group, PlannedRun(runs, group[0]))
        )
    return tables


def _table(slug: str, group: list[Record], asked: PlannedRun) -> Table:
    def place(label: str, *rest: str) -> tuple:
        return asked.labels.get(label, len(asked.labels)), label, *rest

    def image_place(image: str) -> tuple:
        return asked.order.get(image, len(asked.order)), natural(image)

    cells: dict[str, list[Record]] = defaultdict(list)
    for record in group:
        cells[record.cell].append(record)
    ran = {cell: [r for r in rs if r.status != "skipped"] for cell, rs in cells.items()}
    first = {cell: min(r.created for r in rs) for cell, rs in ran.items() if rs}
    ordered = sorted(first, key=lambda cell: place(ran[cell][0].label, first[cell], cell))
    shared, letters = Counter(ran[cell][0].label for cell in ordered), Counter()
    rows = []
    for cell in ordered:
        label = ran[cell][0].label
        letters[label] += 1
        name = label if shared[label] == 1 else f"{label} ({_letter(letters[label])})"
        kept = tuple(sorted(ran[cell], key=lambda r: (image_place(r.image), r.sample)))
        rows.append(Row(name, kept, asked.images(cell)))
    usual = _usual(rows)
    rows = [_trim(row, usual) for row in rows]
    skipped = [rs[0] for cell, rs in cells.items() if cell not in first]
    return Table(
        slug=slug,
        title=asked.title,
        rows=tuple(rows),
        skipped=tuple(sorted(skipped, key=lambda r: place(r.label, r.cell))),
        pending=asked.pending(cells),
        images=tuple(sorted({image for row in rows for image in row.attempted}, key=image_place)),
    )


def _usual(rows: Iterable[Row]) -> set[str]:
    """The images of most rows; of equally common sets the larger."""
    counts = Counter(frozenset(row.images) for row in rows)
    return set(max(counts, key=lambda images: (counts[images], len(images), sorted(images)), default=()))


def _trim(row: Row, usual: set[str]) -> Row:
    """A row that is about all of the usual images and more, over just the usual ones."""
    whole = usual < set(row.images) and usual & set(row.attempted)
    return replace(row.over(usual), extra=len(set(row.attempted) - usual)) if whole else row


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key under which im2 comes before im10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|\D+", text)]


def _letter(i: int) -> str:
    return chr(ord("a") + i - 1) if i <= 26 else str(i)
