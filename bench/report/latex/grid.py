"""Numbers of tables as cells: which is bold, which is underlined, which is in brackets."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.report import exact
from bench.report.columns import Column
from bench.report.latex.text import number
from bench.report.ranking import Judged
from bench.report.scores import Score
from bench.report.tables import Row, Table

FIRST = {"best", "tie", "equivalent"}
"""Marks of rows that are set in bold."""


@dataclass(frozen=True)
class LatexCell:
    """A number of a table.

    Attributes:
        mean, low, high: unscaled; the bounds are NaN where there are none.
        mark: as in `bench.report.scores.Score`.
        partial: set in brackets.
        second: underlined: the best of those that are not bold; on exact suites the nearest to exact samples.
    """

    mean: float
    low: float
    high: float
    mark: str = ""
    partial: bool = False
    second: bool = False

    def latex(self, column: Column, baseline: bool, intervals: bool) -> str:
        """The cell as LaTeX."""
        text = number(column.show(self.mean))
        if self.partial:
            text = f"({text})"
        elif baseline:
            text = rf"\textit{{{text}}}"
        else:
            text = rf"\textbf{{{text}}}" if self.mark in FIRST else text
            text = rf"\underline{{{text}}}" if self.second else text
        if intervals and math.isfinite(self.low) and math.isfinite(self.high):
            bounds = f"{number(column.show(self.low))}, {number(column.show(self.high))}"
            text += rf" {{\scriptsize [{bounds}]}}"
        return text


@dataclass(frozen=True)
class Grid:
    """The numbers of one task.

    Attributes:
        table: its rows.
        columns: metrics that some row has.
        cells: metric -> row name -> number.
        statistic: "mean" or "median".
    """

    table: Table
    columns: tuple[Column, ...]
    cells: Mapping[str, Mapping[str, LatexCell]]
    statistic: str = "mean"

    def ordered(self, by: str | None) -> "Grid":
        """The grid, its rows by a metric with the best first where one is given; rows without it last."""
        column = next((c for c in self.columns if c.name == by), None)
        if column is None:
            return self
        known = self.cells[column.name]

        def place(row: Row) -> tuple[bool, float]:
            cell = known.get(row.name)
            return cell is None, -(column.better or 1) * cell.mean if cell else 0.0

        return replace(self, table=replace(self.table, rows=tuple(sorted(self.table.rows, key=place))))


def of_images(judged: Judged, columns: Sequence[Column]) -> Grid:
    """The numbers of a table of images."""
    cells = {}
    for column in columns:
        if found := _scored(judged.scores[column.name], column):
            cells[column.name] = found
    return Grid(judged.table, _known(columns, cells), cells)


def _known(columns: Sequence[Column], cells: Mapping[str, Mapping[str, LatexCell]]) -> tuple[Column, ...]:
    """The columns of which there are numbers."""
    return tuple(column for column in columns if column.name in cells)


def _scored(scores: Mapping[str, Score], column: Column) -> dict[str, LatexCell]:
    behind = {n: s.interval.mean for n, s in scores.items() if s.mark == "worse" and s.interval}
    second = max(behind, key=lambda name: column.better * behind[name], default=None)
    cells = {}
    for name, score in scores.items():
        if score.interval:
            mean, low, high, _ = score.interval
            cells[name] = LatexCell(mean, low, high, score.mark, score.partial, name == second)
    return cells


def of_problems(table: Table, columns: Sequence[Column], numbers: exact.Numbers) -> Grid:
    """The numbers of a table of an exact suite: medians, in bold where equivalent to exact samples."""
    cells = {}
    for column in columns:
        if column.name in numbers:
            cells[column.name] = _placed(numbers[column.name].rows)
    return Grid(table, _known(columns, cells), cells, "median")


def _placed(rows: Mapping[str, exact.Number]) -> dict[str, LatexCell]:
    cells = {}
    for name, found in rows.items():
        middle, low, high, _ = found.interval
        mark = "equivalent" if found.equivalent else ""
        cells[name] = LatexCell(middle, low, high, mark, found.partial, found.mark == "best")
    return cells
