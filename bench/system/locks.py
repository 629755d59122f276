"""One process at a time: a lock that the operating system drops with the process that holds it, so that none
is ever stale.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows, where processes are not kept apart
    fcntl = None

POLL = 0.5
"""Seconds between two looks at a lock that another process holds."""


@contextlib.contextmanager
def exclusive(path: Path, waiting: Callable[[], object] = lambda: None) -> Iterator[bool]:
    """Holds the lock of a file, ``<name>.lock`` beside it; the context is whether another process had to be
    waited for.

    Whoever waited looks again whether there is anything left to do. On a file system without locks nobody
    waits.

    Args:
        path: the file, which need not exist; its folder is made.
        waiting: called now and then while another process holds the lock.

    Raises:
        OSError: the folder cannot be written.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock, waited = path.with_name(f"{path.name}.lock"), False
    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        if _take(file):
            if _same(file, lock):
                break
            waited = True  # its holder ended between the two
        else:
            waited = True
            waiting()
            time.sleep(POLL)
        os.close(file)
    try:
        yield waited
    finally:
        with contextlib.suppress(
            OSError
        ):  # removed while it is held: who opened it before finds that it is no longer the lock
            lock.unlink()
        os.close(file)


def _take(file: int) -> bool:
    """Whether the lock is ours now."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems know no locks
        return True
    return True


def _same(file: int, lock: Path) -> bool:
    """Whether the open file still has the lock's name."""
    try:
        return os.path.samestat(os.fstat(file), lock.stat())
    except FileNotFoundError:
        return False
