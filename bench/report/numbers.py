"""tables.csv: every number of every table, for machines."""

import csv
import io
import math
from collections.abc import Sequence

from bench.records.keys import canonical
from bench.records.record import Record
from bench.report.columns import SET_METRICS, Metric
from bench.report.scores import Score, Scores, rankable
from bench.report.tables import SETTING, Row, Table
from bench.report.text import distinct
from bench.stats.intervals import bootstrap_interval

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


def sheet(tables: Sequence[Table], metrics: Sequence[Metric], scores: Sequence[Scores]) -> bytes:
    """One line per task and row, skipped cells and those not run included; unscaled, six significant digits.

    ``<metric>_gap`` is `Score.gap`: to the best row, paired over the images of both, positive where this row
    is better.
    """
    lines: list[dict[str, object]] = []
    for table, judged in zip(tables, scores, strict=True):
        for row in table.rows:
            lines.append(
                _facts(row.head) | {"row": row.name, "status": "run"} | _counts(table, row) | _costs(row)
            )
            for metric in metrics:
                lines[-1] |= _metric(metric, judged[metric.name][row.name])
        lines += [
            _facts(r) | {"row": r.label, "status": "skipped", "reason": r.reason} for r in table.skipped
        ]
        shared = {k: v for k, v in _facts(table.head).items() if k in SETTING}
        lines += [shared | {"row": label, "label": label, "status": "not run"} for label in table.pending]
    text = io.StringIO()
    writer = csv.DictWriter(text, distinct(name for line in lines for name in line), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _short(value) for name, value in line.items()} for line in lines)
    return text.getvalue().encode()


def _facts(r: Record) -> dict[str, object]:
    values = {name: getattr(r, name) for name in PLAIN if name != "operator_sha256" or r.operator_sha256}
    return {name: canonical(value) if isinstance(value, dict) else value for name, value in values.items()}


def _counts(table: Table, row: Row) -> dict[str, object]:
    return {
        "reason": "; ".join(distinct(r.reason for r in row.records if r.status != "ok" and r.reason)),
        "ranked": rankable(table, row),
        "n_images": len(row.images),
        "n": len(row.solved),
        "n_missing": row.missing,
        "samples": row.samples,
        "n_failed": sum(row.failures.values()),
        "failures": " ".join(f"{status}:{n}" for status, n in sorted(row.failures.items())),
    }


def _costs(row: Row) -> dict[str, object]:
    time = bootstrap_interval(row.seconds) if row.seconds else (None, None, None, 0)
    batch, device, threads, _ = row.timing
    return {name: row.mean(name) for name in ("nfe", "vjps", "operator_calls")} | {
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


def _metric(metric: Metric, score: Score) -> dict[str, object]:
    name = metric.name
    mean, low, high, n = score.interval or (None, None, None, 0)
    values = {name: mean, f"{name}_low": low, f"{name}_high": high, f"{name}_n": n}
    if metric.better and name not in SET_METRICS:
        values |= zip(
            (f"{name}_gap{end}" for end in ("", "_low", "_high", "_n")), score.gap or (None,) * 4, strict=True
        )
    return values | {f"{name}_mark": score.mark, f"{name}_unavailable": score.reason}


def _short(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else None
    return value
