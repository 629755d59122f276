"""Several processes on one machine, one per device: each runs a part of the images into the same run folder.

The parts are `--shard`s, so the engine needs no protocol: a part that dies is started again and finds its own records, and
parts on other machines differ from these in nothing. A scheduler's array job gives `--shard i/n` by itself.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

ATTEMPTS = 3
"""Starts of a part that dies without a new record in between: what kills it so often is not an accident."""
PAUSE = 0.2


@dataclass
class Part:
    """One process's share: the device, the shard, and how it went."""

    device: str
    shard: tuple[int, int]
    process: subprocess.Popen | None = None
    deaths: int = 0
    codes: list[int] = field(default_factory=list)

    @property
    def arguments(self) -> list[str]:
        """Options that come last on the command line and win over earlier ones."""
        i, n = self.shard
        return ["--shard", f"{i}/{n}", "--device", self.device, "--no-report", "--workers", ""]


def parts(workers: str, device: str, shard: tuple[int, int]) -> list[Part]:
    """The parts of a run.

    Args:
        workers: a number of processes on ``device``, or devices with commas between, one process each (repeat one for two).
        shard: of the whole, (i, n); its parts are shards of n times as many.

    Raises:
        ValueError: ``workers`` is neither.
    """
    devices = [device] * int(workers) if workers.isdigit() else [name.strip() for name in workers.split(",")]
    if not devices or not all(devices):
        raise ValueError(f"--workers {workers}: expected a number of processes, or devices as in cuda:0,cuda:1")
    (i, n), k = shard, len(devices)
    return [Part(name, (i + j * n, n * k)) for j, name in enumerate(devices)]


def run_parts(arguments: Sequence[str], todo: Sequence[Part], records: Callable[[], int]) -> list[Part]:
    """Runs all parts at once and waits for them; the parts that gave up, with the codes that they ended with.

    Args:
        arguments: of ``python -m bench``, the verb first.
        records: the number of records so far; a part that dies is started again as long as there are new ones.

    A part that ends by itself, with whatever code, is done: what it could not compute is in its records.
    """
    running, lost, seen = list(todo), [], records()
    try:
        for part in running:
            _start(part, arguments)
        while running:
            time.sleep(PAUSE)
            for part in [part for part in running if part.process.poll() is not None]:
                running.remove(part)
                part.codes.append(part.process.returncode)
                if not _died(part.process.returncode):
                    continue
                now = records()
                part.deaths, seen = (1 if now > seen else part.deaths + 1), now
                if part.deaths < ATTEMPTS:
                    _start(part, arguments)
                    running.append(part)
                else:
                    lost.append(part)
    finally:
        for part in running:
            part.process.terminate()
        for part in running:
            part.process.wait()
    return lost


def _start(part: Part, arguments: Sequence[str]) -> None:
    command = [sys.executable, "-m", "bench", *arguments, *part.arguments]
    part.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command line, no shell


def _died(code: int) -> bool:
    """Killed by a signal, also as a shell reports it."""
    return code < 0 or code > 128
