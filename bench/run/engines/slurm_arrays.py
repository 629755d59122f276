"""Workers as job arrays of Slurm, through submitit.

A job gets shards of one prior, computes them one after another and ends. It needs no checkpoint: records are
one. Jobs that were preempted, requeued or lost with their node are no failures; what they did not record is
submitted again. The driver only submits and waits: it may end, and the jobs go on.
"""

import contextlib
import shutil
import subprocess
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.names import counted
from bench.run.engines.queue import Queue
from bench.run.engines.stopping import terminable
from bench.run.engines.work import (
    EngineError,
    Result,
    Shard,
    Worker,
    WorkerSetting,
    cut,
    ending,
    setting_of,
    surroundings,
)
from bench.run.failures import Failure
from bench.run.runner import Runner

MOST_TASKS = 1000
"""Tasks of an array: Slurm's own default bound is 1001."""
PARTS = 4
"""Tasks for each that runs at once, so that all end at about the same time."""
AT_ONCE = 8
BARREN = 3
"""Arrays one after another that made no record, after which the run ends."""
LOOK = 5.0
"""Seconds between two looks at the queue of Slurm and at the records."""
SUBMISSIONS = 5
"""Times that an array is submitted where Slurm is busy."""
BUSY = ("temporarily", "timed out", "Resource temporarily", "MaxSubmit", "job submit limit")
BUSY_SECONDS = 30.0
BLAMELESS = {"PREEMPTED", "NODE_FAIL", "REQUEUED", "BOOT_FAIL", "REVOKED", "COMPLETED"}
"""Ends of a job that tell nothing about what it computed."""
ENDED = BLAMELESS | {"CANCELLED", "FAILED", "TIMEOUT", "OUT_OF_MEMORY", "DEADLINE"}


@dataclass
class ArrayTask:
    """One task of an array."""

    id: str
    shards: list[Shard]
    job: Any
    """Submitit's view of it."""
    state: str = "PENDING"

    @property
    def ended_well(self) -> bool:
        """Whether it has looked at all its shards."""
        return bool(self.state == "COMPLETED" and self.job.paths.result_pickle.exists())

    @property
    def error(self) -> str:
        """Why the worker could not go on; empty if it could, or nobody knows."""
        if self.job.paths.result_pickle.exists():
            with contextlib.suppress(Exception):  # of submitit, for a job that ended with an exception
                return str(self.job.result())
        return ""


def run_slurm(runner: Runner, device: str, at_once: int | None, parameters: Mapping[str, str]) -> None:
    """Runs what a plan lacks in jobs of Slurm, and waits for them.

    Args:
        device: of each job; a card is asked for where it is one.
        at_once: jobs at one time.
        parameters: of `sbatch`, by their long names: ``partition``, ``time``, ``gres``.

    Raises:
        EngineError: no Slurm here, a job was refused or cancelled, or a worker cannot go on.
    """
    n, setting = at_once or AT_ONCE, setting_of(runner).on(device)
    executor = make_executor(runner.folder / "slurm", n, with_card(device, parameters))
    todo = runner.begin(n)
    cells = {cell.id: cell for cell in runner.plan.cells}
    queue = Queue(cut(todo, setting, n))
    try:
        with terminable(), runner.computing():
            barren = 0
            while groups := grouped(queue, n, runner.desk.settled):
                before = len(runner.desk.settled)
                tasks = submit(executor, setting, groups)
                wait(tasks, runner)
                if len(runner.desk.settled) > before:
                    barren = 0
                elif all(task.ended_well for task in tasks):  # another run is at work on all that is left
                    time.sleep(BUSY_SECONDS)
                else:
                    barren += 1
                for lost in settle(tasks, queue, runner.desk.settled):
                    reason = f"{counted(lost.deaths, 'job')} ended on it without a record"
                    runner.give_up(cells[lost.cell], lost.jobs, Failure("crashed", reason))
                if barren == BARREN:
                    raise EngineError(f"{BARREN} arrays made no record; their logs are in {executor.folder}")
    finally:
        runner.observer.finish()


def with_card(device: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters of sbatch; with a card for each job that needs one and does not say which."""
    asks = any(name.startswith(("gres", "gpus")) for name in parameters)
    return dict(parameters) | ({} if asks or not device.startswith("cuda") else {"gres": "gpu:1"})


def make_executor(folder: Path, at_once: int, parameters: Mapping[str, str]) -> Any:
    """What submits arrays of which so many tasks run at once; its files lie in a folder.

    Raises:
        EngineError: this machine has no Slurm.
    """
    import submitit

    if shutil.which("sbatch") is None:
        raise EngineError("--engine slurm: this machine has no `sbatch`; run it where you submit jobs")
    warnings.filterwarnings("ignore", module="submitit")
    executor = submitit.SlurmExecutor(folder=folder.absolute(), max_num_timeout=0)
    further = {name: value or True for name, value in parameters.items()}
    executor.update_parameters(
        job_name="bench",
        time=None,
        array_parallelism=at_once,
        additional_parameters={"requeue": True} | further,
    )
    return executor


def grouped(queue: Queue, at_once: int, settled: set[str]) -> list[list[Shard]]:
    """The shards of each task: of one prior, spread so that rows of long and of short images mix."""
    by_prior: dict[str, list[Shard]] = {}
    while free := queue.next("", settled):
        by_prior.setdefault(free.prior, []).append(free)
    tasks: list[list[Shard]] = []
    for shards in by_prior.values():
        whole: list[Shard] = []
        for shard in shards:
            if shard.deaths:
                tasks.append([shard])
            else:
                whole.append(shard)
        n = min(len(whole), PARTS * at_once)
        tasks += [whole[i::n] for i in range(n)]
    return tasks


def submit(executor: Any, setting: WorkerSetting, groups: Sequence[list[Shard]]) -> list[ArrayTask]:
    """Submits arrays of at most `MOST_TASKS` tasks.

    Raises:
        EngineError: Slurm refuses, for instance an unknown partition.
    """
    tasks = []
    for first in range(0, len(groups), MOST_TASKS):
        part = groups[first : first + MOST_TASKS]
        jobs = _submit(executor, setting, part)
        for job, shards in zip(jobs, part, strict=True):
            tasks.append(ArrayTask(job.job_id, shards, job))
    return tasks


def _submit(executor: Any, setting: WorkerSetting, groups: Sequence[list[Shard]]) -> list[Any]:
    """Submits one array, again and again where Slurm is busy."""
    import submitit

    for attempt in range(1, SUBMISSIONS + 1):
        try:
            with surroundings():
                jobs: list[Any] = executor.map_array(work, [setting] * len(groups), groups)
        except submitit.core.utils.FailedJobError as error:
            reason = refusal(str(error))
            if attempt == SUBMISSIONS or not any(word in reason for word in BUSY):
                raise EngineError(f"--engine slurm: sbatch refuses: {reason}") from None
            time.sleep(BUSY_SECONDS)
        else:
            return jobs
    raise AssertionError


def refusal(text: str) -> str:
    """The line of sbatch's that says why: the last error, or the last line where none is called one."""
    told = ""
    for line in map(str.strip, text.splitlines()):
        if "error:" in line or (line and "error:" not in told):
            told = line
    return (told or "no reason given").removeprefix("sbatch: ").removeprefix("error: ")


def work(setting: WorkerSetting, shards: Sequence[Shard]) -> str:
    """Computes shards, inside a job; why it could not go on, or nothing.

    Whatever another run is at work on is left to it: a job does not wait.
    """
    with ending(Worker(setting)) as worker:
        for shard in shards:
            result: Result = worker.run(shard)
            if result.error:
                return result.error
    return ""


def wait(tasks: Sequence[ArrayTask], runner: Runner) -> None:
    """Waits until no task is in Slurm's queue any more, and tells of the records that come in.

    A driver that is interrupted cancels its jobs.
    """
    try:
        while note_states(tasks):
            time.sleep(LOOK)
            runner.look()
    except BaseException:
        subprocess.run(["scancel", *arrays(tasks)], check=False, capture_output=True)  # noqa: S603, S607 - Slurm's own
        raise
    runner.look()


def arrays(tasks: Sequence[ArrayTask]) -> set[str]:
    """The numbers of the arrays that tasks belong to."""
    return {task.id.partition("_")[0] for task in tasks}


def not_ended(tasks: Sequence[ArrayTask]) -> list[ArrayTask]:
    """The tasks that had not ended at the last look."""
    return [task for task in tasks if task.state not in ENDED]


def note_states(tasks: Sequence[ArrayTask]) -> int:
    """Asks Slurm for the states of tasks; how many have not ended."""
    waiting = not_ended(tasks)
    if not waiting:
        return 0
    ids = ",".join(arrays(waiting))
    command = ["squeue", "--states=all", "--noheader", "--array", "--format=%i %T", f"--jobs={ids}"]
    asked = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - Slurm's own
    if asked.returncode and "Invalid job id" not in asked.stderr:
        return len(waiting)  # Slurm does not answer now; the jobs go on
    states = dict(line.split(maxsplit=1) for line in asked.stdout.splitlines() if " " in line)
    for task in waiting:
        task.state = states.get(task.id, "COMPLETED")
    return len(not_ended(waiting))


def settle(tasks: Sequence[ArrayTask], queue: Queue, settled: set[str]) -> list[Shard]:
    """Puts back what the tasks left, and returns what is given up.

    The first shard that is not done is to blame for a task that failed by itself; the others never began.

    Raises:
        EngineError: a worker could not go on, or tasks were cancelled.
    """
    lost = []
    for task in tasks:
        left = [shard for shard in task.shards if not shard.is_settled(settled)]
        if error := task.error if left else "":
            raise EngineError(error)
        if left and task.state == "CANCELLED":
            raise EngineError("jobs were cancelled; run again to go on")
        if left and task.state not in BLAMELESS:
            given_up = queue.note_death(left.pop(0), settled)
            lost += [given_up] if given_up else []
        for shard in reversed(left):
            queue.put_back(shard)
    return lost
