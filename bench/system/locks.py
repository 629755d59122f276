"""Locks between processes.

The operating system drops a lock with the process that holds it, so no lock is ever stale.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

if sys.platform != "win32":  # Windows has no such locks: processes are not kept apart there
    import fcntl

POLL = 0.5
"""Seconds between two looks at a lock that another process holds."""


@contextlib.contextmanager
def exclusive(path: Path, waiting: Callable[[], object] = lambda: None) -> Iterator[bool]:
    """Holds the lock of a file, ``<name>.lock`` beside it, and says whether it had to wait for it.

    After a wait, another process may have done the work: look again. On a file system without locks nobody
    waits.

    Args:
        path: the file, which need not exist; its folder is made.
        waiting: called now and then while another process holds the lock.

    Yields:
        Whether another process held the lock before.

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
        # Removed while it is held: whoever opened it before finds that it is no longer the lock.
        with contextlib.suppress(OSError):
            lock.unlink()
        os.close(file)


def _take(file: int) -> bool:
    """Takes the lock if nobody holds it; whether it is ours now."""
    if sys.platform == "win32":
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
