"""What the driver of an engine keeps: shards that wait, and what becomes of those whose worker died.

An image has three tries, the last two alone, so that one that kills its worker is found without costing the
others.
"""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from bench.run.engines.work import Shard

TRIES = 3
"""Deaths of a worker on an image, the last two on it alone, after which it is given up."""
PAUSE = 0.5
"""Seconds until a shard is offered again that another run is at work on."""


class Queue:
    """The shards that wait for a worker.

    Args:
        clock: tells seconds.
    """

    def __init__(self, shards: Iterable[Shard], clock: Callable[[], float] = time.monotonic) -> None:
        self._now, self._clock = list(shards), clock
        self._later: list[tuple[float, Shard]] = []

    def __len__(self) -> int:
        return len(self._now) + len(self._later)

    def next(self, prior: str, settled: Collection[str] = ()) -> Shard | None:
        """The next shard that is due, without what is settled; one of the loaded prior comes first."""
        due = [shard for when, shard in self._later if when <= self._clock()]
        self._later = [entry for entry in self._later if entry[1] not in due]
        self._now += due
        while self._now:
            of_prior = (i for i, shard in enumerate(self._now) if shard.prior == prior)
            shard = self._now.pop(next(of_prior, 0))
            left = tuple(job for job in shard.jobs if job.key not in settled)
            if left:
                return replace(shard, jobs=left)
        return None

    def put_off(self, shard: Shard) -> None:
        """Takes a shard back that somebody else is at work on."""
        self._later.append((self._clock() + PAUSE, shard))

    def put_back(self, shard: Shard) -> None:
        """Takes a shard back whose worker ended without a fault of the shard."""
        self._now.insert(0, shard)

    def note_death(self, shard: Shard, settled: Collection[str]) -> Shard | None:
        """Takes a shard back whose worker died; returned is one that is given up."""
        left = tuple(job for job in shard.jobs if job.key not in settled)
        if not left:
            return None
        deaths = shard.deaths + 1
        if len(left) < len(shard.jobs):  # what it was at when it died is not known
            self.put_back(replace(shard, jobs=left, deaths=0))
        elif len(left) > 1:
            self._now[:0] = [replace(shard, jobs=(job,), deaths=1) for job in left]
        elif deaths < TRIES:
            self.put_back(replace(shard, deaths=deaths))
        else:
            return replace(shard, deaths=deaths)
        return None
