"""One cell of the page: a row on a task, or why there is none.

s      "ok", a status of a record, "pending" or "absent"
why    the sentence for a blank, or why the row is not ranked here
n, f   images solved, reconstructions that failed
nfe, vjp, sec, on, mem    cost per image; ``on`` is where the seconds were measured
keys, cell, params, run   the first records, the cell, its settings, the command; "" where none is known
from   the run folders, on a page of several
later  that its settings or code are not those of the newest run, where it is so
m      metric -> [mean, low, high]; the bounds are null where there is no interval
v      metric -> integers per image, null where the image has none
no     metric -> why it is absent
mark   metric -> words, where no family says them: of sets, of rows beside the ranked ones ("beats"), and of
       exact suites as in `bench.report.html.numbers.Shown`
paper  metric -> [value, verdict, reason, source], a paper's number
"""

import math
import shlex
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from bench.names import counted
from bench.records.manifest import RunManifest
from bench.records.record import Record
from bench.report.columns import SET_METRICS, Column
from bench.report.html.rows import unranked
from bench.report.html.theirs import Theirs
from bench.report.rows import Row, unlike
from bench.report.scores import Scores
from bench.report.selection.folders import without_folder
from bench.report.tables import Table
from bench.report.text import plain, seconds
from bench.stats.intervals import Interval
from bench.suites.presets import resolve
from bench.suites.suite import SolverRow, Suite, list_suites, load_suite
from bench.suites.yamlfile import SuiteError

KEYS = 2
"""Records that a cell names."""
DTYPE = "float32"
"""Numbers in which a run computes that is not told others."""


def cell(
    table: Table,
    row: Row,
    columns: Sequence[Column],
    scores: Scores,
    theirs: Theirs,
    runs: Sequence[RunManifest],
) -> dict[str, Any]:
    """A row's cell; where nothing was solved, the status and reason of its records."""
    head, why = row.head, unranked(table, row)
    found: dict[str, Any] = {
        "s": "ok" if row.ok else row.failures.most_common(1)[0][0],
        "n": len(row.solved),
        "f": row.n_failed,
        "nfe": row.mean("nfe"),
        "vjp": row.mean("vjps"),
        "keys": [record.key[:10] for record in row.records[:KEYS]],
        "cell": head.cell[:12],
        "params": {name: plain(value) for name, value in head.params.items() if value is not None},
        "run": again(head, runs),
    }
    if row.seconds:
        _, device, threads, *_ = row.timing
        found["sec"] = seconds(sum(row.seconds) / len(row.seconds))
        found["on"] = f"{device}, {counted(threads, 'thread')}"
        if row.timing != table.timing:
            found["on"] += f"; not comparable with most rows here: {unlike(row.timing, table.timing)}"
    if row.memory is not None:
        found["mem"] = round(row.memory)
    reasons = "; ".join(row.failure_reasons)
    found["why"] = f"{why}: {reasons}" if reasons and why else reasons or why
    if row.samples > 1:
        found["samples"] = row.samples
    if row.so_far:
        made, asked = row.so_far
        found["so_far"] = f"{made} of {asked} reconstructions so far"
    if row.name in table.earlier:
        found["later"] = f"earlier ones: the newest run asks for {table.earlier[row.name]}"
    if row.folders:
        found["from"] = list(row.folders)
    return found | _numbers(table, row, columns, scores) | {"paper": theirs.of(table, row)}


def _numbers(table: Table, row: Row, columns: Sequence[Column], scores: Scores) -> dict[str, Any]:
    """The metrics of a cell."""
    means: dict[str, list[Any]] = {}
    values: dict[str, list[Any]] = {}
    marks: dict[str, str] = {}
    absent: dict[str, str] = {}
    for column in columns:
        score = scores.get(column.name, {}).get(row.name)
        if score is None or score.interval is None:
            absent[column.name] = score.reason if score else "not computed"
            continue
        means[column.name] = interval(score.interval, column)
        if score.mark and score.verdict is None:
            marks[column.name] = score.mark
        if column.name not in SET_METRICS:
            known = row.scores(column.name)
            values[column.name] = [_scaled(known.get(image), column) for image in table.images]
    return {"m": means, "v": values, "no": absent, "mark": marks}


def interval(found: Interval, column: Column) -> list[Any]:
    """Mean and bounds in printed units, two digits more than are printed."""
    return [number(value * column.scale, column.decimals + 2) for value in found[:3]]


def number(value: float, digits: int) -> float | str | None:
    """A rounded number as JSON can hold it: None for NaN, "inf" and "-inf"."""
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return round(float(value), digits)


def _scaled(value: float | None, column: Column) -> int | str | None:
    """A per-image value in printed units, as an integer of one digit more than is printed."""
    if value is None:
        return None
    found = number(value * column.scale * 10 ** (column.decimals + 1), 0)
    return int(found) if isinstance(found, float) else found


def blank(table: Table, name: str, runs: Sequence[RunManifest]) -> dict[str, Any]:
    """The cell of a row that has no results here: skipped, not run yet, or not asked for."""
    for record in table.skipped:
        if record.label == name:
            why = record.reason or "The record gives no reason."
            return {"s": "skipped", "why": why, "run": again(record, runs)}
    head = replace(table.head, label=name, dtype=DTYPE, source_sha256=None)
    if name in table.pending:
        why = "The suite asks for it, and it has not been run yet."
        return {"s": "pending", "why": why, "run": again(_asked(head, runs), runs)}
    return {"s": "absent", "why": _not_asked(name, runs), "run": _by_name(head)}


def _asked(head: Record, runs: Sequence[RunManifest]) -> Record:
    """A record with the cell and the settings for which the newest run asks under its label."""
    for run in reversed(runs):
        for row in run.rows:
            if (run.suite, row.label) == (head.suite, head.label) and head.task in row.cells:
                params = (row.settings or {}).get(head.task, {})
                return replace(head, cell=row.cells[head.task], params=dict(params))
    return replace(head, cell="", params={})


def _not_asked(name: str, runs: Sequence[RunManifest]) -> str:
    """Why a row is not on a task, from the manifests."""
    tasks: dict[str, None] = {}
    for run in runs:
        for row in run.rows:
            if row.label == name:
                tasks |= dict.fromkeys(row.cells)
    if not tasks:
        return "There is no record of it here, and no manifest asks for it."
    return f"The suite asks for this row on {counted(len(tasks), 'task')}, not on this one."


def again(head: Record, runs: Sequence[RunManifest]) -> str:
    """What makes a recorded cell again; "" where nobody says.

    A suite, a row and a task say it where our suite of today asks for such a cell. Another seed, prior, type
    of numbers or operator, changed rows, users' code and users' suites need more: for them it is the whole
    command of the newest run that asked for the cell.
    """
    label = without_folder(head)
    if label == head.label and _has_settings_of_today(head):  # else another folder has others under this name
        return command(head.suite, label, head.task)
    for run in reversed(runs):
        if run.command and any(row.cells.get(head.task) == head.cell for row in run.rows):
            return run.command
    return ""


def _has_settings_of_today(head: Record) -> bool:
    """Whether a record has the settings that its row of our suite has today."""
    row = _row_of(head)
    if row is None or head.source_sha256 or head.operator_sha256:
        return False
    try:
        _, params = resolve(row.solver, row.preset, head.prior, head.task, head.operator)
    except SuiteError:
        return False
    return all(head.params.get(name) == value for name, value in (params | row.params).items())


def _by_name(head: Record) -> str:
    """What asks for a row of our suite that no run was asked for on this task; "" where nothing would."""
    return command(head.suite, head.label, head.task) if _row_of(head) else ""


def _row_of(head: Record) -> SolverRow | None:
    """The row by which our suite of today asks for the label of a record under its conditions."""
    suite = _our_suite(head.suite)
    if suite is None or (head.seed, head.dtype) != (suite.seed, DTYPE):
        return None
    for task in suite.tasks:
        prior, dataset = task.prior or suite.prior, task.dataset or suite.dataset
        ours = task.name, task.operator, prior, dataset
        if ours == (head.task, head.operator, head.prior, head.dataset):
            return next((row for row in suite.solvers if _is_row(row, head)), None)
    return None


def _is_row(row: SolverRow, head: Record) -> bool:
    return row.label == head.label and row.takes(head.task)


@cache
def _our_suite(name: str) -> Suite | None:
    """A suite that comes with the benchmark."""
    return load_suite(name) if name in list_suites() else None


def command(suite: str, label: str, task: str) -> str:
    """What makes a cell of a suite."""
    words = ["python", "-m", "bench", "run", "--suite", suite, "--solver", label, "--task", task]
    return shlex.join(words)
