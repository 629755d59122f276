"""The data that users' own code reads: which files it says it reads, and which it opens."""

import contextlib
import os
import site
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from bench.system.cache import cache_dir


class UserCodeError(ValueError):
    """A class that a user names cannot be used; the message says what, where and why."""


_OPENED: ContextVar[set[str] | None] = ContextVar("opened", default=None)
CODE = frozenset({".py", ".pyc", ".so", ".pth"})
"""Endings of files that are code, or say where code is."""


@contextlib.contextmanager
def reading() -> Iterator[set[str]]:
    """Collects the names of the files that are opened inside for reading, in this thread and by Python."""
    _listen()
    opened: set[str] = set()
    before = _OPENED.set(opened)
    try:
        yield opened
    finally:
        _OPENED.reset(before)


@cache
def _listen() -> None:
    """Hears of every file that is opened from now on; Python has no way to stop this."""
    sys.addaudithook(_hear)


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if event != "open":
        return
    opened = _OPENED.get()
    path, mode, flags = args
    is_read = not (mode or "r").strip("rbtU") and not (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if opened is not None and is_read and isinstance(path, (str, bytes)):
        opened.add(os.fsdecode(path))


def data_files(opened: set[str]) -> set[Path]:
    """The files among those opened that are data: no code, and no part of the system or of a cache."""
    found = set()
    for path in (Path(name).absolute() for name in opened):
        if path.suffix not in CODE and path.is_file() and not any(map(path.is_relative_to, _elsewhere())):
            found.add(path)
    return found


@cache
def _elsewhere() -> tuple[Path, ...]:
    """Folders of the system, of installed packages and of caches."""
    packages = [sys.prefix, sys.base_prefix, *site.getsitepackages()]
    system = ["/proc", "/sys", "/dev", "/etc", "/usr", *packages]
    home = (Path.home() / ".cache", Path.home() / ".config", cache_dir())
    return (*map(Path, system), *home)


def declared_files(cls: type) -> set[Path]:
    """The data that a user's class says it reads: ``files``, names beside the file that says so.

    Raises:
        UserCodeError: there is no such file.
    """
    found = set()
    for ancestor in cls.__mro__:
        source = getattr(sys.modules[ancestor.__module__], "__file__", None)
        if source is None:
            continue
        for name in vars(ancestor).get("files", ()):
            path = Path(source).resolve().parent / name
            if not path.is_file():
                raise UserCodeError(f"{ancestor.__name__}.files names '{name}', but there is no {path}")
            found.add(path.resolve())
    return found


def refuse_undeclared(cls: type, opened: set[str]) -> None:
    """Refuses a user's class that reads data of which it does not say so: no key would know of a change.

    Args:
        opened: as of `reading`.

    Raises:
        UserCodeError: it read a file that is not among its `declared_files`.
    """
    read = {path.resolve() for path in data_files(opened)}
    if undeclared := sorted(read - declared_files(cls)):
        path = undeclared[0]
        say = f'say `files = ("{path.name}",)` in the class, with the path from its own file'
        raise UserCodeError(f"{cls.__name__} reads {path}, and a change of it would go unseen: {say}")
