"""Ray on this machine for one run, or a cluster that this process joins: nobody else's Ray is touched."""

import contextlib
import importlib
import logging
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.run.engines.work import EngineError, surroundings
from bench.system.device import cores, memory_limit
from bench.system.locks import Claims

OBJECT_STORE = 80_000_000
"""Bytes of Ray's shared memory; shards and places are all that goes through it."""
QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
SURROUNDINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_memory_monitor_refresh_ms": "0",  # it takes the page cache of a container for used memory
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else workers that name their card see none
}
REACH_SECONDS = 5.0
LONGEST_FOLDER = 40
"""Characters of the temporary folder: with what Ray adds, a socket's path may have 107."""
PREFIX = "bench-ray-"
NEW_SECONDS = 60.0
"""In which a folder may have no lock yet."""
LOCK, LOCKED = "driver.lock", "0"
"""File of a temporary folder, and the key by which its driver holds it."""


@contextlib.contextmanager
def started(workers: int) -> Iterator[None]:
    """A Ray on this machine for so many workers, which share its processors; it ends at the end."""
    import ray

    hush()
    threads = str(max(1, cores() // workers))
    with short_folder() as folder, surroundings(**SURROUNDINGS, OMP_NUM_THREADS=threads):
        try:
            ray.init(
                address="local",
                num_cpus=workers,
                num_gpus=0,
                object_store_memory=OBJECT_STORE,
                _memory=memory_limit(),
                _temp_dir=str(folder),
                include_dashboard=False,
                **QUIET,
            )
            yield
        finally:
            ray.shutdown()


@contextlib.contextmanager
def joined(address: str) -> Iterator[None]:
    """A cluster, which is left as it was.

    Raises:
        EngineError: it cannot be reached, or has another token.
    """
    import ray

    check_reach(address)
    hush()
    try:
        ray.init(address=address, **QUIET)
    except (RuntimeError, ConnectionError, ray.exceptions.AuthenticationError) as error:
        ray.shutdown()
        raise EngineError(f"--address {address}: {refusal(error)}") from None
    try:
        yield
    finally:
        ray.shutdown()


def refusal(error: Exception) -> str:
    """Why a cluster refuses a driver, in a line."""
    reason = (str(error).splitlines() or ["no answer"])[0]
    if reason.startswith("Failed to connect") or "oken" in reason:  # a port that answers
        same = "copy ~/.ray/auth_token of its head here, or set RAY_AUTH_TOKEN_PATH"
        return f"the cluster does not let this process in; has it another token? {same}"
    return reason


def hush() -> None:
    """Keeps Ray from printing on stdout, where results go, what its errors say already; it has no switch."""
    module: Any = importlib.import_module("ray._private.worker")
    module.print_to_stdstream = lambda *_, **__: None


def check_reach(address: str) -> None:
    """Makes sure that somebody listens at an address.

    Raises:
        EngineError: nobody does, or it is none.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise EngineError(f"--address {address}: expected HOST:PORT, as `ray start --head` prints it")
    try:
        socket.create_connection((host, int(port)), REACH_SECONDS).close()
    except OSError as error:
        reason = error.strerror or str(error)
        start = f"start one with `ray start --head --port {port}`"
        raise EngineError(f"--address {address}: no cluster there ({reason}); {start}") from None


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A temporary folder with a short path, and without those of drivers that were killed."""
    root = Path(tempfile.gettempdir())
    if len(str(root)) + len(PREFIX) + 8 > LONGEST_FOLDER:
        root = Path("/tmp")  # noqa: S108 - a name that nobody else has is made in it
    remove_abandoned(root)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
    lock = Claims(folder / LOCK)
    lock.take(LOCKED)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def remove_abandoned(root: Path) -> None:
    """Removes our folders below ``root`` whose driver is gone, which the lock tells.

    What is left of its Ray may write for a while: a folder may come back, and goes the next time.
    """
    if sys.platform == "win32":
        return
    for folder in root.glob(f"{PREFIX}*"):
        lock = Claims(folder / LOCK)
        with contextlib.suppress(OSError):
            is_new = time.time() - folder.stat().st_mtime < NEW_SECONDS
            if (not is_new or (folder / LOCK).exists()) and lock.take(LOCKED):
                shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def resources() -> dict[str, float]:
    """What the cluster has: "CPU" and "GPU"."""
    import ray

    return dict(ray.cluster_resources())
