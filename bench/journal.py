"""Writing of run folders: the append-only journal of one process, and files that are there as a whole or not at all."""

import contextlib
import os
import re
import socket
import zlib
from pathlib import Path

from bench.records import FORMAT, Record, StoreError, canonical, finite


class Journal:
    """The writer of one process. Opens its own new file at the first `append`, and again after a fork or a failed write.

    Raises:
        StoreError: the folder cannot be made or written.

    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder) / "journal"
        self._fd, self._pid = None, None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make {self.folder}: {error.strerror}; choose another folder with --out") from error
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise StoreError(f"cannot write into {self.folder}: no permission; choose another folder with --out")

    def append(self, record: Record) -> None:
        """Writes one record; when this returns, it survives a kill and a power cut.

        Raises:
            StoreError: the disk is full or failing. Everything appended before stays readable, and a later call works again
                once there is space.

        """
        body = canonical({"format": FORMAT} | finite(vars(record))).encode()
        line = b"%08x %s\n" % (zlib.crc32(body), body)
        if self._pid != os.getpid():
            self._open()
        try:
            written = os.write(self._fd, line)
            if written == len(line):
                getattr(os, "fdatasync", os.fsync)(self._fd)
                return
            reason = f"{written} of {len(line)} bytes were written: disk full?"
        except OSError as error:
            reason = error.strerror
        self.close()
        raise StoreError(f"cannot append to {self.folder}: {reason}. Records up to here are kept; run again to resume")

    def _open(self) -> None:
        path = self.folder / f"{journal_stem(os.getpid())}{os.urandom(4).hex()}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            self._fd, self._pid = os.open(path, flags, 0o644), os.getpid()
        except OSError as error:
            raise StoreError(f"cannot open {path}: {error.strerror}; choose another folder with --out") from error

    def close(self) -> None:
        """Closes the file; a further `append` opens a new one."""
        if self._fd is not None and self._pid == os.getpid():
            os.close(self._fd)
        self._fd, self._pid = None, None

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def journal_stem(pid: int) -> str:
    """How the names of the journals of a process of this machine begin."""
    host = re.sub(r"[^A-Za-z0-9_.]", "-", socket.gethostname()) or "host"
    return f"{host}-{pid}-"


def wrote_records(folder: str | Path, pid: int) -> bool:
    """Whether a process of this machine opened a journal here, which it does at its first record."""
    return any((Path(folder) / "journal").glob(f"{journal_stem(pid)}*.jsonl"))


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
