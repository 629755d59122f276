"""What the page shows, as one JSON document; names from records are values in it, never markup.

    meta     title, suite, facts, bad, reading, commands, versions, cite, says (metric -> sentence)
    absent   label and reason of each metric that no row has
    metrics  id, label, unit, digits, better (1, -1, 0), scale of per-image integers or null, margin, about
    tasks    id, title, short, op, params, sigma, what, n, unit, images, where; says and sees, by metric; of
             image suites also as in `bench.report.samples.page`
    rows     id, solver, preset, paper, base, hue, variant, nfe, vjp, n, ranked, why, state, certificate, from
    cells    task -> row -> as in `bench.report.html.cells`
    fam      task -> metric -> as in `bench.report.html.families`
    marks    on exact suites: word of a cell's mark -> [sign, meaning]
    avg      metric -> row -> [mean rank, low, high] over the tasks in ``common``
    traj     task -> row -> as in `bench.report.trajectories.page`
    pics     task -> @truth, @y, @mask or row -> strip, as in `bench.report.html.pictures`

A sentence is a list of texts and of rows as ``{"row": id}``. Numbers are in printed units; infinite ones are
"inf" and "-inf".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any

from bench.records.manifest import RunManifest
from bench.report.across.ranks import Across
from bench.report.columns import Column
from bench.report.exact import MEANINGS, SIGNS
from bench.report.html import families
from bench.report.html.about import header, metric_entries, shortened, task_entry
from bench.report.html.cells import blank, cell
from bench.report.html.numbers import Shown
from bench.report.html.rows import row_entries
from bench.report.html.theirs import Theirs
from bench.report.samples import page as samples
from bench.report.scores import Scores, any_known
from bench.report.tables import Table
from bench.report.text import distinct
from bench.report.trajectories.kept import KeptTrajectories
from bench.report.verdicts import Verdicts

FORMAT = 1
"""Version of the document."""


@dataclass(frozen=True)
class PageSource:
    """What a page is made of.

    Attributes:
        shown: tables of one kind, image suites or exact ones, with their numbers.
        columns: their metrics.
        runs: all manifests, oldest first.
        theirs: numbers of papers that are about a cell.
        across: average ranks of each suite.
        n_bad: damaged journal lines that were skipped.
        curves: slug of a table -> its trajectories.
        conflicts: a sentence about keys of which folders have different results; "" without any.
    """

    shown: Sequence[Shown]
    columns: Sequence[Column]
    runs: Sequence[RunManifest]
    theirs: Theirs
    across: Sequence[Across] = ()
    n_bad: int = 0
    curves: Mapping[str, KeptTrajectories] = field(default_factory=dict)
    conflicts: str = ""

    @property
    def tables(self) -> list[Table]:
        """The tables alone."""
        return list(map(attrgetter("table"), self.shown))


def document(source: PageSource, damaged: Sequence[str] = ()) -> dict[str, Any]:
    """The document, without pictures.

    Args:
        damaged: names of pictures that cannot be read.
    """
    tables = source.tables
    scores = list(map(attrgetter("scores"), source.shown))
    columns = [column for column in source.columns if _is_known(column, scores)]
    rows = row_entries(tables, source.runs)
    of_images = [table for table in tables if table.samples_per_problem == 1]
    rows += samples.oracle_rows(of_images, columns, rows)
    average, common = families.mean_ranks(source.across, tables)
    firsts: dict[str, list[list[str]]] = {column.name: [] for column in columns}
    tasks, cells, written = [], {}, {}
    heads = shortened([table.title for table in tables], [table.head.task for table in tables])
    for one, head in zip(source.shown, heads, strict=True):
        spoken = {}
        for column in columns:
            spoken[column.name] = families.sentence(one, column)
            if families.is_compared(one, column):
                firsts[column.name].append(families.first(one, column))
        about = {"short": head, "says": spoken, "sees": dict(one.sees)}
        tasks.append(task_entry(one.table, source.runs) | about)
        if one.table.samples_per_problem == 1:
            tasks[-1] |= samples.about(one.table, columns)
        cells[one.table.slug] = _cells(source, one, columns, list(map(itemgetter("id"), rows)))
        written[one.table.slug] = _families(one.verdicts, columns)
    exact = any(table.samples_per_problem > 1 for table in tables)
    ranked = _ranked(written, cells if exact else {})
    for row in rows:
        row["ranked"] = row["id"] in ranked
    says = _says(tasks, columns, firsts, exact)
    return {
        "format": FORMAT,
        "meta": header(tables, source.runs, source.n_bad, damaged) | {"says": says},
        "metrics": metric_entries(columns, source.shown),
        "absent": _absent(source.columns, scores),
        "tasks": tasks,
        "rows": rows,
        "cells": cells,
        "fam": written,
        "avg": average,
        "common": common,
        "marks": {mark: [SIGNS[mark], text] for mark, text in MEANINGS.items()} if exact else {},
    }


def _absent(columns: Sequence[Column], scores: Sequence[Scores]) -> list[tuple[str, str]]:
    """Label and reason of each metric that no row has."""
    found = []
    for column in columns:
        reasons: list[str] = []
        for one in scores:
            reasons += [score.reason for score in one.get(column.name, {}).values()]
        if not _is_known(column, scores):
            found.append((column.label, "; ".join(distinct(filter(None, reasons))) or "not computed"))
    return found


def _is_known(column: Column, scores: Sequence[Scores]) -> bool:
    """Whether some row of some table has the metric."""
    return any(any_known(one.get(column.name, {}).values()) for one in scores)


def _says(
    tasks: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    firsts: Mapping[str, Sequence[Sequence[str]]],
    exact: bool,
) -> dict[str, families.Sentence]:
    """Metric -> the sentence of the page; with one task it is the task's."""
    if len(tasks) == 1:
        return dict(tasks[0]["says"])
    return {column.name: families.overall(column, firsts[column.name], exact) for column in columns}


def _ranked(written: Mapping[str, Mapping[str, Any]], cells: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The rows that are compared with others: in a family, or with exact samples."""
    ranked: set[str] = set()
    for one in chain.from_iterable(found.values() for found in written.values()):
        ranked.update(one["rows"])
    for by_row in cells.values():
        ranked.update(name for name, cell in by_row.items() if not cell.get("why"))
    return ranked


def _families(found: Mapping[str, Verdicts], columns: Sequence[Column]) -> dict[str, Any]:
    """Metric -> the family of one task, where rows are compared."""
    written = {}
    for column in columns:
        if column.name in found and (one := families.entry(found[column.name], column)):
            written[column.name] = one
    return written


def _cells(
    source: PageSource, shown: Shown, columns: Sequence[Column], names: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    """Row -> its cell of one task; every row of the page has one."""
    table = shown.table
    rows = {row.name: row for row in table.rows}
    found: dict[str, Mapping[str, Any]] = {}
    if table.samples_per_problem == 1:
        for oracle in samples.best(table, columns):
            found[oracle.row.name] = samples.oracle_cell(table, oracle, columns, source.runs)
    for name in names:
        if name in found:
            continue
        if name in rows:
            found[name] = cell(table, rows[name], columns, shown.scores, source.theirs, source.runs)
        else:
            found[name] = blank(table, name, source.runs)
    return found
