"""What the documents' numbers are computed from: the committed records, read once.

Medians over tasks have the interval that other images or problems of the same tasks would give (95 %, 2000
resamples within each task).
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from bench.records.journal import read_records
from bench.records.manifest import read_manifests
from bench.report.columns import Column, columns_of
from bench.report.tables import Row, Table, build
from bench.stats.ranks import resample_counts

RECORDS = Path(__file__).parents[1] / "results" / "reference"
RESAMPLES = 2000


@cache
def tables_of(*folders: str, metrics: tuple[str, ...] = ()) -> tuple[list[Table], list[Column]]:
    """The tables of committed records, and the columns of some metrics."""
    tables, runs = [], []
    for folder in folders:
        own = read_manifests(RECORDS / folder)
        tables.extend(build(read_records(RECORDS / folder)[0], own))
        runs.extend(own)
    return tables, [column for column in columns_of(tables, runs) if column.name in metrics]


def passes_of(row: Row) -> int:
    """Evaluations and backward passes of the dearest reconstruction of a row."""
    return max(record.nfe + record.vjps for record in row.records)


def evaluations(rows: Sequence[Row]) -> str:
    """The evaluations of a reconstruction: the least and the largest mean of some rows."""
    return span([round(np.mean([record.nfe for record in row.records])) for row in rows])


def backward_passes(rows: Sequence[Row]) -> str:
    """The same of backward passes."""
    return span([round(np.mean([record.vjps for record in row.records])) for row in rows])


def scores_of(rows: Sequence[Row], metric: str) -> np.ndarray:
    """The scores of rows on the images or problems of all, (images, rows)."""
    scores = [row.scores(metric) for row in rows]
    common = [name for name in scores[0] if all(name in own for own in scores)]
    return np.array([[own[name] for own in scores] for name in common])


def medians(scores: np.ndarray) -> np.ndarray:
    """Medians over problems, (problems, rows) -> (1 + RESAMPLES, rows): theirs, then those of resamples."""
    n = len(scores)
    drawn = np.stack([np.repeat(np.arange(n), counts) for counts in resample_counts(n, RESAMPLES)])
    return np.concatenate([np.median(scores, axis=0)[None], np.median(scores[drawn], axis=1)])


def told(values: np.ndarray, spec: str) -> str:
    """A number with the interval of its resamples, (1 + RESAMPLES,); it is never outside."""
    low, high = np.quantile(values[1:], [0.025, 0.975], method="inverted_cdf")
    return f"{values[0]:{spec}} [{min(low, values[0]):{spec}}, {max(high, values[0]):{spec}}]"


def span(counts: Sequence[int]) -> str:
    """The least and the largest of some counts, which may be one."""
    low, high = min(counts), max(counts)
    return f"{low}" if low == high else f"{low} to {high}"
