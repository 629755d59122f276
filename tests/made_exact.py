"""Made-up records of an exact suite: each is the distance of one set of samples to its posterior."""

from bench.records.keys import digest
from bench.records.record import Record
from bench.report.tables import Table, build
from tests.made_run import record

FIGURES = {"mmd": 1.0, "sw": 1.0, "psnr_sample": 20.0, "var_ratio_measured": 1.0, "var_ratio_unmeasured": 1.0} | {
    f"var_band_{band}": 1.0 for band in range(5)
}  # fmt: skip
"""The metrics that figures show, each at what exact samples have."""


def exact_row(
    solver: str, problems: int = 6, prior: str = "gaussian", task: str = "blur", label: str | None = None, **metrics: float | None
) -> list[Record]:  # fmt: skip
    """One record per problem. Metrics grow by 1 % from problem to problem; those that are None are absent."""
    label = label or solver
    found = {name: value for name, value in (FIGURES | metrics).items() if value is not None}
    rows = []
    for i in range(problems):
        grown = {name: value * (1 + i / 100) for name, value in found.items()}
        rows.append(
            record(
                "best",
                i,
                task,
                suite="exact",
                prior=prior,
                block=100,
                solver=solver,
                label=label,
                metrics=grown,
                unavailable={},
                baseline=solver in ("exact", "oracle", "tds", "prior"),
                cell=digest([prior, task, label]),
                key=digest([prior, task, label, i]),
            )  # fmt: skip
        )
    return rows


def exact_tables(*rows: list[Record]) -> list[Table]:
    """The tables of some rows."""
    return build([found for row in rows for found in row], [])
