"""The numbers of the page, before anything is compared."""

from collections.abc import Mapping, Sequence

from bench.report.columns import SET_METRICS, Column
from bench.report.exact import Number
from bench.report.rows import Row
from bench.report.scores import Score, Scores, Sets
from bench.report.tables import Table
from bench.stats.intervals import Interval, mean_interval


def of_images(table: Table, columns: Sequence[Column], sets: Sets) -> Scores:
    """Metric -> row -> its number over its own images."""
    found: Scores = {}
    for column in columns:
        found[column.name] = {row.name: _score(row, column, sets) for row in table.rows}
    return found


def _score(row: Row, column: Column, sets: Sets) -> Score:
    if column.name in SET_METRICS:
        return sets.score(row, column.name)
    if values := row.scores(column.name):
        return Score(mean_interval(list(values.values())))
    default = "not computed" if row.ok else "no image was finished"
    return Score(None, reason="; ".join(row.reasons(column.name)) or default)


def of_problems(numbers: Mapping[str, Mapping[str, Number]]) -> Scores:
    """Metric -> row -> its median over problems, with what `bench.report.exact` found of it."""
    found: Scores = {}
    for metric, by_row in numbers.items():
        found[metric] = {}
        for name, one in by_row.items():
            marks = [one.mark, "floor" if one.floor else ""]
            mark = " ".join(filter(None, marks))
            found[metric][name] = Score(Interval(*one.interval), mark=mark, partial=one.partial)
    return found
