"""What the manifests asked for: labels, order, titles, and how many images of each row."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bench.records.manifest import RowEntry, RunManifest, TaskEntry
from bench.records.record import Record


class PlannedRun:
    """What the manifests asked for in one table.

    Args:
        runs: all manifests.
        head: any record of the table.
    """

    def __init__(self, runs: Sequence[RunManifest], head: Record) -> None:
        own = [run for run in runs if run.suite == head.suite]
        self.task = head.task
        self.labels = ranks(row.label for run in own for row in run.rows)
        self.order = ranks(image for run in own for image in run.images)
        self.parts: list[tuple[RunManifest, TaskEntry]] = []
        for run in own:
            for task in run.tasks:
                if _concerns(run, task, head):
                    self.parts.append((run, task))

    @property
    def title(self) -> str:
        """The title in the newest run that gives one, else the task's name."""
        for _, task in reversed(self.parts):
            if task.title:
                return task.title
        return self.task

    def place(self, label: str) -> tuple[int, str]:
        """Sort key of a row's label: planned ones in their order, then the others."""
        return self.labels.get(label, len(self.labels)), label

    def images(self, cell: str) -> tuple[str, ...]:
        """The images planned for a cell in any run, in order; empty where no manifest lists the cell."""
        planned: dict[str, None] = {}
        for run, task, row, known in self._rows():
            if known == cell:
                planned |= dict.fromkeys(_planned(run, task, row))
        return tuple(planned)

    def samples(self, cell: str) -> int:
        """The reconstructions of an image planned for a cell, the most of any run; 1 where none says."""
        return max((row.samples or 1 for *_, row, known in self._rows() if known == cell), default=1)

    def entry(self, cell: str) -> RowEntry | None:
        """The row of a cell in the newest run that describes its method; None where none does."""
        described = [row for *_, row, known in self._rows() if known == cell and row.kind]
        return described[-1] if described else None

    def pending(self, cells: Iterable[str]) -> tuple[str, ...]:
        """Labels whose newest cell that was asked for is not among ``cells``."""
        recorded, newest = set(cells), dict[str, str]()
        for *_, row, cell in self._rows():
            newest[row.label] = cell
        return tuple(label for label, cell in newest.items() if cell not in recorded)

    def _rows(self) -> Iterator[tuple[RunManifest, TaskEntry, RowEntry, str]]:
        """(run, task, row, cell id) of this table."""
        for run, task in self.parts:
            for row in run.rows:
                if self.task in row.cells:
                    yield run, task, row, row.cells[self.task]


def labels(runs: Sequence[RunManifest]) -> dict[tuple[str | None, str], str]:
    """(suite, cell) -> its label in the newest run: a renamed row takes its old records along.

    A row with ``skip_duplicates`` is left out of a run that has an equal
    row. It may have been run alone; where manifests have both, the cell gets the label of the other.
    """
    rows = [(run.suite, row) for run in runs for row in run.rows]
    rows.sort(key=lambda found: not found[1].skip_duplicates)
    found: dict[tuple[str | None, str], str] = {}
    for suite, row in rows:
        for cell in row.cells.values():
            found[suite, cell] = row.label
    return found


def last_asked(runs: Sequence[RunManifest]) -> dict[str, int]:
    """Cell -> the place of the newest run that asks for it."""
    found: dict[str, int] = {}
    for place, run in enumerate(runs):
        for row in run.rows:
            found |= dict.fromkeys(row.cells.values(), place)
    return found


def ranks(names: Iterable[Any]) -> dict[Any, int]:
    """Name -> position of its first appearance."""
    return {name: i for i, name in enumerate(dict.fromkeys(names))}


def _planned(run: RunManifest, task: TaskEntry, row: RowEntry) -> Sequence[str]:
    """The images planned for one row of one task."""
    n = row.images or run.n_images or len(run.images)
    return run.images[: min(n, task.images or n)]


def _concerns(run: RunManifest, task: TaskEntry, head: Record) -> bool:
    """Whether a run's task is the one of a record: another noise level or seed is another table.

    What a manifest does not say is no difference.
    """
    ours = {
        "task": task.name,
        "dataset": task.dataset or run.dataset,
        "prior": task.prior or run.prior,
        "weights_sha256": None if task.prior else run.weights_sha256,
        "seed": run.seed,
        "operator": task.operator,
        "operator_sha256": task.operator_sha256,
        "operator_params": task.params,
        "sigma": task.sigma,
        "noise": task.noise,
        "told": task.told,
    }
    stated = {name: value for name, value in ours.items() if value is not None}
    return all(getattr(head, name) == value for name, value in stated.items())
