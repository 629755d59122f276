"""Runs searches, several at once if asked to: each is a function of what is asked and of its own records."""

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path

from bench.data import DataError
from bench.plan.options import mode
from bench.priors import PriorError
from bench.records.files import StoreError
from bench.run.failures import describe
from bench.suites.yamlfile import SuiteError
from bench.system.code.user_code import UserCodeError
from bench.system.device import cores
from bench.system.locks import exclusive
from bench.tune.request import SearchRequest, make_search, refuse_budget
from bench.tune.search import Found

PAUSE = 1.0
"""Seconds between two looks whether the parent of a worker is alive."""
REQUEST = SuiteError, DataError, PriorError, UserCodeError
"""What is raised where a request does not make sense."""
Tell = Callable[[SearchRequest, Found], None]
"""Is told how far a search is."""


def run_search(asked: SearchRequest, tell: Tell) -> Found:
    """Runs one search to its end.

    Args:
        tell: called with what is found after every batch that is computed.

    Raises:
        SuiteError: what is asked does not make sense.
        StoreError: another process is at the same search.
    """
    with mode(asked.options), alone(asked.folder):
        search = make_search(asked)
        if isinstance(search, str):
            return Found(refusal=search)
        if not search.recorded([search.first()]):
            least, _ = search.trials.cost(search.first())
            if least > asked.evaluations:
                refuse_budget(asked, least)
        search.tell = partial(tell, asked)
        return search.run()


def found_or_failure(asked: SearchRequest, tell: Tell) -> Found:
    """Runs one search to its end; where it cannot be ended, says why."""
    try:
        return run_search(asked, tell)
    except Exception as error:  # noqa: BLE001 - other searches, which take hours, go on
        reason = " ".join(describe(error).splitlines())
        return Found(failure=reason, is_request=isinstance(error, REQUEST))


def run_searches(
    requests: Sequence[SearchRequest], workers: int, tell: Tell
) -> Iterator[tuple[SearchRequest, Found]]:
    """Runs searches and yields each with what it found: in their order, or by several workers as they end.

    What goes wrong in a search costs that search only. A worker that dies costs all that had not ended.
    """
    if workers <= 1:
        for asked in requests:
            yield asked, found_or_failure(asked, tell)
        return
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    threads = max(1, cores() // workers)
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin, initargs=(os.getpid(), stop, threads)
    )
    futures = {pool.submit(found_or_failure, asked, tell): asked for asked in requests}
    try:
        for future in as_completed(futures):
            yield futures[future], _result(future)
    except BaseException:
        stop.set()  # a worker has searches in hand, which take hours and cannot be cancelled
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _result(future: Future[Found]) -> Found:
    """What a worker found."""
    try:
        return future.result()
    except BrokenProcessPool:
        return Found(failure="a worker died; what it recorded is kept: run again to go on")


def _begin(parent: int, stop: Event, threads: int) -> None:
    """Gives a worker its share of the processors, and ends it with its parent, or when it is told to stop."""
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads)

    def watch() -> None:
        while os.getppid() == parent and not stop.wait(PAUSE):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder.

    Raises:
        StoreError: another process is there, or the folder cannot be written.
    """

    def refuse() -> None:
        raise StoreError(f"another search works in {folder}; wait for it, or choose another folder by --out")

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(folder / "tune", refuse):
            yield
    except StoreError:
        raise
    except PermissionError as error:
        raise StoreError(f"cannot write into {folder}: {error.strerror}; choose another by --out") from None
