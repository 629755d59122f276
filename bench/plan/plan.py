"""A suite resolved into cells, and what of them is left to do."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.data.images import Images
from bench.plan.cell import Cell, Job
from bench.plan.options import Options
from bench.records.record import AnyRecord, done_keys
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

    def done(self, records: Iterable[AnyRecord], available: Collection[str]) -> set[str]:
        """The keys that need not be computed again.

        Args:
            available: the metrics that can be computed here; a record that lacks one of them is not done.
        """
        return done_keys(records, self.options.retry, available)

    def missing(self, cell: Cell, done: set[str]) -> list[Job]:
        """What is left to do in a cell, in this shard."""
        ours = {"*", *share_of(cell.images, *self.options.shard)}
        return [job for job in cell.jobs(self.image_sha256) if job.image in ours and job.key not in done]


def share_of(images: Iterable[str], i: int, n: int) -> list[str]:
    """The images of the i-th of n shards, from 1: every n-th of the sorted ids.

    It follows from the list alone, so it is the same on every machine, and no two shards differ by more than
    one image.
    """
    return sorted(images)[i - 1 :: n]
