"""What the manifests asked for: labels, order, titles, and how many images of each row."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bench.records.record import Record

Run = dict[str, Any]
"""One manifest, see `bench.records.manifest.write_manifest`."""


class PlannedRun:
    """What the manifests asked for in one table.

    Args:
        runs: all manifests.
        head: any record of the table.
    """

    def __init__(self, runs: Sequence[Run], head: Record) -> None:
        own = [run for run in runs if run.get("suite") == head.suite]
        self.task = head.task
        self.labels = ranks(row["label"] for run in own for row in run.get("rows", ()))
        self.order = ranks(str(image) for run in own for image in run.get("images", ()))
        self.parts: list[tuple[Run, dict[str, Any]]] = []
        for run in own:
            for task in run.get("tasks", ()):
                if _concerns(run, task, head):
                    self.parts.append((run, task))

    @property
    def title(self) -> str:
        """The title in the newest run that gives one, else the task's name."""
        for _, task in reversed(self.parts):
            if task.get("title"):
                return task["title"]
        return self.task

    def place(self, label: str) -> tuple[int, str]:
        """Sort key of a row's label: planned ones in their order, then the others."""
        return self.labels.get(label, len(self.labels)), label

    def images(self, cell: str) -> tuple[str, ...]:
        """The images planned for a cell in any run, in order; empty where no manifest lists the cell."""
        planned: dict[str, None] = {}
        for run, task, row, known in self._rows():
            if known == cell:
                planned |= dict.fromkeys(map(str, _planned(run, task, row)))
        return tuple(planned)

    def stated(self, cell: str) -> dict[str, Any]:
        """The row of a cell in the newest run that describes its method, else in the newest; else {}."""
        rows = [row for *_, row, known in self._rows() if known == cell]
        described = [row for row in rows if row.get("kind")]
        return (described or rows or [{}])[-1]

    def pending(self, cells: Iterable[str]) -> tuple[str, ...]:
        """Labels of the cells that were asked for and are not among ``cells``."""
        recorded = set(cells)
        return tuple(dict.fromkeys(row["label"] for *_, row, cell in self._rows() if cell not in recorded))

    def _rows(self) -> Iterator[tuple[Run, dict[str, Any], dict[str, Any], str]]:
        """(run, task, row, cell id) of this table."""
        for run, task in self.parts:
            for row in run.get("rows", ()):
                if self.task in (row.get("cells") or {}):
                    yield run, task, row, row["cells"][self.task]


def labels(runs: Sequence[Run]) -> dict[tuple[str | None, str], str]:
    """(suite, cell) -> its label in the newest run: a renamed row takes its old records along.

    A row with ``skip_duplicates`` (``if_other`` in older manifests) is left out of a run that has an equal
    row. It may have been run alone; where manifests have both, the cell gets the label of the other.
    """
    rows = [(run.get("suite"), row) for run in runs for row in run.get("rows", ())]
    rows.sort(key=lambda found: not (found[1].get("skip_duplicates") or found[1].get("if_other")))
    found: dict[tuple[str | None, str], str] = {}
    for suite, row in rows:
        for cell in (row.get("cells") or {}).values():
            found[suite, cell] = row["label"]
    return found


def ranks(names: Iterable[Any]) -> dict[Any, int]:
    """Name -> position of its first appearance."""
    return {name: i for i, name in enumerate(dict.fromkeys(names))}


def _planned(run: Run, task: dict[str, Any], row: dict[str, Any]) -> Sequence[Any]:
    """The images planned for one row of one task."""
    images = run.get("images", ())
    n = row.get("images") or run.get("n_images") or len(images)
    return images[: min(n, task.get("images") or n)]


def _concerns(run: Run, task: dict[str, Any], head: Record) -> bool:
    """Whether a run's task is the one of a record: another noise level or seed is another table."""
    ours: dict[str, Any] = {"task": task["name"]}
    for name in ("dataset", "prior", "weights_sha256", "seed"):
        if name in run:
            ours[name] = run[name]
    if "prior" in task:
        ours.pop("weights_sha256", None)
    for name in ("dataset", "prior", "operator", "operator_sha256", "sigma"):
        if name in task:
            ours[name] = task[name]
    if "params" in task:
        ours["operator_params"] = task["params"]
    return all(getattr(head, name) == value for name, value in ours.items())
