"""Finds the files that operators need, that this project may not ship, and that the user supplies."""

import os
from pathlib import Path
from typing import NamedTuple

from bench.system.cache import cache_dir


class Version(NamedTuple):
    """A file as it is now; equal to a later version as long as the file was not changed."""

    path: Path
    changed: int
    """Time of the last change, in nanoseconds."""
    size: int


def supplied_file(operator: str, file: str, variable: str, what: str) -> Version:
    """The file in the environment ``variable``, or else ``file`` in the folder "operators" of the cache.

    Args:
        operator: who needs the file; starts the message.
        what: what to fetch, in words.

    Raises:
        ValueError: there is no such file; the message says what to fetch and where to put it.
    """
    given = os.environ.get(variable)
    path = Path(given).expanduser() if given else cache_dir() / "operators" / file
    if path.is_file():
        status = path.stat()
        return Version(path, status.st_mtime_ns, status.st_size)
    if given:
        raise ValueError(f"{operator}: no file {path}, which {variable} names; it should be {what}")
    raise ValueError(f"{operator} needs {what}: save it as {path}, or set {variable} to its path")
