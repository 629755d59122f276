"""Runs a plan cell by cell, batch by batch: measure, solve, score, keep. What is recorded is not repeated."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.checks.shared import Untouched
from bench.names import counted
from bench.plan.cell import Cell, Job
from bench.plan.manifest import make_manifest
from bench.plan.plan import Plan
from bench.records.journal import History, Journal
from bench.records.lines import BriefReader
from bench.records.manifest import write_manifest
from bench.records.record import AnyRecord, Brief
from bench.run.engines.jobs import Batches, Desk, Taken
from bench.run.failures import Failure, ScoringError, diverged, failure, watched, what_it_means
from bench.run.gallery import Gallery
from bench.run.inputs import Measured, measure, solver_inputs
from bench.run.progress import Observer
from bench.run.recorder import Cost, Identity, Recorder, Result, identities, timestamp
from bench.run.score import Scored, imagenet_labels, make_scorer
from bench.run.score_samples import SampleScorer, as_samples, divergence
from bench.run.solve import Outcome, first_particle, solve, warm_up
from bench.run.steps.trajectory import Curves, Watch
from bench.stats.features import features_folder
from bench.system.clock import PeakMemory
from bench.system.device import full_precision, release_memory
from bench.system.locks import POLL


class Runner:
    """Computes what a plan lacks, into a folder.

    Args:
        history: what the folder holds, if it was read already.
        scored: what is scored, where the plan is a part of a larger one.
        sample_scorer: that of earlier runs of the same tasks, with the exact posteriors it has prepared.

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
        history: History[Brief] | None = None,
        scored: Scored | None = None,
        sample_scorer: SampleScorer | None = None,
    ) -> None:
        self.plan, self.folder, self.observer, self.command = plan, folder, observer, command
        self.journal, self.history = Journal(folder), history or History(folder, BriefReader())
        self.desk = Desk(folder, self.history)
        several = plan.suite.samples > 1 and plan.options.pictures != 0
        pictures = None if several else plan.options.pictures
        self.gallery = Gallery(folder, pictures, features_folder(plan.suite.fid_mode))
        self.scorer = make_scorer(plan.suite, plan.cells, scored)
        self.sample_scorer = sample_scorer or SampleScorer()
        self.recorder = Recorder(plan)
        self.counts: Counter[str] = Counter()
        self._untouched: dict[int, Untouched] = {}
        self._peaks: dict[tuple[int, int], float | None] = {}
        """Peak memory by cell and number of images."""
        self._awaited: dict[str, Cell] = {}
        """Key -> cell of what is missing and was not told to the observer."""
        self._told_waiting = False
        self._without_trajectory: set[str] = set()
        """Cells of which it was told."""

    def run(self, wait: bool = True) -> Counter[str]:
        """Runs all that is missing, and counts the new records by status.

        Args:
            wait: at the end, wait for what other processes have claimed, and take what they leave.
        """
        todo = self.begin()
        try:
            with self.computing():
                while todo:
                    left = [(cell, self.compute(cell, jobs)) for cell, jobs in todo]
                    todo = [(cell, jobs) for cell, jobs in left if jobs and wait]
                    if todo:
                        self._wait(sum(len(jobs) for _, jobs in todo))
        finally:
            self.observer.finish()
        return self.counts

    def begin(self, workers: int = 1) -> list[tuple[Cell, list[Job]]]:
        """Writes down what is asked for, starts the observer, and returns what is missing."""
        todo = self.missing()
        self.announce()
        self.observer.start([(cell, len(jobs)) for cell, jobs in todo], workers)
        for cell, jobs in todo:
            for job in jobs:
                self._awaited[job.key] = cell
        return todo

    @contextlib.contextmanager
    def computing(self) -> Iterator[None]:
        """Computes inside with full precision; at the end, closes the journal and gives all claims back."""
        try:
            with self.journal, full_precision():
                yield
        finally:
            self.desk.close()

    def compute(self, cell: Cell, jobs: Sequence[Job]) -> list[Job]:
        """Computes jobs of a cell that nobody else has claimed or recorded; inside `computing`.

        Returns:
            The jobs that other processes had claimed. Each is recorded later, or free again.
        """
        size = self.plan.options.batch if cell.samples_per_problem == 1 else 1
        if jobs:
            self._speed_up(cell)
        waiting, left = list(jobs), []
        while waiting:
            mine, others, waiting = self._take(waiting, size)
            left += others
            try:
                size = self._run_cell(cell, mine, size)
            finally:
                self.desk.release(mine)
        cell.prior.recompute(self.plan.options.recompute)
        return left

    def _speed_up(self, cell: Cell) -> None:
        """Probes for faster ways of calling a prior's network, before it is used, and says what was found."""
        if self.plan.options.fast and id(cell.prior) not in self._untouched:
            for line in cell.prior.speed_up(self.plan.options.batch):
                self.observer.note(f"{cell.prior.name}, {line}")

    def give_up(self, cell: Cell, jobs: Sequence[Job], lost: Failure) -> None:
        """Records jobs that will not be computed, unless somebody else has them."""
        for job in jobs:
            if self._take([job], 1).mine:
                self._record(cell, job, lost, Identity(), Cost())
                self.desk.release([job])

    def look(self) -> None:
        """Tells the observer of the records that others have made meanwhile."""
        for record in self.desk.look():
            self._tell(record)

    def _take(self, jobs: Sequence[Job], most: int) -> Taken:
        taken, new = self.desk.take(jobs, most)
        for record in new:
            self._tell(record)
        return taken

    def _wait(self, n: int) -> None:
        """Waits for so many jobs that others have claimed."""
        if not self._told_waiting:
            self.observer.note(f"waiting for {counted(n, 'reconstruction')} at work in another process")
        self._told_waiting = True
        time.sleep(POLL)
        self.look()

    def missing(self) -> list[tuple[Cell, list[Job]]]:
        """What is left to do now, cell by cell; reads what others have written meanwhile."""
        self.history.new()
        done = self.done(self.history.records)
        return [(cell, self.plan.missing(cell, done)) for cell in self.plan.cells]

    def done(self, records: Iterable[AnyRecord]) -> set[str]:
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

    def _run_cell(self, cell: Cell, jobs: Sequence[Job], size: int) -> int:
        """Measures, solves, scores and keeps, batch by batch; the size that batches have now."""
        if jobs and cell.reason is not None:
            self._record(cell, jobs[0], Failure("skipped", cell.reason), Identity(), Cost())
            return size
        batches = Batches(jobs, size)
        while batch := batches.next():
            self._run_batch(cell, batches, batch)
        return batches.size

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
            return measured, what_it_means(error, cell, measured is not None)

    def _may_try_again(
        self, cell: Cell, batches: "Batches", measured: Measured | None, lost: Failure
    ) -> bool:
        """Prepares a second try of a batch: in parts, or, for a lone image without memory, by recomputing."""
        if lost.status != "timeout" and batches.split(halve=lost.status == "out_of_memory"):
            return True
        return lost.status == "out_of_memory" and measured is not None and cell.prior.recompute()

    def _solve(self, cell: Cell, jobs: Sequence[Job], measured: Measured) -> Outcome:
        """Solves one batch; the first of a cell and size follows a warm-up, and its memory is measured.

        Memory is not measured again, since it takes from the allocator what the next solve has to fetch.
        """
        kind, memory = (id(cell), len(jobs)), None
        if kind not in self._peaks:
            memory = PeakMemory(cell.prior.device)
            memory.start()
            warm_up(cell.solver, *solver_inputs(cell, measured, jobs))
        given, limit = solver_inputs(cell, measured, jobs), self.plan.options.limit
        watch, on_step = self._watch(cell, measured), lambda k: self.observer.step(cell, k, len(jobs))
        outcome = solve(cell.solver, *given, limit, on_step, memory, watch or (lambda *_: None))
        peak = self._peaks.setdefault(kind, outcome.peak_memory_mb)
        return replace(outcome, peak_memory_mb=peak, curves=self._curves(cell, watch) if watch else ())

    def _watch(self, cell: Cell, measured: Measured) -> Watch | None:
        """What keeps the trajectories of a batch, where they are asked for."""
        if not self.plan.options.trajectory or cell.samples_per_problem > 1:
            return None
        return Watch(measured, hasattr(cell.solver, "particles"), cell.prior.device, cell.prior.dtype)

    def _curves(self, cell: Cell, watch: Watch) -> Sequence[Curves]:
        """The trajectories of a batch; says once why a cell has none."""
        if watch.trouble and cell.id not in self._without_trajectory:
            self._without_trajectory.add(cell.id)
            self.observer.note(f"no trajectory of {cell.label} on {cell.task.name}: {watch.trouble}")
        return watch.curves()

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
            batch = cell.samples_per_problem
            outcome = as_samples(outcome, batch, cell.data.shape)
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
                results[i] = self.gallery.keep_pictures(job.key, measured, i, x[i]) or results[i]
        for i, curves in enumerate(outcome.curves):
            if not isinstance(results[i], Failure):
                self.gallery.trajectory(jobs[i].key, curves)
        self.gallery.keep_features(self.scorer, [job.key for job in jobs], measured, x, results)
        return results

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
        self.desk.settled.add(record.key)
        self._awaited.pop(record.key, None)
        self.observer.recorded(cell, record)

    def _tell(self, record: Brief) -> None:
        """Tells the observer of a record that it waits for, once."""
        if cell := self._awaited.pop(record.key, None):
            self.observer.recorded(cell, record)
