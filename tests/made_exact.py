"""Made-up records of an exact suite: each is the distance of one set of samples to its posterior."""

from bench.records.keys import digest
from bench.records.record import Record
from bench.report.tables import Table, build
from tests.made_run import record

ANCHORS = ("exact", "oracle", "tds", "prior")
SHOWN = dict.fromkeys(("mmd", "sw", "var_ratio_measured", "var_ratio_unmeasured"), 1.0)
SHOWN |= {"psnr_sample": 20.0} | {f"var_band_{band}": 1.0 for band in range(5)}
"""The metrics that figures show, as exact samples have them."""


def exact_row(solver, problems=6, prior="gaussian", task="blur", label=None, **metrics) -> list[Record]:
    """One record per problem. Metrics grow by 1 % from problem to problem; those that are None are absent."""
    label = label or solver
    place = [prior, task, label]
    shared = {"suite": "exact", "prior": prior, "samples_per_problem": 100, "solver": solver, "label": label}
    shared |= {"baseline": solver in ANCHORS, "cell": digest(place), "unavailable": {}}
    found = {name: value for name, value in (SHOWN | metrics).items() if value is not None}
    row = []
    for i in range(problems):
        grown = {name: value * (1 + i / 100) for name, value in found.items()}
        row.append(record("best", i, task, metrics=grown, key=digest([*place, i]), **shared))
    return row


def exact_tables(*rows: list[Record]) -> list[Table]:
    """The tables of some rows."""
    return build([found for row in rows for found in row], [])
