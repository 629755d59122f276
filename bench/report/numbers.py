"""tables.csv: every number of every table, for machines."""

import csv
import io
import math
from collections.abc import Sequence

from bench.records.exchange.sheet import neutral
from bench.records.keys import canonical
from bench.records.record import Record
from bench.report.columns import SET_METRICS, Column
from bench.report.ranking import Judged, rankable
from bench.report.samples.best import oracles
from bench.report.scores import Score
from bench.report.tables import SETTING, Row, Table
from bench.stats.intervals import mean_interval

MOSTLY_EMPTY = {"operator_sha256", "noise", "told"}
"""Facts without a column where no record has any."""
PLAIN = (
    *SETTING,
    "label",
    "cell",
    "solver",
    "solver_rev",
    "source_sha256",
    "preset",
    "params",
    "paper",
    "baseline",
)
"""Fields of a record that are equal in all records of a row."""
Line = dict[str, object]
ENDS = ("", "_low", "_high", "_n")
"""Endings of the columns of one interval."""


def sheet(judged: Sequence[Judged], columns: Sequence[Column]) -> bytes:
    """One line per task and row, with skipped cells, those not run and the best of several samples.

    Numbers are unscaled, with six significant digits.

    ``<metric>_gap`` is `Score.gap`: to the best row, paired over the images of both, positive where this row
    is better, with its simultaneous interval. ``<metric>_mark`` is the verdict, ``<metric>_first`` and
    ``<metric>_last`` are the places that the data leave to the row, and ``<metric>_seen`` is the difference
    that the table would show.
    """
    lines: list[Line] = []
    for one in judged:
        table = one.table
        for row in table.rows:
            lines.append(_line(one, row, columns))
        lines += _oracle_lines(table, columns)
        for record in table.skipped:
            about = {"row": record.label, "status": "skipped", "reason": record.reason}
            lines.append(_facts(record, PLAIN) | about)
        for label in table.pending:
            about = {"row": label, "label": label, "status": "not run"}
            lines.append(_facts(table.head, SETTING) | about)
    names: dict[str, None] = {}
    for line in lines:
        names |= dict.fromkeys(line)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(neutral, names))
    for line in lines:
        writer.writerow(map(short, map(line.get, names)))
    return text.getvalue().encode()


def _oracle_lines(table: Table, columns: Sequence[Column]) -> list[Line]:
    """The best of several samples of each row that has these."""
    lines = []
    for best, scores in oracles(table, columns):
        line = _facts(best.head, PLAIN) | {"row": best.name, "status": "oracle", "n": len(best.solved)}
        for column in columns:
            if column.name in scores:
                line |= _number(column, scores[column.name], math.nan)
        lines.append(line)
    return lines


def _line(judged: Judged, row: Row, columns: Sequence[Column]) -> Line:
    """Everything about one row."""
    line = _facts(row.head, PLAIN) | {"row": row.name, "status": "run"}
    line |= _counts(judged.table, row) | _costs(row)
    for column in columns:
        line |= _number(column, judged.scores[column.name][row.name], judged.verdicts[column.name].seen)
    return line


def _facts(record: Record, names: Sequence[str]) -> Line:
    """Fields of a record; only users' operators have a hash."""
    facts: Line = {}
    for name in names:
        value = getattr(record, name)
        if name not in MOSTLY_EMPTY or value:
            facts[name] = canonical(value) if isinstance(value, dict) else value
    return facts


def _counts(table: Table, row: Row) -> Line:
    failures = [f"{status}:{n}" for status, n in sorted(row.failures.items())]
    return {
        "reason": "; ".join(row.failure_reasons),
        "ranked": rankable(table, row),
        "n_images": len(row.images),
        "n": len(row.solved),
        "n_missing": row.missing,
        "samples": row.samples,
        "n_failed": row.n_failed,
        "failures": " ".join(failures),
    }


def _costs(row: Row) -> Line:
    time = mean_interval(row.seconds) if row.seconds else (None, None, None, 0)
    batch, device, threads, *_ = row.timing
    return {
        "nfe": row.mean("nfe"),
        "vjps": row.mean("vjps"),
        "operator_calls": row.mean("operator_calls"),
        "seconds": time[0],
        "seconds_low": time[1],
        "seconds_high": time[2],
        "timed_batches": time[3],
        "peak_memory_mb": row.memory,
        "batch": batch,
        "device": device,
        "threads": threads,
        "dtype": row.head.dtype,
    }


def _number(column: Column, score: Score, seen: float) -> Line:
    name, verdict = column.name, score.verdict
    line = _interval(name, score.interval or (None, None, None, 0))
    if column.better and name not in SET_METRICS:
        line |= _interval(f"{name}_gap", score.gap or (None, None, None, None))
        first, last = verdict.places if verdict else (None, None)
        line |= {f"{name}_first": first, f"{name}_last": last, f"{name}_seen": seen if verdict else None}
    return line | {f"{name}_mark": score.mark, f"{name}_unavailable": score.reason}


def _interval(name: str, values: tuple[float | None, ...]) -> Line:
    return {name + end: value for end, value in zip(ENDS, values, strict=True)}


def short(value: object) -> object:
    """A number with six significant digits, "inf" included, None for NaN; a text that is no formula.

    Other values stay as they are.
    """
    if isinstance(value, float):
        return None if math.isnan(value) else f"{value:.6g}"
    return neutral(value)
