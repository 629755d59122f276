"""What a run tells about itself while it works, and the time that is left."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.plan.cell import Cell
    from bench.records.record import AnyRecord


class Observer:
    """Is told what a run does. This one ignores it."""

    def start(self, todo: Sequence[tuple["Cell", int]], workers: int = 1) -> None:
        """A run starts.

        Args:
            todo: the cells in order, and how many reconstructions each lacks.
            workers: how many processes share them.
        """

    def step(self, cell: "Cell", k: int, batch: int) -> None:
        """A solver has made its k-th step on a batch. Called off the clock."""

    def recorded(self, cell: "Cell", record: "AnyRecord") -> None:
        """A record was written."""

    def note(self, text: str) -> None:
        """Something is to be known that is no record, such as what is waited for. Told once each time it
        changes.
        """

    def finish(self) -> None:
        """The run is over or was interrupted."""


@dataclass
class Mean:
    """The mean of values that come one by one."""

    n: int = 0
    total: float = 0.0

    def add(self, value: float) -> None:
        """Takes one more value."""
        self.n, self.total = self.n + 1, self.total + value

    @property
    def value(self) -> float:
        """The mean of at least one."""
        return self.total / self.n


class Estimator:
    """Time left, from each row's own seconds per image: rows differ by a factor of 60, so one rate for all
    misleads.

    Args:
        past: earlier records of the folder, so that a resumed run knows from the start.
    """

    def __init__(self, past: Iterable["AnyRecord"] = ()) -> None:
        self.by_row: dict[tuple[str, str], Mean] = defaultdict(Mean)
        self.by_call = Mean()
        for record in past:
            self.add(record)

    def add(self, record: "AnyRecord") -> None:
        """Learns from one record."""
        if record.status == "ok" and record.seconds is not None:
            row, seconds = (record.label, record.prior), record.seconds * record.samples_per_problem
            self.by_row[row].add(seconds)
            if record.nfe:
                self.by_call.add(record.seconds / (record.nfe + record.vjps))

    def per_image(self, cell: "Cell") -> float | None:
        """Seconds per image of a cell, or per problem with all its samples.

        Where the row never ran, the mean cost of a network call decides; None where nothing ran.
        """
        if cell.reason is not None:
            return 0.0
        if seconds := self.by_row.get((cell.label, cell.prior.name)):
            return seconds.value
        if cell.steps is not None and self.by_call.n:
            return cell.samples_per_problem * cell.steps * self.by_call.value
        return None

    def left(self, todo: Iterable[tuple["Cell", int]]) -> float | None:
        """Seconds for so many images of each cell; None where they are not known of one."""
        total = 0.0
        for cell, n in todo:
            if n == 0:
                continue
            seconds = self.per_image(cell)
            if seconds is None:
                return None
            total += seconds * n
        return total


def duration(seconds: float | None) -> str:
    """A time in words such as "2 h 05 min", "3 min 20 s", "4 s"; "?" where it is not known."""
    if seconds is None:
        return "?"
    s = round(seconds)
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min {s % 60:02d} s"
    return f"{s // 3600} h {s % 3600 // 60:02d} min"
