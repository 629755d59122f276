"""Runs a plan: measure -> solve -> score -> record, cell by cell, batch by batch; what is recorded is not
repeated.
"""

import inspect
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.certify.code import code_sha256
from bench.noise import SCHEME
from bench.plan.cell import DISTANCES_REV, Cell, Job
from bench.plan.manifest import describe_run, metric_revisions, request
from bench.plan.plan import Plan
from bench.records.journal import Journal, read_records
from bench.records.manifest import write_manifest
from bench.records.record import DETERMINISTIC, Record
from bench.run.failures import Failure, ScoringError, failure, scoring
from bench.run.gallery import Gallery
from bench.run.inputs import Measured, measure, solver_inputs
from bench.run.progress import Observer
from bench.run.score import imagenet_labels, make_scorer
from bench.run.score_samples import BlockScorer, as_block, divergence
from bench.run.solve import Outcome, SolverTimeout, solve, warm_up
from bench.solver import particles
from bench.stats.features import features_folder
from bench.system.device import device_name, full_precision, release_memory, threads
from bench.system.versions import commit, versions


class Runner:
    """Computes what a plan lacks, into a folder.

    Raises:
        StoreError: the folder cannot be written. Raised by `run` too, when the disk is full; what is recorded
            stays.
    """

    def __init__(self, plan: Plan, folder: Path, observer: Observer, command: str = "") -> None:
        self.plan, self.folder, self.observer, self.command = plan, folder, observer, command
        self.journal = Journal(folder)
        several = plan.suite.samples > 1 and plan.options.pictures != 0
        self.gallery = Gallery(
            folder, None if several else plan.options.pictures, features_folder(plan.suite.fid_mode)
        )
        self.scorer, self.block_scorer = make_scorer(plan.suite, plan.cells), BlockScorer()
        self.counts: Counter[str] = Counter()
        self._warm: set[tuple[type, type, int]] = set()
        distances = {"distances": str(DISTANCES_REV)} if any(cell.block > 1 for cell in plan.cells) else {}
        self._common = {
            "suite": plan.suite.name,
            "device": device_name(plan.cells[0].prior.device),
            "threads": threads(),
            "dtype": plan.options.dtype,
            "versions": versions() | {"noise": SCHEME, "metrics": metric_revisions()} | distances,
            "commit": commit(),
        }

    def run(self) -> Counter[str]:
        """Runs all that is missing; the number of new records by status."""
        plan, done = self.plan, self.done(read_records(self.folder)[0])
        todo = [(cell, plan.missing(cell, done)) for cell in plan.cells]
        self.announce()
        self.observer.start([(cell, len(jobs)) for cell, jobs in todo])
        try:
            with self.journal, full_precision():
                for cell, jobs in todo:
                    self._run_cell(cell, jobs)
                    cell.prior.recompute(self.plan.options.recompute)
        finally:
            self.observer.finish()
        return self.counts

    def done(self, records: Iterable[Record]) -> set[str]:
        """The keys that need not be computed again, with the metrics that there are here."""
        return self.plan.done(records, self.scorer.available)

    def announce(self) -> None:
        """Writes down what is asked for, before anything is computed."""
        plan, root = self.plan, self.plan.options.data_root
        about = {"command": self.command, "created": timestamp(), "versions": self._common["versions"]}
        about |= {
            "data_root": str(root.expanduser().absolute()) if root else None,
            "asked": request(plan.suite, plan.options),
        }
        write_manifest(
            self.folder, describe_run(plan.suite, plan.cells, self._metrics(), plan.fid_stats) | about
        )

    def _metrics(self) -> list[str]:
        """Metrics of each image, in the order of the tables."""
        sigmas = [cell.task.sigma for cell in self.plan.cells if cell.block == 1]
        return self.scorer.names(max(sigmas)) if sigmas else []

    def _run_cell(self, cell: Cell, jobs: Sequence[Job]) -> None:
        """Batch by batch. Out of memory halves the batch, then recomputes; an exception makes each image
        stand alone.
        """
        if jobs and cell.reason is not None:
            self._record(cell, jobs[0], "skipped", reason=cell.reason)
            return
        size, alone, jobs = self.plan.options.batch if cell.block == 1 else 1, 0, list(jobs)
        while jobs:
            now = jobs[: 1 if alone else size]
            measured = outcome = lost = None
            try:
                measured = measure(cell.task, cell.data, [job.image for job in now])
                outcome = self._solve(cell, now, measured)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a solver may raise anything; it costs its own images only
                lost = failure_of(error, cell, measured)
            if lost and lost.status != "timeout" and len(now) > 1:
                size, alone = (len(now) // 2, 0) if lost.status == "out_of_memory" else (size, len(now))
                release_memory(cell.prior.device)
                continue
            if lost and lost.status == "out_of_memory" and measured and cell.prior.recompute():
                release_memory(cell.prior.device)
                continue
            jobs, alone = jobs[len(now) :], max(alone - 1, 0)
            if lost:
                for job, given in zip(
                    now, identities(measured) if measured else [{}] * len(now), strict=True
                ):
                    self._record(cell, job, lost.status, reason=lost.reason, batch=len(now), **given)
            elif cell.block == 1:
                self._keep(cell, now, measured, outcome)
            else:
                self._keep_block(cell, now[0], measured, outcome)

    def _solve(self, cell: Cell, jobs: Sequence[Job], measured: Measured) -> Outcome:
        """The first batch of its size, solver and operator is preceded by one step that does not count."""
        kind = (type(cell.solver), type(measured.measurement.A), cell.block, len(jobs))
        if kind not in self._warm:
            self._warm.add(kind)
            warm_up(cell.solver, *solver_inputs(cell, measured, jobs))
        given, limit = solver_inputs(cell, measured, jobs), self.plan.options.limit
        return solve(cell.solver, *given, limit, lambda k: self.observer.step(cell, k, len(jobs)))

    def _keep(self, cell: Cell, jobs: Sequence[Job], measured: Measured, outcome: Outcome) -> None:
        """Scores, then writes pictures and features first and records last: a record implies its files."""
        if particles(cell.solver) > 1:
            outcome = replace(outcome, x=outcome.x[:, 0])
        labels = imagenet_labels(cell.data, [job.image for job in jobs])
        rows = self.scorer(outcome.x, measured.x, measured.measurement, labels)
        finite = [i for i, at in enumerate(outcome.diverged) if at is None]
        for i in finite:
            if not isinstance(rows[i], Failure) and self.gallery.wants(cell.images.index(jobs[i].image)):
                rows[i] = self._pictures(jobs[i], measured, i, outcome.x[i]) or rows[i]
        ok = [i for i in finite if not isinstance(rows[i], Failure)]
        if self.scorer.inception and ok:
            keys, truths = [jobs[i].key for i in ok], [measured.image_sha256[i] for i in ok]
            failed = self.gallery.features(self.scorer, keys, outcome.x[ok], truths, measured.x[ok])
            for i, lost in zip(ok, failed, strict=True):
                rows[i] = lost or rows[i]
        shared = costs(outcome) | {"batch": len(jobs)}
        for i, (job, given, step) in enumerate(
            zip(jobs, identities(measured), outcome.diverged, strict=True)
        ):
            if step is not None:
                reason = f"not finite at step {step}" + (f" of {cell.steps}" if cell.steps else "")
                self._record(cell, job, "diverged", reason=reason, **given, **shared)
            elif isinstance(rows[i], Failure):
                self._record(cell, job, rows[i].status, reason=rows[i].reason, **given, **shared)
            else:
                self._record(
                    cell, job, "ok", metrics=rows[i], unavailable=self.scorer.unavailable, **given, **shared
                )

    def _pictures(self, job: Job, measured: Measured, i: int, x: Tensor) -> Failure | None:
        """Keeps those of one image of a batch; why not, where an operator cannot show its y."""
        try:
            with scoring("pictures"):
                self.gallery.problem(measured, i)
                self.gallery.reconstruction(job.key, x)
        except ScoringError as error:
            return failure(error)
        return None

    def _keep_block(self, cell: Cell, job: Job, measured: Measured, outcome: Outcome) -> None:
        """Scores a block as a whole; one sample that is not finite loses it."""
        outcome, given, reason = (
            as_block(outcome, cell.block, cell.data.shape),
            identities(measured)[0],
            divergence(outcome),
        )
        shared = costs(outcome) | given | {"batch": cell.block}
        if reason:
            self._record(cell, job, "diverged", reason=reason, **shared)
            return
        try:
            metrics = self.block_scorer(outcome.x, cell, job.image, measured)
        except ScoringError as error:
            lost = failure(error)
            self._record(cell, job, lost.status, reason=lost.reason, **shared)
        else:
            self._record(cell, job, "ok", metrics=metrics, **shared)

    def _record(self, cell: Cell, job: Job, status: str, **fields: Any) -> None:
        task, solver, source = cell.task, cell.solver, cell.config["solver"]
        record = Record(
            key=job.key,
            cell=cell.id,
            dataset=cell.data.name,
            prior=cell.prior.name,
            weights_sha256=cell.prior.weights_sha256,
            privileged=cell.privileged,
            guidance=cell.prior.guidance if cell.privileged else None,
            switches=[*cell.prior.switches, *[DETERMINISTIC] * self.plan.options.deterministic],
            task=task.name,
            operator=task.operator,
            operator_params=dict(task.params),
            operator_rev=cell.config["task"]["rev"],
            operator_sha256=cell.operator_sha256,
            sigma=task.sigma,
            solver=cell.name,
            label=cell.label,
            preset=cell.preset,
            params=asdict(solver),
            solver_rev=source["rev"],
            source_sha256=source["source"],
            code_sha256=None if source["source"] else code_sha256(type(solver)),
            paper=solver.paper,
            baseline=solver.baseline,
            image=job.image,
            sample=job.sample,
            block=cell.block,
            seed=task.seed,
            status=status,
            created=timestamp(),
            **{"y_hash": None, "image_sha256": None, **self._common, **fields},
        )
        self.journal.append(record)
        self.counts[status] += 1
        self.observer.recorded(cell, record)


def timestamp() -> str:
    """ISO 8601, UTC."""
    return datetime.now(UTC).isoformat()


def identities(measured: Measured) -> list[dict[str, str]]:
    """What names the measurement and the truth in each image's record."""
    pairs = zip(measured.y_hashes, measured.image_sha256, strict=True)
    return [{"y_hash": y_hash, "image_sha256": image_sha256} for y_hash, image_sha256 in pairs]


def costs(outcome: Outcome) -> dict[str, Any]:
    """What a batch cost, per image or sample."""
    return {
        name: getattr(outcome, name)
        for name in ("nfe", "vjps", "operator_calls", "seconds", "peak_memory_mb")
    }


def failure_of(error: BaseException, cell: Cell, measured: Measured | None) -> Failure:
    """What an exception means, by where it came from: measuring, or a solver, whose own line is the one to
    name.
    """
    if isinstance(error, SolverTimeout):
        return Failure("timeout", str(error))
    if measured is None:
        status, reason = failure(error)
        return Failure(status, f"measuring: {reason}")
    return failure(error, inspect.getfile(type(cell.solver)))
