"""A run in several processes, one per device or so many on one."""

import sys
from collections.abc import Sequence

from bench.cli.command import FAILURE, fail
from bench.records.journal import wrote_records
from bench.run.engines.processes import Part, parts, run_parts
from bench.run.runner import Runner
from bench.system.device import get_device


def distribute(runner: Runner, workers: str) -> None:
    """Runs a plan in several processes, and tells its observer of the records that they write."""
    folder, observer, todo = runner.folder, runner.observer, worker_parts(runner, workers)
    runner.announce()
    missing = runner.missing()
    awaited = {job.key: cell for cell, jobs in missing for job in jobs}

    def watch() -> None:
        for record in runner.history.new():
            if cell := awaited.pop(record.key, None):
                observer.recorded(cell, record)

    observer.start([(cell, len(jobs)) for cell, jobs in missing], len(todo))
    command = [*sys.argv[1:], "--progress", "none"]
    try:
        gave_up = run_parts(command, todo, lambda pid: wrote_records(folder, pid), watch)
    finally:
        observer.finish()
    refuse_losses(runner, gave_up)


def worker_parts(runner: Runner, workers: str) -> list[Part]:
    """The part of each worker; their devices are tried first."""
    options = runner.plan.options
    todo = parts(workers, options.device, options.shard)
    for part in todo:
        get_device(part.device)
    return todo


def refuse_losses(runner: Runner, gave_up: Sequence[Part]) -> None:
    """Exits with 1 where workers gave up or reconstructions are missing."""
    if gave_up:
        names = [f"{part.shard[0]}/{part.shard[1]} on {part.device}" for part in gave_up]
        times = f"{gave_up[0].deaths} times without a new record"
        fail(f"shard {', '.join(names)} died {times}; run it alone to see why", FAILURE)
    left = sum(len(jobs) for _, jobs in runner.missing())
    if left:
        what = f"{left} reconstructions were not made: a worker ended with the error above"
        fail(f"{what}; run again to go on", FAILURE)
