"""Observers of a run: bars on a terminal, plain lines elsewhere. Progress goes to stderr."""

import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from bench.run.progress import Estimator, Observer, duration

if TYPE_CHECKING:
    from bench.plan.cell import Cell
    from bench.records.record import AnyRecord

INTERVAL = 30.0
"""Seconds between plain lines, at most."""
SHARE = 0.05
"""Share of the work between plain lines, at most."""


class _Counting(Observer):
    """Keeps count of what is left."""

    def __init__(self, estimator: Estimator) -> None:
        self.estimator = estimator
        self.todo: dict[str, tuple[Cell, int]] = {}
        self.total = self.done = 0
        self.workers = 1

    def start(self, todo: Sequence[tuple["Cell", int]], workers: int = 1) -> None:
        self.workers = workers
        self.todo = {cell.id: (cell, n) for cell, n in todo}
        self.total = sum(n for _, n in todo)

    def recorded(self, cell: "Cell", record: "AnyRecord") -> None:
        self.estimator.add(record)
        self.todo[cell.id] = (cell, self.todo[cell.id][1] - 1)
        self.done += 1

    @property
    def eta(self) -> str:
        """The time that is left, in words."""
        left = self.estimator.left(list(self.todo.values()))
        return duration(None if left is None else left / self.workers)


class PlainLines(_Counting):
    """A line every 30 s or 5 %, for logs."""

    def __init__(self, estimator: Estimator, stream: TextIO) -> None:
        super().__init__(estimator)
        self.stream = stream
        self.said, self.since = 0, time.monotonic()

    def recorded(self, cell: "Cell", record: "AnyRecord") -> None:
        super().recorded(cell, record)
        if record.status not in {"ok", "skipped"}:
            self._say(loss(cell, record))
        due = self.done - self.said >= SHARE * self.total or time.monotonic() - self.since > INTERVAL
        if due or self.done == self.total:
            self.said, self.since = self.done, time.monotonic()
            psnr = record.metrics.get("psnr")
            score = "" if psnr is None else f" psnr {psnr:z.2f}"
            share = f"{self.done}/{self.total} ({100 * self.done // self.total}%)"
            cost = f"{record.seconds or 0:.2f} s/image"
            self._say(f"{share} {cell.task.name}/{cell.label} {cost} left {self.eta}{score}")

    def note(self, text: str) -> None:
        self._say(text)

    def _say(self, text: str) -> None:
        self.stream.write(f"{time.strftime('%H:%M:%S')} {text}\n")
        self.stream.flush()


def loss(cell: "Cell", record: "AnyRecord") -> str:
    """A line about an image that has no result."""
    return f"{cell.task.name}/{cell.label} {record.image}: {record.status}: {record.reason}"


class RichBars(_Counting):
    """Two bars: the whole run, and the steps of the present batch."""

    def __init__(self, estimator: Estimator) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        super().__init__(estimator)
        columns = [
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
        ]
        self.bars = Progress(*columns, console=Console(stderr=True), transient=True)

    def start(self, todo: Sequence[tuple["Cell", int]], workers: int = 1) -> None:
        super().start(todo, workers)
        self.all = self.bars.add_task("reconstructions", total=self.total, note=f"left {self.eta}")
        self.batch = self.bars.add_task("", total=None, note="", visible=False)
        self.bars.start()

    def step(self, cell: "Cell", k: int, batch: int) -> None:
        name, total = f"{cell.task.name}/{cell.label}", cell.solver.yields()
        self.bars.update(
            self.batch, description=name, completed=k, total=total, note=f"{batch} images", visible=True
        )

    def recorded(self, cell: "Cell", record: "AnyRecord") -> None:
        super().recorded(cell, record)
        self.bars.update(self.all, completed=self.done, note=f"left {self.eta}")
        if record.status not in {"ok", "skipped"}:
            self.bars.console.print(loss(cell, record), markup=False, highlight=False)

    def note(self, text: str) -> None:
        self.bars.console.print(text, markup=False, highlight=False)

    def finish(self) -> None:
        self.bars.stop()


def make_observer(kind: str, past: Iterable["AnyRecord"]) -> Observer:
    """An observer by name: "rich", "plain", "none" or "auto", which is rich on a terminal, else plain.

    Args:
        past: earlier records, from which the time that is left is estimated.
    """
    if kind == "none":
        return Observer()
    if kind == "rich" or (kind == "auto" and sys.stderr.isatty()):
        return RichBars(Estimator(past))
    return PlainLines(Estimator(past), sys.stderr)
