"""Trajectories as a sheet: a line for each task, row and step."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.records.exchange.sheet import write_csv
from bench.report.html.cells import number
from bench.report.tables import Table
from bench.report.trajectories.kept import MISFITS, KeptTrajectories, Trajectory

NAMES = ("psnr", *MISFITS)
HEAD = ["task", "row", "step", "passes", "images"]
ENDS = ("low", "median", "high")
DIGITS = 6


def sheet(tables: Sequence[Table], found: Mapping[str, KeptTrajectories]) -> bytes | None:
    """The sheet, or None where no trajectory was kept.

    ``passes`` are network evaluations with backward passes, the median over images; ``psnr_low`` and
    ``psnr_high`` are quartiles. Steps count from 1.
    """
    lines: list[dict[str, Any]] = []
    for table in tables:
        for one in found[table.slug].rows:
            lines += _lines(table, one)
    columns = [*HEAD, *(f"{name}_{end}" for name in NAMES for end in ENDS)]
    return write_csv(columns, lines) if lines else None


def _lines(table: Table, one: Trajectory) -> list[dict[str, Any]]:
    lines, n = [], len(one.images)
    for k, passes in enumerate(one.passes.tolist()):
        line: dict[str, Any] = dict.fromkeys(f"{name}_{end}" for name in NAMES for end in ENDS)
        line |= {"task": table.slug, "row": one.row, "step": k + 1, "passes": passes, "images": n}
        for metric, values in one.quartiles.items():
            for end, value in zip(ENDS, values[k].tolist(), strict=True):
                line[f"{metric}_{end}"] = number(value, DIGITS)
        lines.append(line)
    return lines
