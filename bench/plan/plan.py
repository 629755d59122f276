"""A suite resolved into cells, and what of them is left to do."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
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
    """The images that FID and KID compare with, where these are not the true ones of the run."""

    @cached_property
    def image_sha256(self) -> Callable[[Images, str], str]:
        """The hash of an image, which is read once for all cells."""
        known: dict[tuple[Images, str], str] = {}

        def sha256(data: Images, image: str) -> str:
            if (data, image) not in known:
                known[data, image] = data.image_sha256(image)
            return known[data, image]

        return sha256

    def done(self, records: Iterable[Record], available: Collection[str]) -> set[str]:
        """The keys that need not be computed again.

        Args:
            available: the metrics that can be computed here; a record that lacks one of them is not done.
        """
        return done_keys(records, self.options.retry, available)

    def missing(self, cell: Cell, done: set[str]) -> list[Job]:
        """What is left to do in a cell, in this shard."""
        i, n = self.options.shard
        missing = []
        for job in cell.jobs(self.image_sha256):
            is_ours = job.image == "*" or shard_of(cell.data.name, job.image, n) == i - 1
            if job.key not in done and is_ours:
                missing.append(job)
        return missing


def shard_of(dataset: str, image: str, n: int) -> int:
    """The shard, 0 .. n - 1, that an image belongs to.

    It follows from a hash, so it is the same on every machine and in every suite.
    """
    return int(digest([dataset, image])[:12], 16) % n
