"""A comparison from folders to files."""

from collections.abc import Sequence
from typing import NamedTuple

from bench.names import counted
from bench.records.exchange.conflicts import find, units_of
from bench.records.manifest import RunManifest
from bench.records.record import Record
from bench.report.columns import SET_METRICS, UNITS, Column, columns_of
from bench.report.compare.changes import compare
from bench.report.compare.gate import Gate, failures
from bench.report.compare.page import images_csv, page, rows_csv
from bench.report.compare.sides import Pair, pair, read_sides
from bench.report.selection.choice import Choice
from bench.report.text import one_line


class ComparisonReport(NamedTuple):
    """The page, the CSV files by name, why gates do not hold, and what both sides should agree about."""

    page: str
    files: dict[str, bytes]
    failures: list[str]
    unlike: str


def compare_runs(
    a: str,
    b: str,
    reference: str | None = None,
    gates: Sequence[Gate] = (),
    choice: Choice | None = None,
    only_changed: bool = False,
) -> ComparisonReport:
    """Compares two run folders, or two rows.

    Args:
        a, b: folders, or ``FOLDER:ROW``.
        reference: a row of the first folder beside which every row of the second is put.
        gates: bounds of mean changes.
        choice: columns and digits; None takes all.
        only_changed: shows rows only of which some image changed.

    Raises:
        StoreError: a folder that is none of a run.
        ValueError: no records, no such row or metric, or nothing that both sides have.
    """
    first, second = read_sides(a, b, reference)
    tables = [*first.tables, *second.tables]
    known = [c for c in columns_of(tables, [*first.runs, *second.runs]) if c.name not in SET_METRICS]
    asked = choice or Choice()
    asked.check(known)
    columns: list[Column] = asked.of_columns(known)
    pairs = pair(first, second)
    if not any(one.a and one.b for one in pairs):
        raise ValueError(
            f"{a} and {b} have no row of one name and task; name two rows, as in {a}:ROW {b}:ROW"
        )
    compared = compare(pairs, known)
    lost: list[str] = []
    for gate in gates:
        lost += failures(gate, compared, known)  # also of metrics that are not shown
    files = {"compare.csv": rows_csv(first, second, compared), "images.csv": images_csv(compared)}
    unlike = _unlike(pairs, [*first.runs, *second.runs])
    return ComparisonReport(page(first, second, compared, columns, only_changed, unlike), files, lost, unlike)


def _unlike(pairs: Sequence[Pair], runs: Sequence[RunManifest]) -> str:
    """A sentence about reconstructions that have one key, and so all settings alike, and other results."""
    ours, theirs = list[Record](), list[Record]()
    for one in pairs:
        ours += one.a.records if one.a else ()
        theirs += one.b.records if one.b else ()
    found, _ = find("ab", [ours, theirs], UNITS | units_of(runs))
    if not found:
        return ""
    first = found[0]
    where = one_line(f"{first.task}, {first.row}, {first.image}: {first.difference}")
    return f"{counted(len(found), 'key')} with another result on the other side, as in {where}"
