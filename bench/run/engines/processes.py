"""Several processes on one machine, one per device: each runs a part of the images into the same run folder.

The parts are `--shard`s, so the engine needs no protocol: a part that dies is started again and finds its own
records, and parts on other machines differ from these in nothing. A scheduler's array job gives `--shard i/n`
by itself.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.names import counted
from bench.system.device import cores
from bench.system.gate import shortened, whole

ATTEMPTS = 3
"""Starts of a part that die one after another without a record of their own: what kills it so often is not an
accident."""
INTERRUPTED = 130
"""Exit code of a worker that Ctrl-C reached."""
PAUSE = 0.2


@dataclass
class Part:
    """The share of one process: the device, the shard, and how it went."""

    device: str
    shard: tuple[int, int]
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    codes: list[int] = field(default_factory=list)

    @property
    def arguments(self) -> list[str]:
        """Options that come last on the command line and win over earlier ones."""
        i, n = self.shard
        return ["--shard", f"{i}/{n}", "--device", self.device, "--no-report", "--workers", ""]

    @property
    def started(self) -> subprocess.Popen[bytes]:
        """The process, once there is one."""
        assert self.process is not None
        return self.process


def parts(workers: str, device: str, shard: tuple[int, int]) -> list[Part]:
    """Makes the parts of a run.

    Args:
        workers: a number of processes on ``device``, or devices with commas between, one process each (repeat
            one for two).
        shard: (i, n) of the whole run; its parts are shards of n times as many.

    Raises:
        ValueError: see `devices_of`.
    """
    devices = devices_of(workers, device)
    (i, n), k = shard, len(devices)
    return [Part(name, (i + j * n, n * k)) for j, name in enumerate(devices)]


def devices_of(workers: str, device: str) -> list[str]:
    """The device of each process, see `parts`.

    Raises:
        ValueError: ``workers`` is neither a number nor a list, or asks for more processes than this machine
            has processors, unless each has a device of its own.
    """
    names = [name.strip() for name in workers.split(",")]
    names_devices = all(names) and names[0][0].isalpha()
    try:
        n = len(names) if names_devices else whole(workers, 1)
    except ValueError:
        expected = "expected a number of processes, or devices as in cuda:0,cuda:1"
        raise ValueError(f"--workers {shortened(workers)}: {expected}") from None
    most = max(cores(), len(set(names)))
    if n > most:
        here = f"this machine has {counted(cores(), 'processor')}"
        raise ValueError(f"--workers {shortened(workers)}: {here}; ask for at most {most} processes")
    return names if names_devices else [device] * n


def run_parts(
    arguments: Sequence[str], todo: Sequence[Part], wrote: Callable[[int], bool], watch: Callable[[], None]
) -> list[Part]:
    """Runs all parts at once and waits for them.

    A part that ends by itself, with whatever code, is not started again: whoever asked looks at what is
    recorded.

    Args:
        arguments: of ``python -m bench``, the verb first.
        wrote: whether the process of an id made a record; a part whose process did is started again when it
            dies.
        watch: called every now and then, and once after the last part has ended.

    Returns:
        The parts that were given up, with the codes that they ended with.
    """
    running, lost, share = list(todo), [], max(1, cores() // len(todo))
    try:
        for part in running:
            _start(part, arguments, share)
        while running:
            time.sleep(PAUSE)
            watch()
            for part in [part for part in running if part.started.poll() is not None]:
                running.remove(part)
                if not _note_end(part, wrote):
                    continue
                if part.deaths < ATTEMPTS:
                    _start(part, arguments, share)
                    running.append(part)
                else:
                    lost.append(part)
        watch()
    finally:
        for part in running:
            part.started.terminate()
        for part in running:
            part.started.wait()
    return lost


def _start(part: Part, arguments: Sequence[str], threads: int) -> None:
    """Starts a part with its share of the processors, unless the user has chosen a number of threads."""
    command = [sys.executable, "-m", "bench", *arguments, *part.arguments]
    environment = {"OMP_NUM_THREADS": str(threads), **os.environ}
    part.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command line


def _note_end(part: Part, wrote: Callable[[int], bool]) -> bool:
    """Keeps how a process ended, and tells whether it died."""
    code = part.started.returncode
    part.codes.append(code)
    if not _died(code):
        return False
    part.deaths = 1 if wrote(part.started.pid) else part.deaths + 1
    return True


def _died(code: int) -> bool:
    """Whether a signal killed it, also as a shell reports it, but not the user."""
    return code < 0 or (code > 128 and code != INTERRUPTED)
