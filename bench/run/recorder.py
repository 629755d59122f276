"""Records: what a run knows of a job, put together and written to the journal."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.certify.code import code_sha256
from bench.noise import SCHEME
from bench.plan.cell import DISTANCES_REV, Cell, Job
from bench.plan.manifest import metric_revisions
from bench.plan.plan import Plan
from bench.records.record import DETERMINISTIC, Record
from bench.run.failures import Failure
from bench.run.inputs import Measured
from bench.run.solve import Outcome
from bench.system.device import device_name, threads, waiting
from bench.system.versions import commit, versions


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a batch cost, per image or sample; see `Record` for the fields."""

    batch: int = 1
    nfe: int = 0
    vjps: int = 0
    operator_calls: int = 0
    seconds: float | None = None
    peak_memory_mb: float | None = None
    notes: dict[str, float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, outcome: Outcome, batch: int, i: int = 0) -> "Cost":
        """The cost of image i of the outcome of a batch of this size."""
        return cls(
            batch=batch,
            nfe=round(outcome.nfe[i]),
            vjps=round(outcome.vjps[i]),
            operator_calls=round(outcome.operator_calls[i]),
            seconds=outcome.seconds,
            peak_memory_mb=outcome.peak_memory_mb,
            notes={name: float(values[i]) for name, values in outcome.notes.items()},
        )


@dataclass(frozen=True)
class Identity:
    """The hashes that name the measurement and the truth of one image; None where it was not measured."""

    y_hash: str | None = None
    image_sha256: str | None = None


Result = Mapping[str, float] | Failure
"""What became of a reconstruction: its metrics by name, or why there are none."""


class Recorder:
    """Makes the records of one run.

    Attributes:
        versions: name -> version of everything that may change a number.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.versions = versions() | {"noise": SCHEME, "metrics": metric_revisions()}
        if waited := waiting():
            self.versions["openmp"] = waited
        if any(cell.samples_per_problem > 1 for cell in plan.cells):
            self.versions["distances"] = str(DISTANCES_REV)
        self._run_facts: dict[str, Any] = {
            "suite": plan.suite.name,
            "device": device_name(plan.cells[0].prior.device),
            "threads": threads(),
            "dtype": plan.options.dtype,
            "versions": self.versions,
            "commit": commit(),
        }

    def record(
        self,
        cell: Cell,
        job: Job,
        result: Result,
        identity: Identity,
        cost: Cost,
        unavailable: Mapping[str, str] | None = None,
    ) -> Record:
        """The record of one job.

        Args:
            unavailable: metric -> why it could not be computed beside the others.
        """
        if isinstance(result, Failure):
            verdict: dict[str, Any] = {"status": result.status, "reason": result.reason}
        else:
            verdict = {"status": "ok", "metrics": dict(result), "unavailable": dict(unavailable or {})}
        return Record(
            key=job.key,
            image=job.image,
            sample=job.sample,
            created=timestamp(),
            **self._run_facts,
            **self._prior_facts(cell),
            **cell_facts(cell),
            **solver_facts(cell),
            **vars(identity),
            **vars(cost),
            **verdict,
        )

    def _prior_facts(self, cell: Cell) -> dict[str, Any]:
        prior, switches = cell.prior, list(cell.prior.switches)
        if self.plan.options.deterministic:
            switches.append(DETERMINISTIC)
        return {
            "prior": prior.name,
            "weights_sha256": prior.weights_sha256,
            "privileged": cell.privileged,
            "guidance": prior.guidance if cell.privileged else None,
            "switches": switches,
        }


def cell_facts(cell: Cell) -> dict[str, Any]:
    """What a record says of the cell, its data and its task."""
    task = cell.task
    return {
        "cell": cell.id,
        "dataset": cell.data.name,
        "samples_per_problem": cell.samples_per_problem,
        "task": task.name,
        "operator": task.operator,
        "operator_params": dict(task.params),
        "operator_rev": cell.config["task"]["rev"],
        "operator_sha256": cell.operator_sha256,
        "sigma": task.sigma,
        "noise": dict(task.noise),
        "told": task.misspecified,
        "seed": task.seed,
    }


def solver_facts(cell: Cell) -> dict[str, Any]:
    """What a record says of the solver and its settings."""
    solver, about = cell.solver, cell.config["solver"]
    return {
        "solver": cell.name,
        "label": cell.label,
        "preset": cell.preset,
        "params": asdict(solver),
        "solver_rev": about["rev"],
        "source_sha256": about["source"],
        "code_sha256": None if about["source"] else code_sha256(type(solver)),
        "paper": solver.paper,
        "baseline": solver.baseline,
    }


def identities(measured: Measured | None, n: int) -> list[Identity]:
    """The identities of n images, unknown where nothing was measured."""
    if measured is None:
        return [Identity()] * n
    return [Identity(*names) for names in zip(measured.y_hashes, measured.image_sha256, strict=True)]


def timestamp() -> str:
    """ISO 8601, UTC."""
    return datetime.now(UTC).isoformat()
