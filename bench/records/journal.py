"""The journals of a run folder: written line by line, read as a whole or as they grow."""

import json
import os
import re
import socket
import zlib
from pathlib import Path

from bench.records.files import StoreError
from bench.records.keys import canonical, finite
from bench.records.record import DONE, FORMAT, Record

LOST = (0, 0)
"""Rank of an attempt that gave nothing."""


def read_records(*folders: str | Path) -> tuple[list[Record], int]:
    """Reads all records of some run folders.

    Of several records with one key the first ``ok`` with the most metrics wins, else the first that is done
    (`DONE`), else the latest attempt. A folder without a journal has no records.

    Returns:
        One record per key, oldest first, and the number of damaged lines that were skipped.

    Raises:
        StoreError: a line was written by a newer format.

    """
    found: list[Record] = []
    n_bad = 0
    for folder in folders:
        for path in sorted((Path(folder) / "journal").glob("*.jsonl")):
            records, bad = _read_journal(path)
            found += records
            n_bad += bad
    found.sort(key=lambda r: r.created)
    best: dict[str, Record] = {}
    for record in found:
        known = best.get(record.key)
        if known is None or _replaces(record, known):
            best[record.key] = record
    return sorted(best.values(), key=lambda r: (r.created, r.key)), n_bad


def _replaces(record: Record, known: Record) -> bool:
    """Whether a later record of the same key counts more than the known one."""
    rank, best = _rank(record), _rank(known)
    return rank > best or rank == best == LOST


class Arrivals:
    """The records that come into a run folder from now on, whoever writes them."""

    def __init__(self, folder: str | Path) -> None:
        self._journal = Path(folder) / "journal"
        self._read = {path: path.stat().st_size for path in self._journal.glob("*.jsonl")}

    def new(self) -> list[Record]:
        """The records since the last call; one whose line is not complete comes later."""
        found: list[Record] = []
        for path in sorted(self._journal.glob("*.jsonl")):
            start = self._read.get(path, 0)
            if path.stat().st_size == start:
                continue
            with path.open("rb") as file:
                file.seek(start)
                whole, end, _ = file.read().rpartition(b"\n")
            self._read[path] = start + len(whole + end)
            parsed = (_parse(line, path) for line in whole.split(b"\n"))
            found += [record for record in parsed if record]
        return found


def _rank(record: Record) -> tuple[int, int]:
    if record.status == "ok":
        return 2, -len(record.unavailable)
    return int(record.status in DONE), 0


def _read_journal(path: Path) -> tuple[list[Record], int]:
    """The records of a file, and the number of damaged lines.

    A crash may leave a cut line or a block of zeros; JSON text holds neither line feeds nor zeros, so both
    delimit.
    """
    data = path.read_bytes()
    records, n_bad = [], len(re.findall(rb"\0+", data))
    for line in data.replace(b"\0", b"\n").split(b"\n"):
        if not line:
            continue
        record = _parse(line, path)
        if record:
            records.append(record)
        else:
            n_bad += 1
    return records, n_bad


def _parse(line: bytes, path: Path) -> Record | None:
    """The record of a line, None if it is damaged."""
    crc, _, body = line.partition(b" ")
    if crc != b"%08x" % zlib.crc32(body):
        return None
    try:
        values = json.loads(body)
        version = values.pop("format", FORMAT)
        if version <= FORMAT:
            return Record.from_disk(values)
    except (ValueError, TypeError, AttributeError):
        return None
    raise StoreError(
        f"{path} has records of format {version}, newer than {FORMAT}: update diffusion-inverse-bench"
    )


class Journal:
    """The writer of one process.

    It opens a new file of its own at the first `append`, and again after a fork or a failed write.

    Raises:
        StoreError: the folder cannot be made or written.

    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder) / "journal"
        self._fd: int | None = None
        self._path: Path | None = None
        self._pid: int | None = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"cannot make {self.folder}: {error.strerror}; choose another folder with --out"
            ) from error
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise StoreError(
                f"cannot write into {self.folder}: no permission; choose another folder with --out"
            )

    def append(self, record: Record) -> None:
        """Writes one record. When this returns, the record survives a kill and a power cut.

        Raises:
            StoreError: the disk is full or failing. Everything appended before stays readable, and a later
                call works again once there is space.

        """
        body = canonical({"format": FORMAT} | finite(record.to_disk())).encode()
        line = b"%08x %s\n" % (zlib.crc32(body), body)
        if self._fd is None or self._pid != os.getpid():
            self._fd, self._pid = self._open(), os.getpid()
        try:
            written = os.write(self._fd, line)
            if written == len(line):
                getattr(os, "fdatasync", os.fsync)(self._fd)
                self._check_place(self._fd)
                return
            reason = f"{written} of {len(line)} bytes were written: disk full?"
        except OSError as error:
            reason = str(error.strerror)
        self.close()
        raise StoreError(
            f"cannot append to {self.folder}: {reason}. Records up to here are kept; run again to resume"
        )

    def _check_place(self, fd: int) -> None:
        """Refuses a file that is no longer in its place; its folder may have been deleted or moved."""
        assert self._path is not None
        if not (self._path.exists() and os.path.samestat(os.fstat(fd), self._path.stat())):
            raise StoreError(f"{self._path} was deleted or moved while the run went on: its records are lost")

    def _open(self) -> int:
        self._path = path = self.folder / f"{journal_stem(os.getpid())}{os.urandom(4).hex()}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            return os.open(path, flags, 0o644)
        except OSError as error:
            raise StoreError(
                f"cannot open {path}: {error.strerror}; choose another folder with --out"
            ) from error

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
    """The beginning of the names of the journals of a process of this machine."""
    host = re.sub(r"[^A-Za-z0-9_.]", "-", socket.gethostname()) or "host"
    return f"{host}-{pid}-"


def wrote_records(folder: str | Path, pid: int) -> bool:
    """Whether a process of this machine opened a journal here, which it does at its first record."""
    return any((Path(folder) / "journal").glob(f"{journal_stem(pid)}*.jsonl"))
