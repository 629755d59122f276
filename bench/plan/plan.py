"""A suite resolved into cells, and what of them is left to do."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from bench.data.images import Images
from bench.plan.cell import Cell, Job
from bench.plan.options import Options
from bench.records.keys import digest
from bench.records.record import Record, done_keys
from bench.suites.suite import Suite


@dataclass(frozen=True)
class Plan:
    """A suite resolved into cells that carry all that they name, and how to run them."""

    suite: Suite
    cells: list[Cell]
    options: Options
    fid_stats: dict[str, Any] | None = None
    """Which images FID and KID compare with, where these are not the true ones of the run."""

    @cached_property
    def image_sha256(self) -> Callable[[Images, str], str]:
        """The hash of an image, which is read once for all cells."""
        return cache(lambda data, image: data.image_sha256(image))

    def done(self, records: Iterable[Record], available: Collection[str]) -> set[str]:
        """The keys that need not be computed again.

        Args:
            available: the metrics that can be computed here; a record that lacks one of them is not done.
        """
        return done_keys(records, self.options.retry, available)

    def missing(self, cell: Cell, done: set[str]) -> list[Job]:
        """What is left to do in a cell, in this shard."""
        i, n = self.options.shard
        jobs = (job for job in cell.jobs(self.image_sha256) if job.key not in done)
        return [job for job in jobs if job.image == "*" or shard_of(cell.data.name, job.image, n) == i - 1]


def shard_of(dataset: str, image: str, n: int) -> int:
    """Which of n shards (0 .. n - 1) an image belongs to: a hash, so the same on every machine and in every
    suite.
    """
    return int(digest([dataset, image])[:12], 16) % n
