"""Files of a run folder that are there as a whole or not at all."""

import contextlib
import os
from pathlib import Path


class StoreError(OSError):
    """The run folder cannot be written or read: full disk, missing rights, a newer format."""


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
