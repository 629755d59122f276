"""Runs a plan cell by cell, batch by batch: measure, solve, score, keep. What is recorded is not repeated."""

import inspect
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from bench.checks.shared import Untouched
from bench.plan.cell import Cell, Job
from bench.plan.manifest import make_manifest
from bench.plan.plan import Plan
from bench.records.journal import History, Journal
from bench.records.manifest import write_manifest
from bench.records.record import Record
from bench.run.failures import Failure, ScoringError, failure, scoring, watched
from bench.run.gallery import Gallery
from bench.run.inputs import Measured, measure, solver_inputs
from bench.run.progress import Observer
from bench.run.recorder import Cost, Identity, Recorder, Result, identities, timestamp
from bench.run.score import imagenet_labels, make_scorer
from bench.run.score_samples import SampleScorer, as_samples, divergence
from bench.run.solve import Outcome, SolverTimeout, first_particle, solve, warm_up
from bench.stats.features import features_folder
from bench.system.device import full_precision, release_memory


class Runner:
    """Computes what a plan lacks, into a folder.

    Args:
        history: what the folder holds, if it was read already.

    Raises:
        StoreError: the folder cannot be written. Raised by `run` too, when the disk is full; what is recorded
            stays.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        observer: Observer,
        command: str = "",
        history: History | None = None,
    ) -> None:
        self.plan, self.folder, self.observer, self.command = plan, folder, observer, command
        self.history, self.journal = history or History(folder), Journal(folder)
        several = plan.suite.samples > 1 and plan.options.pictures != 0
        pictures = None if several else plan.options.pictures
        self.gallery = Gallery(folder, pictures, features_folder(plan.suite.fid_mode))
        self.scorer, self.sample_scorer = make_scorer(plan.suite, plan.cells), SampleScorer()
        self.recorder = Recorder(plan)
        self.counts: Counter[str] = Counter()
        self._untouched: dict[int, Untouched] = {}
        self._warm: set[tuple[type, type, int, int]] = set()

    def run(self) -> Counter[str]:
        """Runs all that is missing, and counts the new records by status."""
        todo = self.missing()
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

    def missing(self) -> list[tuple[Cell, list[Job]]]:
        """What is left to do now, cell by cell; reads what others have written meanwhile."""
        self.history.new()
        done = self.done(self.history.records)
        return [(cell, self.plan.missing(cell, done)) for cell in self.plan.cells]

    def done(self, records: Iterable[Record]) -> set[str]:
        """The keys that need not be computed again, with the metrics that can be computed here."""
        return self.plan.done(records, self.scorer.available)

    def announce(self) -> None:
        """Writes down what is asked for, before anything is computed."""
        cells = [cell for cell in self.plan.cells if cell.samples_per_problem == 1]
        noisy = any(cell.task.likelihood.std != 0 for cell in cells)
        scored = self.scorer.names(float(noisy)) if cells else []
        manifest = make_manifest(
            self.plan,
            scored,
            command=self.command,
            created=timestamp(),
            versions=self.recorder.versions,
        )
        write_manifest(self.folder, manifest)

    def _run_cell(self, cell: Cell, jobs: Sequence[Job]) -> None:
        """Measures, solves, scores and keeps, batch by batch."""
        if jobs and cell.reason is not None:
            self._record(cell, jobs[0], Failure("skipped", cell.reason), Identity(), Cost())
            return
        batches = Batches(jobs, self.plan.options.batch if cell.samples_per_problem == 1 else 1)
        while batch := batches.next():
            self._run_batch(cell, batches, batch)

    def _run_batch(self, cell: Cell, batches: "Batches", batch: Sequence[Job]) -> None:
        measured, outcome = self._attempt(cell, batch)
        if isinstance(outcome, Failure):
            if self._may_try_again(cell, batches, measured, outcome):
                release_memory(cell.prior.device)
                return
            self._keep_failures(cell, batch, measured, outcome)
        else:
            assert measured is not None
            self._keep(cell, batch, measured, outcome)
        batches.done()

    def _attempt(self, cell: Cell, jobs: Sequence[Job]) -> tuple[Measured | None, Outcome | Failure]:
        """Measures and solves one batch; an exception becomes a failure."""
        measured = None
        try:
            measured = measure(cell.task, cell.data, [job.image for job in jobs])
            guards = self._guards(cell, measured)
            with watched(cell, guards):
                return measured, self._solve(cell, jobs, measured)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a solver may raise anything; it costs its own images only
            return measured, failure_of(error, cell, measured)

    def _may_try_again(
        self, cell: Cell, batches: "Batches", measured: Measured | None, lost: Failure
    ) -> bool:
        """Prepares a second try of a batch: in parts, or, for a lone image without memory, by recomputing."""
        if lost.status != "timeout" and batches.split(halve=lost.status == "out_of_memory"):
            return True
        return lost.status == "out_of_memory" and measured is not None and cell.prior.recompute()

    def _solve(self, cell: Cell, jobs: Sequence[Job], measured: Measured) -> Outcome:
        """Solves one batch; the first of its size, solver and operator is preceded by a warm-up."""
        kind = (type(cell.solver), type(measured.measurement.A), cell.samples_per_problem, len(jobs))
        if kind not in self._warm:
            self._warm.add(kind)
            warm_up(cell.solver, *solver_inputs(cell, measured, jobs))
        given, limit = solver_inputs(cell, measured, jobs), self.plan.options.limit
        return solve(cell.solver, *given, limit, lambda k: self.observer.step(cell, k, len(jobs)))

    def _guards(self, cell: Cell, measured: Measured) -> dict[str, Untouched]:
        """What notices changes of the prior, and of the operator as it is scored with, by their names."""
        known = self._untouched
        if id(cell.prior) not in known:
            known[id(cell.prior)] = Untouched(cell.prior)
        A = measured.measurement.A
        return {f"prior '{cell.prior.name}'": known[id(cell.prior)], type(A).__name__: Untouched(A)}

    def _keep(self, cell: Cell, jobs: Sequence[Job], measured: Measured, outcome: Outcome) -> None:
        """Scores a batch, then writes files first and records last: a record implies its files."""
        unavailable: Mapping[str, str] | None = None
        if cell.samples_per_problem == 1:
            results, batch = self._score_images(cell, jobs, measured, outcome), len(jobs)
            unavailable = self.scorer.unavailable
        else:
            outcome, batch = self._as_samples(cell, outcome), cell.samples_per_problem
            results = [self._score_samples(cell, jobs[0], measured, outcome)]
        for i, identity in enumerate(identities(measured, len(jobs))):
            cost = Cost.of(outcome, batch, i)
            self._record(cell, jobs[i], results[i], identity, cost, unavailable)

    def _keep_failures(
        self, cell: Cell, jobs: Sequence[Job], measured: Measured | None, lost: Failure
    ) -> None:
        """Records a batch that could not be solved."""
        for job, identity in zip(jobs, identities(measured, len(jobs)), strict=True):
            self._record(cell, job, lost, identity, Cost(batch=len(jobs)))

    def _score_images(
        self, cell: Cell, jobs: Sequence[Job], measured: Measured, outcome: Outcome
    ) -> list[Result]:
        """Scores the images of a batch, and keeps the pictures and features of those that have a score."""
        x = first_particle(cell.solver, outcome.x)
        labels = imagenet_labels(cell.data, [job.image for job in jobs])
        results: list[Result] = list(self.scorer(x, measured.x, measured.measurement, labels))
        for i, step in enumerate(outcome.diverged):
            if step is not None:
                results[i] = diverged(step, cell.solver.yields())
        for i, job in enumerate(jobs):
            if not isinstance(results[i], Failure) and self.gallery.wants(cell.images.index(job.image)):
                results[i] = self._keep_pictures(job, measured, i, x[i]) or results[i]
        self._keep_features(jobs, measured, x, results)
        return results

    def _keep_pictures(self, job: Job, measured: Measured, i: int, x: Tensor) -> Failure | None:
        """Keeps the pictures of one image of a batch; a failure where an operator cannot show its y."""
        try:
            with scoring("pictures"):
                self.gallery.measurement(measured, i)
                self.gallery.reconstruction(job.key, x)
        except ScoringError as error:
            return failure(error)
        return None

    def _keep_features(
        self, jobs: Sequence[Job], measured: Measured, x: Tensor, results: list[Result]
    ) -> None:
        """Keeps the features of the images that have a score; a failure replaces the result of its image."""
        ok = [i for i, result in enumerate(results) if not isinstance(result, Failure)]
        if not self.scorer.inception or not ok:
            return
        keys, truths = [jobs[i].key for i in ok], [measured.image_sha256[i] for i in ok]
        failures = self.gallery.features(self.scorer, keys, x[ok], truths, measured.x[ok])
        for i, lost in zip(ok, failures, strict=True):
            results[i] = lost or results[i]

    def _as_samples(self, cell: Cell, outcome: Outcome) -> Outcome:
        return as_samples(outcome, cell.samples_per_problem, cell.data.shape)

    def _score_samples(self, cell: Cell, job: Job, measured: Measured, outcome: Outcome) -> Result:
        """Scores samples as a set; one that is not finite loses all."""
        if reason := divergence(outcome):
            return Failure("diverged", reason)
        try:
            return self.sample_scorer(outcome.x, cell, job.image, measured)
        except ScoringError as error:
            return failure(error)

    def _record(
        self,
        cell: Cell,
        job: Job,
        result: Result,
        identity: Identity,
        cost: Cost,
        unavailable: Mapping[str, str] | None = None,
    ) -> None:
        record = self.recorder.record(cell, job, result, identity, cost, unavailable)
        self.journal.append(record)
        self.counts[record.status] += 1
        self.observer.recorded(cell, record)


class Batches:
    """The jobs of a cell in batches: smaller ones where memory lacks, single ones where a batch fails."""

    def __init__(self, jobs: Sequence[Job], size: int) -> None:
        self._left, self._size = list(jobs), size
        self._alone = 0
        """How many of the next jobs are tried one by one."""

    def next(self) -> list[Job]:
        """The batch to try now; [] at the end."""
        return self._left[: 1 if self._alone else self._size]

    def done(self) -> None:
        """Goes on to the next batch."""
        self._left = self._left[len(self.next()) :]
        self._alone = max(self._alone - 1, 0)

    def split(self, halve: bool) -> bool:
        """Makes the batch smaller, by half or to single jobs. False where it is a single job already."""
        n = len(self.next())
        if n == 1:
            return False
        if halve:
            self._size = n // 2
        else:
            self._alone = n
        return True


def diverged(step: int, steps: int | None) -> Failure:
    """The failure of an image that was first not finite at this step of so many."""
    of = f" of {steps}" if steps else ""
    return Failure("diverged", f"not finite at step {step}{of}")


def failure_of(error: BaseException, cell: Cell, measured: Measured | None) -> Failure:
    """What an exception means, by where it came from: measuring, or a solver, whose own line is named."""
    if isinstance(error, SolverTimeout):
        return Failure("timeout", str(error))
    if measured is None:
        status, reason = failure(error)
        return Failure(status, f"measuring: {reason}")
    return failure(error, inspect.getfile(type(cell.solver)))
