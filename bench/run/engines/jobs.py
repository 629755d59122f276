"""Which jobs this process computes now: those that nobody else has taken, in batches that fit."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.plan.cell import Job
from bench.records.files import StoreError
from bench.records.journal import History
from bench.records.record import Brief
from bench.system.locks import Claims

CLAIMS = "journal/claims.lock"
"""File of a run folder by which the processes at work in it tell each other what they compute."""


class Taken(NamedTuple):
    """What became of some jobs: ours now, at work elsewhere, and not tried."""

    mine: list[Job]
    others: list[Job]
    untried: list[Job]


class Desk:
    """Gives out the jobs of a run folder so that none is computed twice, whoever works in it.

    Attributes:
        history: what the folder holds.
        settled: keys that were recorded since the desk opened. They are done, also where they failed.
    """

    def __init__(self, folder: Path, history: History[Brief]) -> None:
        self.history = history
        self.settled: set[str] = set()
        self._claims = Claims(folder / CLAIMS)

    def look(self) -> list[Brief]:
        """The records that came since the last look."""
        new = self.history.new()
        self.settled.update(record.key for record in new)
        return new

    def take(self, jobs: Sequence[Job], most: int) -> tuple[Taken, list[Brief]]:
        """Claims the first jobs that are free, so many at most.

        A job may be recorded by another process before its claim, but not after: the last look is then.

        Returns:
            What became of the jobs, and what came into the folder.

        Raises:
            StoreError: the folder cannot be written.
        """
        mine: list[Job] = []
        others: list[Job] = []
        tried = 0
        for job in jobs:
            if len(mine) == most:
                break
            tried += 1
            if job.key not in self.settled:
                (mine if self._claim(job) else others).append(job)
        new = self.look() if mine else []
        self.release(job for job in mine if job.key in self.settled)
        mine = [job for job in mine if job.key not in self.settled]
        return Taken(mine, others, list(jobs[tried:])), new

    def _claim(self, job: Job) -> bool:
        try:
            return self._claims.take(job.key)
        except OSError as error:
            raise StoreError(f"cannot write {self._claims.path}: {error.strerror}") from error

    def release(self, jobs: Iterable[Job]) -> None:
        """Gives jobs back, once they are recorded or cannot be."""
        self._claims.release(job.key for job in jobs)

    def close(self) -> None:
        """Gives all jobs back."""
        self._claims.close()


class Batches:
    """The jobs of a cell in batches: smaller ones where memory lacks, single ones where a batch fails."""

    def __init__(self, jobs: Sequence[Job], size: int) -> None:
        self._left, self.size = list(jobs), size
        self._alone = 0
        """How many of the next jobs are tried one by one."""

    def next(self) -> list[Job]:
        """The batch to try now; [] at the end."""
        return self._left[: 1 if self._alone else self.size]

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
            self.size = n // 2
        else:
            self._alone = n
        return True
