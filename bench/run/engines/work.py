"""The worker of the engines that use other processes: it makes the plan again, holds a prior, and computes.

It is handed shards and hands back nothing but how they went. Records go from the worker into the run folder,
which all workers share, and only records say what is done: a shard may be run twice, in parts, or by another
worker.
"""

import contextlib
import math
import os
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

import bench
from bench.plan.build import prepare
from bench.plan.cell import Cell, Job
from bench.plan.options import Options, mode
from bench.plan.request import make_request, parse_request
from bench.records.journal import History
from bench.records.lines import BriefReader
from bench.records.manifest import Request
from bench.run.failures import describe
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.run.score import Scored, what_is_scored

MOST_IMAGES = 32
"""Images of a shard, at most: minutes of work, so that workers end at about the same time."""


class EngineError(OSError):
    """An engine cannot work here, or lost its workers: the message says which, why, and what to do."""


@dataclass(frozen=True)
class Shard:
    """Some jobs of one cell, and how often workers died on all of them."""

    cell: str
    prior: str
    jobs: tuple[Job, ...]
    deaths: int = 0

    def is_settled(self, settled: Collection[str]) -> bool:
        """Whether all of it is recorded."""
        return all(job.key in settled for job in self.jobs)


class Result(NamedTuple):
    """How a shard went: the jobs that other runs are at work on, or why the worker cannot go on, and what its
    runner noted.
    """

    left: tuple[Job, ...] = ()
    error: str = ""
    notes: tuple[str, ...] = ()


class Notes(Observer):
    """Keeps what a worker's run notes, until the driver is told."""

    def __init__(self) -> None:
        self._kept: list[str] = []

    def note(self, text: str) -> None:
        self._kept.append(text)

    def take(self) -> tuple[str, ...]:
        """What was noted since the last call."""
        kept, self._kept = tuple(self._kept), []
        return kept


class WorkerPlace(NamedTuple):
    """Where a worker computes."""

    host: str
    pid: int
    card: str
    """UUID of the card, which is one in all the world; empty for a processor."""


@dataclass(frozen=True)
class WorkerSetting:
    """What a worker must know.

    Attributes:
        known: journal -> bytes that the driver has read; what is recorded there is in no shard.
    """

    asked: Request
    options: Options
    folder: Path
    scored: Scored
    known: Mapping[Path, int]

    def on(self, device: str) -> "WorkerSetting":
        """The same on another device."""
        return replace(self, options=replace(self.options, device=device))


def setting_of(runner: Runner) -> WorkerSetting:
    """What the workers of a run must know. Paths are written from the root of the file system."""
    plan, root = runner.plan, runner.plan.options.data_root
    options = replace(plan.options, data_root=None if root is None else root.absolute())
    known = runner.history.marks
    known = {path.absolute(): size for path, size in known.items()}
    asked = make_request(plan.suite, options)
    return WorkerSetting(asked, options, runner.folder.absolute(), what_is_scored(plan.cells), known)


def prior_names(asked: Request) -> dict[str, str]:
    """Task -> the name of its prior."""
    return {task["name"]: task.get("prior") or asked.suite["prior"] for task in asked.suite["tasks"]}


def cut(todo: Sequence[tuple[Cell, Sequence[Job]]], setting: WorkerSetting, workers: int) -> list[Shard]:
    """Cuts what is missing into shards, prior by prior.

    Args:
        workers: how many there are; each gets a part of a large cell.
    """
    priors, batch = prior_names(setting.asked), setting.options.batch
    shards = []
    for cell, jobs in todo:
        share = min(MOST_IMAGES, math.ceil(len(jobs) / workers))
        size = math.ceil(share / batch) * batch or batch
        for first in range(0, len(jobs), size):
            part = tuple(jobs[first : first + size])
            shards.append(Shard(cell.id, priors[cell.task.name], part))
    order = list(dict.fromkeys(shard.prior for shard in shards))
    return sorted(shards, key=lambda shard: order.index(shard.prior))


class Worker:
    """Computes shards, one after another. It holds one prior, and loads another when a shard needs it."""

    def __init__(self, setting: WorkerSetting) -> None:
        self.setting = setting
        self._prior = ""
        self._notes = Notes()
        self._open = contextlib.ExitStack()

    def place(self) -> WorkerPlace:
        """Where it computes."""
        return WorkerPlace(socket.gethostname(), os.getpid(), card(self.setting.options.device))

    def run(self, shard: Shard) -> Result:
        """Computes what of a shard is neither recorded nor claimed; whatever is raised is in the result."""
        try:
            if shard.prior != self._prior:
                self._load(shard.prior)
            cell = self._cells.get(shard.cell)
            if cell is None:
                reason = "other settings or other code than the process that started it"
                raise EngineError(f"a worker on {socket.gethostname()} has {reason}")
            left = tuple(self._runner.compute(cell, shard.jobs))
            return Result(left, notes=self._notes.take())
        except Exception as error:  # noqa: BLE001 - it goes to whoever waits for this shard
            return Result(error=describe(error))

    def _load(self, prior: str) -> None:
        """Makes the plan of the tasks with this prior, after the last one is forgotten."""
        self.close()
        self._open.enter_context(mode(self.setting.options))
        self._runner = self._make_runner(prior)
        self._cells = {cell.id: cell for cell in self._runner.plan.cells}
        self._open.enter_context(self._runner.computing())
        self._prior = prior

    def _make_runner(self, prior: str) -> Runner:
        setting, fields = self.setting, Options.__dataclass_fields__
        where: dict[str, Any] = {name: getattr(setting.options, name) for name in fields}
        suite, options = parse_request(setting.asked, **where)
        priors = prior_names(setting.asked)
        tasks = tuple(row for row in suite.tasks if priors[row.name] == prior)
        plan = prepare(suite.model_copy(update={"tasks": tasks, "fid_stats": None}), options)
        history = History(setting.folder, BriefReader(), setting.known)
        runner = Runner(plan, setting.folder, self._notes, history=history, scored=setting.scored)
        runner.desk.settled.update(record.key for record in history.attempts)  # since the shards were cut
        return runner

    def close(self) -> None:
        """Forgets the prior, and gives all claims back."""
        self._open.close()
        self._prior, self._runner, self._cells = "", None, {}  # type: ignore[assignment]


@contextlib.contextmanager
def surroundings(**wanted: str) -> Iterator[None]:
    """Environment variables for workers that are started inside, where the user has not set them.

    Workers import this package, not another one that is installed.
    """
    before, root = dict(os.environ), str(Path(bench.__file__).parents[1])
    os.environ.update({name: value for name, value in wanted.items() if name not in before})
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, before.get("PYTHONPATH")]))
    try:
        yield
    finally:
        for name in {*wanted, "PYTHONPATH"}:
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]


def card(device: str) -> str:
    """The UUID of a card; empty for a processor."""
    if torch.device(device).type != "cuda":
        return ""
    return str(torch.cuda.get_device_properties(torch.device(device)).uuid)


@contextlib.contextmanager
def ending(worker: Worker) -> Iterator[Worker]:
    """Closes a worker at the end."""
    try:
        yield worker
    finally:
        worker.close()
