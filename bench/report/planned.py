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
        self.parts = [
            (run, task) for run in own for task in run.get("tasks", ()) if _concerns(run, task, head)
        ]

    @property
    def title(self) -> str:
        """Of the newest run that gives one, else the task's name."""
        return next((task["title"] for _, task in reversed(self.parts) if task.get("title")), self.task)

    def images(self, cell: str) -> tuple[str, ...]:
        """The images planned for a cell in any run, in order; empty where no manifest lists the cell."""
        planned = (
            str(i)
            for run, task, row, known in self._rows()
            if known == cell
            for i in _planned(run, task, row)
        )
        return tuple(dict.fromkeys(planned))

    def pending(self, cells: Iterable[str]) -> tuple[str, ...]:
        """Labels of the cells that were asked for and are not among ``cells``."""
        return tuple(
            dict.fromkeys(row["label"] for _, _, row, cell in self._rows() if cell not in set(cells))
        )

    def _rows(self) -> Iterator[tuple[Run, dict[str, Any], dict[str, Any], str]]:
        """(run, task, row, cell id) of this table."""
        for run, task in self.parts:
            for row in run.get("rows", ()):
                if self.task in (row.get("cells") or {}):
                    yield run, task, row, row["cells"][self.task]


def labels(runs: Sequence[Run]) -> dict[tuple[str, str], str]:
    """(suite, cell) -> its label in the newest run: a renamed row takes its old records along.

    A row that is left out where it is another's twin may have been run alone: it is the other's all the same.
    """
    rows = [(run.get("suite"), row) for run in runs for row in run.get("rows", ())]
    rows.sort(key=lambda found: not found[1].get("if_other"))
    return {(suite, cell): row["label"] for suite, row in rows for cell in (row.get("cells") or {}).values()}


def ranks(names: Iterable[Any]) -> dict[Any, int]:
    """Name -> position of its first appearance."""
    return {name: i for i, name in enumerate(dict.fromkeys(names))}


def _planned(run: Run, task: dict[str, Any], row: dict[str, Any]) -> Sequence[Any]:
    images = run.get("images", ())
    n = row.get("images") or run.get("n_images") or len(images)
    return images[: min(n, task.get("images") or n)]


def _concerns(run: Run, task: dict[str, Any], head: Record) -> bool:
    """Whether a run's task is the one of a record: another noise level or seed is another table."""
    ours = {name: run[name] for name in ("dataset", "prior", "weights_sha256", "seed") if name in run}
    if "prior" in task:
        ours.pop("weights_sha256", None)
    ours |= {name: task[name] for name in ("dataset", "prior") if name in task}
    ours |= {name: task[name] for name in ("operator", "operator_sha256", "sigma") if name in task}
    ours |= {"task": task["name"]} | ({"operator_params": task["params"]} if "params" in task else {})
    return all(getattr(head, name) == value for name, value in ours.items())
