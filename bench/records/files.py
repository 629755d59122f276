"""Files of a run folder that are there as a whole or not at all."""

import contextlib
import os
import re
import time
from pathlib import Path

LEFTOVER = re.compile(r"\..+\.\d+\.[0-9a-f]{8}\.part")
LEFTOVER_SECONDS = 3600.0


class StoreError(OSError):
    """The run folder cannot be written or read: full disk, missing rights, a newer format."""


def remove_leftovers(folder: str | Path) -> None:
    """Removes the parts of files that `write_atomic` left an hour ago or earlier, when it was killed."""
    old = time.time() - LEFTOVER_SECONDS
    for path in Path(folder).rglob(".*.part"):
        with contextlib.suppress(OSError):
            if LEFTOVER.fullmatch(path.name) and path.stat().st_mtime < old:
                path.unlink()


def check_run_folder(folder: str | Path) -> None:
    """Makes sure that a folder is one of a run.

    Raises:
        StoreError: it is not there, or has neither a journal nor a manifest.
    """
    place = Path(folder)
    if not place.is_dir():
        raise StoreError(f"no run folder {folder}; run a suite first")
    if not (place / "journal").is_dir() and not (place / "manifest").is_dir():
        raise StoreError(f"{folder} is no run folder: it has neither a journal nor a manifest")


def write_atomic(path: str | Path, data: bytes) -> None:
    """Writes a file so that it is there as a whole or not at all, and makes its folder.

    Raises:
        StoreError: full disk or missing rights.

    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
