"""Files that operators need and that cannot be shipped: the user supplies them, here they are found."""

import os
from pathlib import Path

from bench.cache import cache_dir


def supplied_file(operator: str, file: str, variable: str, what: str) -> Path:
    """The path in the environment ``variable``, or else ``file`` in the folder "operators" of the cache.

    Args:
        operator: who needs the file; starts the message.
        what: what to fetch, in words.

    Raises:
        ValueError: there is no such file; the message says what to fetch and where to put it.
    """
    given = os.environ.get(variable)
    path = Path(given).expanduser() if given else cache_dir() / "operators" / file
    if path.is_file():
        return path
    if given:
        raise ValueError(f"{operator}: no file {path}, which {variable} names; it should be {what}")
    raise ValueError(f"{operator} needs {what}: save it as {path}, or set {variable} to its path")


def stamp(path: Path) -> tuple[Path, int, int]:
    """The path, the time of the last change and the size: equal as long as the file need not be read again."""
    status = path.stat()
    return path.resolve(), status.st_mtime_ns, status.st_size
