"""What several samples of an image, and means of two groups, say on the page.

Of a task:

success    row -> [share, low, high, lower quartile, median, upper quartile, two groups (0, 1)]
noise      row -> [samples, deviation between images, within an image, share of the variance within, images
           with several samples], deviations in printed units of the metric ``by``
single     rows of methods with one sample of each image, whose own randomness is not known
by         the metric of ``noise``, "" where none has a direction

The best of several samples is a row of the page with ``base`` "oracle", and its cells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.records.manifest import RunManifest
from bench.report.columns import SET_METRICS, Column
from bench.report.html.cells import cell, number
from bench.report.html.theirs import Theirs
from bench.report.rows import Row
from bench.report.samples.best import oracles
from bench.report.samples.components import components
from bench.report.samples.success import THRESHOLD, successes
from bench.report.scores import Score
from bench.report.tables import Table

ORACLE = "oracle"
WHY = "picked with the truth at hand: an oracle, and no method"


def about(table: Table, columns: Sequence[Column]) -> dict[str, Any]:
    """What the document says of one task of an image suite."""
    by = next((column for column in columns if column.better and column.name not in SET_METRICS), None)
    success = {}
    for name, one in successes(table).items():
        shares = [round(share, 4) for share in (one.share, one.low, one.high)]
        success[name] = [*shares, *(number(value, 2) for value in one.quartiles), int(one.is_split)]
    noise, single = _noise(table, by) if by else ({}, [])
    said = {"noise": noise, "single": single, "by": by.name if by else ""}
    return {"success": success, "threshold": THRESHOLD} | said


def _noise(table: Table, by: Column) -> tuple[dict[str, list[Any]], list[str]]:
    """The components of each row, and the rows of which there are none, for lack of samples."""
    noise: dict[str, list[Any]] = {}
    single = []
    for row in table.rows:
        if row.head.baseline or not row.ok:
            continue
        if found := components(row, by.name):
            parts = [number(part * by.scale, by.decimals + 1) for part in (found.between, found.within)]
            noise[row.name] = [found.k, *parts, round(found.share, 3), found.images]
        elif row.samples == 1:
            single.append(row.name)
    return noise, single


@dataclass(frozen=True)
class OracleRow:
    """The best of several samples of a row, with its numbers on one task.

    Attributes:
        row: one record of each image.
        of: the row that it is picked from.
    """

    row: Row
    of: Row
    scores: Mapping[str, Score]


def best(table: Table, columns: Sequence[Column]) -> list[OracleRow]:
    """The best of several samples of each row that has some."""
    rows = {row.records[0].cell: row for row in table.rows}
    return [OracleRow(row, rows[row.head.cell], scores) for row, scores in oracles(table, columns)]


def oracle_cell(
    table: Table, one: OracleRow, columns: Sequence[Column], runs: Sequence[RunManifest]
) -> dict[str, Any]:
    """Its cell. It costs what all samples cost."""
    scores = {metric: {one.row.name: score} for metric, score in one.scores.items()}
    found = cell(table, one.row, columns, scores, Theirs((), None, ()), runs)
    for cost in ("nfe", "vjp"):
        found[cost] = (found[cost] or 0) * one.of.samples
    found.pop("sec", None)
    return found | {"why": WHY}


def oracle_rows(
    tables: Sequence[Table], columns: Sequence[Column], known: Sequence[Mapping[str, Any]]
) -> list[Any]:
    """The rows of the page for them.

    Args:
        known: the other rows of the page.
    """
    entries = {row["id"]: row for row in known}
    rows: dict[str, dict[str, Any]] = {}
    for table in tables:
        for one in best(table, columns):
            of = entries[one.of.name]
            cost = {name: of[name] * one.of.samples for name in ("nfe", "vjp")}
            changes = {"id": one.row.name, "base": ORACLE, "why": WHY, "n": len(one.row.solved)}
            rows.setdefault(one.row.name, {**of, **changes, **cost, "state": "", "certificate": ""})
    return list(rows.values())
