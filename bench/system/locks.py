"""Locks between processes.

The operating system drops a lock with the process that holds it, so no lock is ever stale.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
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


class Claims:
    """What the processes at work in one folder have taken, each for itself, whatever machine they run on.

    A claim is a lock on one byte of one file, whose place follows from the claimed key; the file stays empty.
    Claims of one process do not keep the process itself apart. On a file system without locks all is free.

    Args:
        path: the file; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self._pid: int | None = None

    def take(self, key: str) -> bool:
        """Claims a key, a hash in hexadecimal digits, and says whether no other process holds it.

        Raises:
            OSError: the file cannot be made.
        """
        if sys.platform == "win32":
            return True
        if self._file is None or self._pid != os.getpid():
            self._file, self._pid = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666), os.getpid()
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(key))
        except (BlockingIOError, PermissionError):
            return False
        except OSError:  # as in `_take`
            return True
        return True

    def release(self, keys: Iterable[str]) -> None:
        """Gives keys back."""
        if sys.platform == "win32" or self._file is None:
            return
        for key in keys:
            with contextlib.suppress(OSError):
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _place(key))

    def close(self) -> None:
        """Gives everything back."""
        if self._file is not None and self._pid == os.getpid():
            os.close(self._file)
        self._file = None


def _place(key: str) -> int:
    """The place of a key in the file of claims; 56 bits, so that two keys do not meet."""
    return int(key[:14], 16)
