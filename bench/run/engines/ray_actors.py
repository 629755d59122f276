"""Workers as actors of Ray: several on one machine, or on all machines of a cluster.

Ray starts the workers and tells when one dies. It keeps nothing: what is to be done is in the driver's queue,
what is done in the records. A worker that died is replaced by a new one, which joins when there is room for
it. The driver starts and ends a Ray of its own, or joins a cluster that it leaves as it was.
"""

import contextlib
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.names import counted
from bench.run.engines.devices import cluster_devices, local_devices
from bench.run.engines.queue import Queue
from bench.run.engines.ray_sessions import joined, resources, started
from bench.run.engines.stopping import terminable
from bench.run.engines.work import (
    EngineError,
    Result,
    Shard,
    Worker,
    WorkerPlace,
    WorkerSetting,
    cut,
    setting_of,
)
from bench.run.failures import Failure, describe
from bench.run.runner import Runner

if TYPE_CHECKING:
    from ray.actor import ActorHandle

LOOK = 0.2
"""Seconds between two looks at the records."""
START_SECONDS = 300.0
"""In which the first worker must be there, or a lost one replaced where no other is left."""
CREATION = "error raised in its creation task"
"""In what Ray says of a worker that never was."""
MOST_DEATHS = 10
"""Deaths of workers in a row with no record in between: it is no image that kills them."""


class Actor(Worker):
    """A worker in a process of Ray's, which ends at once where it is told to.

    Ray would raise SystemExit wherever it is, and a solver's own looks the same: a failed reconstruction.
    """

    def __init__(self, setting: WorkerSetting) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        super().__init__(setting)


@dataclass(eq=False)
class Hand:
    """One worker: where it should compute, what it does now, and where it is once it is there."""

    device: str
    actor: "ActorHandle[Any]"
    shard: Shard | None = None
    place: WorkerPlace | None = None
    prior: str = ""
    """The prior of its last shard."""


def run_ray(runner: Runner, workers: str, device: str, address: str = "") -> None:
    """Runs what a plan lacks in workers of Ray.

    Args:
        workers: how many, or their devices, as `local_devices` takes them.
        device: what a number of workers is about.
        address: of a cluster, "HOST:PORT"; without one, a Ray is started on this machine.

    Raises:
        EngineError: no worker can be had, two share a card, or a worker cannot go on.
    """
    setting, began = setting_of(runner), time.monotonic()
    with terminable(), contextlib.ExitStack() as stack:
        if address:
            stack.enter_context(joined(address))
            devices = cluster_devices(workers, device, resources())
        else:
            devices = local_devices(workers, device)
            stack.enter_context(started(len(devices)))
        stack.enter_context(terminable())  # Ray has a handler of its own by now
        stack.enter_context(runner.computing())
        todo = runner.begin(len(devices))
        stack.callback(runner.observer.finish)
        Crew(runner, setting, Queue(cut(todo, setting, len(devices))), bool(address)).work(devices, began)


class Crew:
    """The workers of a run and the loop that feeds them.

    Args:
        pinned: whether Ray gives each worker its card, rather than all cards to all.
    """

    def __init__(self, runner: Runner, setting: WorkerSetting, queue: Queue, pinned: bool) -> None:
        self.runner, self.setting, self.queue, self.pinned = runner, setting, queue, pinned
        self.cells = {cell.id: cell for cell in runner.plan.cells}
        self._hands: dict[Any, Hand] = {}
        """What a worker was asked -> the worker."""
        self._idle: list[Hand] = []
        self._deaths = 0
        self._told_waiting = False
        self._noted: set[str] = set()
        self._since = time.monotonic()
        """When a worker was last known to be alive."""
        self._expected = 0
        """Workers of the start that are not there yet."""
        self._began = self._since

    def work(self, devices: list[str], began: float | None = None) -> None:
        """Feeds workers on these devices until nothing is left.

        Args:
            began: when the engine began to start, on the monotonic clock; by default, when this was made.
        """
        import ray

        self._expected, self._began = len(devices), began or self._began
        for device in devices:
            self._hire(device)
        while self.queue or any(hand.shard for hand in self._hands.values()):
            self._feed()
            if not self._hands:  # all that is left is at work in another run
                time.sleep(LOOK)
                continue
            done, _ = ray.wait(list(self._hands), timeout=LOOK)
            for asked in done:
                self._settle(asked, self._hands.pop(asked))
            before = len(self.runner.desk.settled)
            self.runner.look()
            if len(self.runner.desk.settled) > before:
                self._deaths = 0
            self._check_life()

    def _hire(self, device: str) -> None:
        """Asks for one more worker; it joins when it says where it is."""
        import ray

        is_card = device.startswith("cuda")
        share = {"num_gpus": 1 if is_card and self.pinned else 0, "num_cpus": 1}
        own = "cuda" if is_card and self.pinned else device
        made: Any = ray.remote(Actor).options(**share, max_restarts=0, max_task_retries=0)
        hand = Hand(device, made.remote(self.setting.on(own)))
        self._hands[hand.actor.place.remote()] = hand

    def _feed(self) -> None:
        """Gives a shard to each worker that has none, as long as there are any."""
        for hand in list(self._idle):
            shard = self.queue.next(hand.prior, self.runner.desk.settled)
            if shard is None:
                return
            self._idle.remove(hand)
            hand.shard, hand.prior = shard, shard.prior
            self._hands[hand.actor.run.remote(shard)] = hand

    def _settle(self, asked: Any, hand: Hand) -> None:
        """Takes the answer of a worker, or notes its death."""
        import ray

        shard, hand.shard = hand.shard, None
        try:
            answer = ray.get(asked)
        except ray.exceptions.RayTaskError as error:
            raise EngineError(f"a worker could not start: {describe(error.cause)}") from None
        except ray.exceptions.RayError as error:
            self._note_death(hand, shard, str(error))
            return
        self._since = time.monotonic()
        self._idle.append(hand)
        if shard is None:
            self._welcome(hand, answer)
        else:
            self._take(shard, answer)

    def _welcome(self, hand: Hand, place: WorkerPlace) -> None:
        """Notes where a worker is.

        Raises:
            EngineError: another worker has the same card.
        """
        for other in (*self._hands.values(), *self._idle):
            known = other.place
            if known is not None and place.card and known.card == place.card:
                who = f"processes {known.pid} and {place.pid} on {place.host}"
                raise EngineError(f"two workers have one card, {place.card}: {who}; one worker per card")
        hand.place = place
        self._expected -= 1
        if self._expected == 0:
            seconds = time.monotonic() - self._began
            self.runner.observer.note(f"the engine started in {seconds:.1f} s; now all workers compute")

    def _take(self, shard: Shard, result: Result) -> None:
        if result.error:
            raise EngineError(result.error)
        for note in result.notes:
            if note not in self._noted:  # each worker says it
                self._noted.add(note)
                self.runner.observer.note(note)
        if result.left:
            if not self._told_waiting:
                n = counted(len(result.left), "image")
                self.runner.observer.note(f"{n} and perhaps more at work in another run")
            self._told_waiting = True
            self.queue.put_off(Shard(shard.cell, shard.prior, result.left, shard.deaths))

    def _note_death(self, hand: Hand, shard: Shard | None, told: str) -> None:
        """Replaces a worker that died, and gives up an image that killed as many as it may.

        Args:
            told: what Ray says of its death.

        Raises:
            EngineError: a worker could not be made, or too many died.
        """
        if CREATION in told:
            raise EngineError(f"a worker could not start: {told.strip().splitlines()[-1]}")
        self._deaths += 1
        who = f"worker {hand.place.pid} on {hand.place.host}" if hand.place else "a worker"
        self.runner.observer.note(f"{who} died; another takes its place")
        if self._deaths >= MOST_DEATHS:
            what = f"{MOST_DEATHS} workers in a row died without a record"
            raise EngineError(f"{what}; --shard 1/1 in one process shows why")
        self.runner.look()
        lost = self.queue.note_death(shard, self.runner.desk.settled) if shard else None
        if lost:
            reason = f"its worker died {lost.deaths} times"
            self.runner.give_up(self.cells[lost.cell], lost.jobs, Failure("crashed", reason))
        self._hire(hand.device)

    def _check_life(self) -> None:
        """Refuses to wait for ever where no worker is left and none comes."""
        works = self._idle or any(hand.shard for hand in self._hands.values())
        if works:
            self._since = time.monotonic()
        elif time.monotonic() - self._since > START_SECONDS:
            raise EngineError(
                f"no worker came within {START_SECONDS:.0f} s: the cluster has no room; run again to go on"
            )
