"""Computes some images of every recorded row again, and compares."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median_low

from bench.certify.certificates import read_certificates
from bench.certify.code import code_sha256, file_sha256
from bench.exact.distances import metrics as distances
from bench.metrics.table import METRICS
from bench.names import first_line
from bench.plan.cell import Cell
from bench.plan.options import mode
from bench.plan.plan import Plan
from bench.records.journal import read_records
from bench.records.record import Record
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.verify.rebuild import chosen, rebuild
from bench.verify.sources import UNUSABLE, Name, Source, name_of

COUNTS = ("nfe", "vjps")
"""Not operator calls: conjugate gradients need more for some images, and the mean over a batch is what is
recorded."""


@dataclass(frozen=True)
class Repeat:
    """How the repetition of one cell compares with its records.

    Attributes:
        n: images compared.
        changed: names of what must be equal and is not: the measurement, the status, the counted cost.
        deviation: metric -> median and largest absolute difference, for metrics that both have. The median of
            an even number of images is the lower of the middle two, so that half of them deviate by no more.
        code_changed: whether the solver's code is not that of the records; None where they do not say.
    """

    task: str
    label: str
    n: int
    changed: tuple[str, ...]
    deviation: dict[str, tuple[float, float]]
    code_changed: bool | None

    @property
    def reproduced(self) -> bool:
        """Whether all is equal, the metrics within one printed unit for at least half of the images.

        Rounding differs between machines and batches, and some solvers amplify it on some images, so not all
        images need to agree.
        """
        return not self.changed and all(middle <= unit(name) for name, (middle, _) in self.deviation.items())


def unit(metric: str) -> float:
    """One unit of the last digit that tables print of a metric: two decimals -> 0.01."""
    return 10.0 ** -({**METRICS, **distances.METRICS}[metric].decimals)


def recorded_rows(records: Iterable[Record]) -> dict[Name, list[Record]]:
    """The records with a result, of first samples, by cell and data set."""
    found: dict[Name, list[Record]] = {}
    for record in records:
        if record.status in {"ok", "diverged"} and record.sample == 0:
            found.setdefault(name_of(record), []).append(record)
    return found


def verify(
    sources: Iterable[Source], records: Mapping[Name, Sequence[Record]], images: int, observer: Observer
) -> tuple[list[Repeat], dict[Name, str]]:
    """Computes some images of every recorded row again, by the first of the sources that knows it.

    Args:
        sources: see `bench.verify.sources.sources`.
        records: see `recorded_rows`.
        images: the most of each row.

    Returns:
        A repetition per row, and why there is none of the others.
    """
    left, repeats = dict(records), []
    reasons: dict[Name, str] = {}
    for source in sources:
        here = {name: found for name, found in left.items() if name in source.places}
        if not here:
            continue
        try:
            suite, options = source.make({name: source.places[name] for name in here})
        except UNUSABLE as error:
            reasons = dict.fromkeys(here, first_line(error)) | reasons
            continue
        with mode(options):
            plan, gone = rebuild(source, here, suite, options)
            pairs, lost = chosen(plan, here, images)
            repeats += repeat(plan, pairs, observer)
        reasons = gone | lost | reasons
        for _, found in pairs:
            left.pop(name_of(found[0]))
    return repeats, {name: reasons.get(name, "no manifest of the folder lists it") for name in left}


def repeat(plan: Plan, pairs: Sequence[tuple[Cell, list[Record]]], observer: Observer) -> list[Repeat]:
    """Computes what some records say again, in a folder that is then thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        if pairs:
            options = replace(plan.options, pictures=0)
            small = replace(plan, cells=[cell for cell, _ in pairs], options=options)
            Runner(small, Path(folder), observer).run()
        again = {record.key: record for record in read_records(folder)[0]}
    repeats = []
    for cell, found in pairs:
        repeats.append(compare(cell, [(old, again[old.key]) for old in found]))
    return repeats


def compare(cell: Cell, pairs: Sequence[tuple[Record, Record]]) -> Repeat:
    """Finds what differs between records, at least one, and their repetitions."""
    code_changed = has_other_code(cell, pairs[0][0])
    return Repeat(cell.task.name, cell.label, len(pairs), changes(pairs), deviations(pairs), code_changed)


def changes(pairs: Sequence[tuple[Record, Record]]) -> tuple[str, ...]:
    """The names of what must be equal in records and repetitions and is not."""
    solved = [(old, new) for old, new in pairs if old.status == new.status == "ok"]
    changed = []
    for field, name in (("y_hash", "y"), ("status", "status")):
        if differs(field, pairs):
            changed.append(name)
    for field in COUNTS:
        if differs(field, solved):
            changed.append(field)
    return (*changed, *(f"no {name}" for name in lost_metrics(solved)))


def differs(field: str, pairs: Sequence[tuple[Record, Record]]) -> bool:
    """Whether a field differs between any record and its repetition."""
    return any(getattr(old, field) != getattr(new, field) for old, new in pairs)


def lost_metrics(pairs: Sequence[tuple[Record, Record]]) -> list[str]:
    """The metrics that some record has and no repetition."""
    before: set[str] = set()
    now: set[str] = set()
    for old, new in pairs:
        before |= known_metrics(old).keys()
        now |= known_metrics(new).keys()
    return sorted(before - now)


def deviations(pairs: Sequence[tuple[Record, Record]]) -> dict[str, tuple[float, float]]:
    """Metric -> median and largest absolute difference between records and repetitions that both have it."""
    gaps: dict[str, list[float]] = {}
    for old, new in pairs:
        again = known_metrics(new)
        for name, value in known_metrics(old).items():
            if name in again:
                equal = value == again[name]  # as two infinite values may be
                gaps.setdefault(name, []).append(0.0 if equal else abs(value - again[name]))
    return {name: (median_low(found), max(found)) for name, found in sorted(gaps.items())}


def known_metrics(record: Record) -> dict[str, float]:
    """The metrics of a record that have a value."""
    return {name: value for name, value in record.metrics.items() if value is not None}


def has_other_code(cell: Cell, record: Record) -> bool | None:
    """Whether the solver's code is not that of a record; None where that cannot be told.

    Code of the same certificate is the same code. Old records keep the hash of the file. Methods without
    a certificate keep no hashes of earlier code.
    """
    known, solver = record.code_sha256, type(cell.solver)
    if known is None:
        return None
    code, certificate = code_sha256(solver), read_certificates().get(record.solver)
    if known in {code, file_sha256(solver)}:
        return False
    return None if certificate is None else not (certificate.covers(code) and certificate.covers(known))
