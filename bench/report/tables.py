"""Records, grouped into tables: one per task, one row per cell. Nothing is averaged here."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.records import Record, canonical

Run = dict[str, Any]
SETTING = ("suite", "dataset", "prior", "weights_sha256", "task", "operator", "operator_params", "sigma", "seed")
"""What the rows of one table share; results that differ in one of these never meet in a table."""


@dataclass(frozen=True)
class Metric:
    """A column: ``better`` is 1 where higher is better, -1 where lower is, 0 where neither is; ``scale`` is for print only."""

    name: str
    label: str
    format: str = ".3f"
    better: int = 0
    note: str = ""
    scale: float = 1.0

    def show(self, value: float) -> str:
        """The number as it is printed."""
        return f"{value * self.scale:{self.format}}"


KNOWN = (
    Metric("psnr", "PSNR", ".2f", 1, "in dB: mean of per-image values, data range 1 on [0, 1] after clipping"),
    Metric("ssim", "SSIM", ".3f", 1, "Gaussian window 11, standard deviation 1.5, data range 1"),
    Metric("lpips", "LPIPS", ".3f", -1, "AlexNet, version 0.1, input in [-1, 1]"),
    Metric("fid", "FID", ".1f", -1, "Inception features of 2015"),
    Metric("kid", "KID×10³", ".2f", -1, "Inception features of 2015", 1e3),
    Metric("misfit", "misfit", ".2f", 0, "‖A(x) - y‖ / (σ √m) over the measured entries; 1 is the level of the noise"),
)
SET_METRICS = ("fid", "kid")


@dataclass(frozen=True)
class Row:
    """All records of one cell."""

    name: str
    """Unique in its table: the label, with a letter where several cells carry one label."""
    records: tuple[Record, ...]

    @property
    def head(self) -> Record:
        """Any record: what is asked of it is equal in all."""
        return self.records[0]

    @cached_property
    def solved(self) -> dict[str, list[Record]]:
        """Image -> its successful samples, in the order of images, only where every attempted sample succeeded."""
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
    def timing(self) -> tuple[int, str, int]:
        """The commonest (batch, device, threads): seconds are compared only where it is equal."""
        return Counter((r.batch, r.device, r.threads) for r in self.ok).most_common(1)[0][0] if self.ok else (0, "", 0)

    @cached_property
    def seconds(self) -> list[float]:
        """Seconds per image, one value per timed batch of the commonest size (a batch gives all its images one value)."""
        timed = [r for r in self.ok if (r.batch, r.device, r.threads) == self.timing and r.seconds is not None]
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
    """All images that any row attempted."""

    @property
    def head(self) -> Record:
        """Any record, for what is equal in all."""
        return self.rows[0].head if self.rows else self.skipped[0]

    @cached_property
    def strangers(self) -> dict[str, int]:
        """Row name -> images on which it saw another measurement than most rows; such a row is not ranked."""
        seen = defaultdict(Counter)
        for row in self.rows:
            for image, y in {(r.image, r.y_hash) for r in row.records if r.y_hash}:
                seen[image][y] += 1
        usual = {image: max(sorted(votes), key=votes.get) for image, votes in seen.items()}
        odd = {row.name: len({r.image for r in row.records if r.y_hash and r.y_hash != usual[r.image]}) for row in self.rows}
        return {name: n for name, n in odd.items() if n}

    @cached_property
    def timing(self) -> tuple[int, str, int]:
        """The commonest `Row.timing` of the rows that are not baselines."""
        rows = [r.timing for r in self.rows if r.ok and not r.head.baseline] or [(0, "", 0)]
        return Counter(rows).most_common(1)[0][0]


def build(records: Iterable[Record], runs: Sequence[Run]) -> list[Table]:
    """Groups records into tables, in the order of the manifest's runs, then by name."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[canonical([getattr(record, name) for name in SETTING])].append(record)
    order = _ranks(task["name"] for run in runs for task in run.get("tasks", ()))
    suites = _ranks(run.get("suite") for run in runs)

    def place(item: tuple[str, list[Record]]) -> tuple:
        key, (head, *_) = item
        return suites.get(head.suite, len(suites)), head.suite, order.get(head.task, len(order)), head.task, key

    tables, used = [], Counter()
    for _, group in sorted(groups.items(), key=place):
        slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", group[0].task)
        used[slug] += 1
        tables.append(_table(slug if used[slug] == 1 else f"{slug}-{used[slug]}", group, runs))
    return tables


def _table(slug: str, group: list[Record], runs: Sequence[Run]) -> Table:
    head = group[0]
    runs = [run for run in runs if run.get("suite") == head.suite]
    listed = [row for run in runs for row in run.get("rows", ())]
    labels = _ranks(row["label"] for row in listed)
    images = _ranks(str(image) for run in runs for image in run.get("images", ()))
    cells: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in group:
        cells[record.label, record.cell].append(record)
    ran = {key: rs for key, rs in cells.items() if any(r.status != "skipped" for r in rs)}
    keys = sorted(ran, key=lambda k: (labels.get(k[0], len(labels)), k[0], min(r.created for r in ran[k]), k[1]))
    shared, letters = Counter(label for label, _ in keys), Counter()
    rows = []
    for label, cell in keys:
        letters[label] += 1
        name = label if shared[label] == 1 else f"{label} ({_letter(letters[label])})"
        kept = [r for r in ran[label, cell] if r.status != "skipped"]
        rows.append(
            Row(name, tuple(sorted(kept, key=lambda r: (images.get(r.image, len(images)), natural(r.image), r.sample))))
        )
    skipped = [rs[0] for key, rs in cells.items() if key not in ran]
    titles = [t.get("title") for run in runs for t in run.get("tasks", ()) if t["name"] == head.task and t.get("title")]
    planned = dict.fromkeys(row["label"] for row in listed if head.task in row.get("tasks", [head.task]))
    attempted = {image for row in rows for image in row.attempted}
    return Table(
        slug=slug,
        title=titles[-1] if titles else head.task,
        rows=tuple(rows),
        skipped=tuple(sorted(skipped, key=lambda r: (labels.get(r.label, len(labels)), r.label, r.cell))),
        pending=tuple(label for label in planned if label not in {key[0] for key in cells}),
        images=tuple(sorted(attempted, key=lambda i: (images.get(i, len(images)), natural(i)))),
    )


def metrics_of(tables: Sequence[Table], runs: Sequence[Run]) -> list[Metric]:
    """The metrics in the manifest's order, then known ones, then any other that a record has; set metrics before the misfit."""
    known = {metric.name: metric for metric in KNOWN}
    named = {name: about for run in runs for name, about in run.get("metrics", {}).items()}
    present = dict.fromkeys(
        name for table in tables for row in table.rows for r in row.records for name in (*r.metrics, *r.unavailable)
    )
    found = [n for n in dict.fromkeys((*named, *known, *sorted(present))) if n in named or n in present or n in SET_METRICS]
    metrics = [_metric(name, named.get(name, {}), known.get(name)) for name in found]
    return sorted(metrics, key=lambda m: (m.better == 0, m.name in SET_METRICS))


def _metric(name: str, about: dict[str, Any], base: Metric | None) -> Metric:
    base = base or Metric(name, name)
    if name in SET_METRICS:
        return Metric(name, base.label, base.format, base.better, about.get("note") or base.note, base.scale)
    higher = about.get("higher_is_better", base.better > 0 if base.better else None)
    better = 0 if higher is None else 1 if higher else -1
    spec = str(about.get("format") or base.format).removeprefix("{:").removesuffix("}")
    if not re.fullmatch(r"\.\d+[efg]", spec):
        spec = base.format
    return Metric(name, about.get("label") or base.label, spec, better, about.get("note") or base.note, base.scale)


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key under which im2 comes before im10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|\D+", text)]


def _ranks(names: Iterable[Any]) -> dict[Any, int]:
    return {name: i for i, name in enumerate(dict.fromkeys(names))}


def _letter(i: int) -> str:
    return chr(ord("a") + i - 1) if i <= 26 else str(i)
