"""Records that another version of a user's code made: they have other keys, and so a run makes them anew."""

import inspect
from collections.abc import Collection, Sequence
from pathlib import Path

from bench.names import counted
from bench.plan.cell import Cell
from bench.records.record import AnyRecord


def other_versions(cells: Sequence[Cell], records: Sequence[AnyRecord]) -> list[str]:
    """A `note` for each row and operator of a user that has records of another version.

    A record counts where a cell has its solver, label, task and operator, and code of another hash.
    """
    found: dict[tuple[str, str], set[str]] = {}
    theirs = [cell for cell in cells if cell.config["solver"]["source"] or cell.operator_sha256]
    by_row = of_rows(records, {row_of(cell) for cell in theirs})
    for cell in theirs:
        alike = by_row[row_of(cell)]
        solver, operator = cell.config["solver"]["source"], cell.operator_sha256
        if solver:
            place = cell.label, file_name(type(cell.solver))
            found.setdefault(place, set()).update(of_other_code(alike, "source_sha256", solver))
        if operator:
            made_by = type(cell.task.operators(cell.data.shape, cell.images[:1]))
            place = cell.task.name, file_name(made_by)
            found.setdefault(place, set()).update(of_other_code(alike, "operator_sha256", operator))
    return [note(len(keys), *place) for place, keys in found.items() if keys]


RowName = tuple[str, str, str, str]
"""Solver, label, task and operator, whatever their settings."""


def row_of(cell: Cell) -> RowName:
    """The row and the task of a cell."""
    return cell.name, cell.label, cell.task.name, cell.task.operator


def of_rows(records: Sequence[AnyRecord], rows: Collection[RowName]) -> dict[RowName, list[AnyRecord]]:
    """The records of some rows, in their order."""
    found: dict[RowName, list[AnyRecord]] = {row: [] for row in rows}
    if not rows:
        return found
    for record in records:
        row = record.solver, record.label, record.task, record.operator
        if row in found:
            found[row].append(record)
    return found


def of_other_code(records: Sequence[AnyRecord], field: str, sha256: str) -> set[str]:
    """The keys of the records that state a hash of code, and another one."""
    return {record.key for record in records if getattr(record, field) not in {None, sha256}}


def note(n: int, what: str, file: str) -> str:
    """Words such as "1 record of Mine was made with another version of my.py"."""
    verb = "was" if n == 1 else "were"
    return f"{counted(n, 'record')} of {what} {verb} made with another version of {file}"


def file_name(cls: type) -> str:
    """The name of the file that defines a class."""
    return Path(inspect.getfile(cls)).name
