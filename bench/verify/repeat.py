"""Whether records can be made again: some images of every row are computed anew and compared with what is
recorded.
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from statistics import median_low

from bench.certify.certificates import read_certificates
from bench.certify.code import code_sha256, file_sha256
from bench.exact.distances import metrics as distances
from bench.metrics.table import METRICS
from bench.plan.cell import Cell
from bench.plan.options import mode
from bench.plan.plan import Plan
from bench.records.journal import read_records
from bench.records.record import Record
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.verify.rebuild import UNUSABLE, Name, Source, chosen, first_line, name_of, rebuild

COUNTS = ("nfe", "vjps")
"""Not operator calls: conjugate gradients need more for some images, and the mean over a batch is what is
recorded."""


@dataclass(frozen=True)
class Repeat:
    """What the repetition of one cell found.

    Attributes:
        n: images compared.
        changed: names of what must be equal and is not: the measurement, the status, the counted cost.
        deviation: median and largest absolute difference by metric, of those that both have; of an even
            number of images the lower of the middle two, so that half of them deviate by no more.
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
        """Whether all is equal, the metrics within one unit of the last printed digit for at least half of
        the images.

        Not for all of them: rounding differs between machines and batches, and some solvers amplify it on
        some images.
        """
        return not self.changed and all(middle <= unit(name) for name, (middle, _) in self.deviation.items())


def unit(metric: str) -> float:
    """Of the last digit that tables print of a metric: two decimals -> 0.01."""
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
        sources: see `bench.verify.rebuild.sources`.
        records: as of `recorded_rows`.
        images: of each row, at most.

    Returns:
        A repetition per row, and why there is none of the others.
    """
    left, repeats, reasons = dict(records), [], {}
    for source in sources:
        here = {name: found for name, found in left.items() if name in source.places}
        if not here:
            continue
        try:
            suite, options = source.make({name: source.places[name] for name in here})
        except UNUSABLE as error:
            reasons = {name: first_line(error) for name in here} | reasons
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
            Runner(
                replace(plan, cells=[cell for cell, _ in pairs], options=options), Path(folder), observer
            ).run()
        again = {record.key: record for record in read_records(folder)[0]}
    return [compare(cell, [(old, again[old.key]) for old in found]) for cell, found in pairs]


def compare(cell: Cell, pairs: Sequence[tuple[Record, Record]]) -> Repeat:
    """What differs between records, at least one, and their repetitions."""
    changed = ["y"] if any(old.y_hash != new.y_hash for old, new in pairs) else []
    changed += ["status"] if any(old.status != new.status for old, new in pairs) else []
    solved = [pair for pair in pairs if {record.status for record in pair} == {"ok"}]
    changed += [
        name for name in COUNTS if any(getattr(old, name) != getattr(new, name) for old, new in solved)
    ]
    lost = {name for old, new in solved for name, value in old.metrics.items() if value is not None} - {
        name for _, new in solved for name, value in new.metrics.items() if value is not None
    }
    changed += [f"no {name}" for name in sorted(lost)]
    gaps = sorted(
        (name, abs(value - new.metrics[name]))
        for old, new in pairs
        for name, value in old.metrics.items()
        if value is not None and new.metrics.get(name) is not None
    )
    by_name = {name: [gap for _, gap in group] for name, group in groupby(gaps, lambda pair: pair[0])}
    deviation = {name: (median_low(found), max(found)) for name, found in by_name.items()}
    code_changed = has_other_code(cell, pairs[0][0])
    return Repeat(cell.task.name, cell.label, len(pairs), tuple(changed), deviation, code_changed)


def has_other_code(cell: Cell, record: Record) -> bool | None:
    """Whether the solver's code is another one than that of a record; None where the record does not say.

    Code of the same certificate is the same code. Old records keep the hash of the file.
    """
    known, solver = record.code_sha256, type(cell.solver)
    if known is None:
        return None
    code, certificate = code_sha256(solver), read_certificates().get(record.solver)
    if certificate and certificate.covers(code) and certificate.covers(known):
        return False
    return known not in {code, file_sha256(solver)}
