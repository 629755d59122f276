"""Files that users supply: where operators find theirs, and what a file is that is not what it should be."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from bench.system.cache import cache_dir

HEAD = 1024
"""Bytes at the start of a file that tell what it is."""
WEB_PAGE = re.compile(rb"\s*(<!--.*?-->\s*)*<(!doctype html|html|head|body|\?xml)", re.IGNORECASE | re.DOTALL)
POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n.*?size (\d+)", re.DOTALL)


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


def head_of(path: Path) -> bytes:
    """The first `HEAD` bytes of a file."""
    with path.open("rb") as file:
        return file.read(HEAD)


def stranger(path: Path) -> str:
    """What a file is where a download went wrong, and what to do; "" where it may be what it should be.

    Raises:
        OSError: the file cannot be read.
    """
    head = head_of(path)
    if not head:
        return "the file is empty; get it again"
    if pointer := POINTER.match(head):
        size = int(pointer[1]) / 1e6
        return f"a pointer of Git LFS to {size:,.1f} MB, not the file itself; `git lfs pull` gets it"
    if WEB_PAGE.match(head):
        return "a web page, as servers send instead of a file that needs a login or a click; get it by hand"
    return ""
