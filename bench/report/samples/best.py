"""The best of several samples, picked with the truth at hand: an oracle, and no method."""

from collections.abc import Sequence
from dataclasses import replace

from bench.report.columns import SET_METRICS, Column
from bench.report.rows import Row
from bench.report.scores import Score
from bench.report.tables import Table
from bench.stats.intervals import mean_interval


def best_of(row: Row, column: Column) -> Row | None:
    """The row with the best sample of every image that has as many as any; None without several samples.

    Args:
        column: the metric that picks.
    """
    if row.samples < 2:
        return None
    picked = []
    for group in row.solved.values():
        scored = [(value, r) for r in group if (value := r.metrics.get(column.name)) is not None]
        if len(scored) == row.samples:
            picked.append(max(scored, key=lambda found: column.better * found[0])[1])
    name = f"{row.name}, best of {row.samples}"
    return replace(row, name=name, records=tuple(picked)) if picked else None


def oracles(table: Table, columns: Sequence[Column]) -> list[tuple[Row, dict[str, Score]]]:
    """The `best_of` of every row that has one, with its numbers.

    It is picked by the first metric of an image that has a direction. The other metrics are those of the same
    sample. Metrics of sets are left out.
    """
    of_images = [column for column in columns if column.name not in SET_METRICS]
    by = next((column for column in of_images if column.better), None)
    found = []
    for row in table.rows:
        best = best_of(row, by) if by else None
        if best:
            values = {column.name: list(best.scores(column.name).values()) for column in of_images}
            found.append((best, {name: Score(mean_interval(own)) for name, own in values.items() if own}))
    return found
