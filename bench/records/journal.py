"""The journals of a run folder: written line by line, read as a whole or as they grow."""

import contextlib
import gc
import gzip
import os
import re
import socket
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter, eq
from pathlib import Path
from typing import Generic

from bench.records.files import StoreError
from bench.records.lines import LineReader, R, Reader, write_line
from bench.records.record import DONE, AnyRecord, Record

ZEROS = re.compile(rb"\0+")
LOST = (0, 0)
"""Rank of an attempt that gave nothing."""
BUFFER = 1 << 20
"""Bytes that are read at one time; lines then take less than half the time that they do by default."""
SELDOM = 50_000
"""New objects after which cyclic garbage is searched for while records stay; 700 by default."""
PACKED = ".gz"
"""How the name of a journal ends that was compressed, as by `gzip`; nothing is appended to it."""
UNREAD = frozenset({".bz2", ".xz", ".zip", ".zst"})
"""Ends of the names of journals whose records nothing here reads: without a word they would be made again."""


def read_records(*folders: str | Path) -> tuple[list[Record], int]:
    """Reads all records of some run folders.

    Of several records with one key the first ``ok`` with the most metrics wins, else the first that is done
    (`DONE`), else the latest attempt. A folder without a journal has no records.

    Returns:
        One record per key, oldest first, and the number of damaged lines that were skipped.

    Raises:
        StoreError: a line was written by a newer format, or a file cannot be read.

    """
    attempts: list[Record] = []
    damaged = 0
    for folder in folders:
        history = History(folder, LineReader())
        attempts += history.attempts
        damaged += history.damaged
    return in_order(best(attempts)), damaged


def best(attempts: Sequence[R]) -> list[R]:
    """One record per key, chosen as `read_records` says, in no order."""
    chosen = dict(zip(map(attrgetter("key"), attempts), attempts, strict=True))
    if len(chosen) == len(attempts):
        return list(attempts)
    chosen = {}
    for record in attempts:
        known = chosen.setdefault(record.key, record)
        if known is not record and _replaces(record, known):
            chosen[record.key] = record
    return list(chosen.values())


def in_order(records: Iterable[R]) -> list[R]:
    """Oldest first; of one time, by keys. Times are mostly different, and take half the time alone."""
    ordered = sorted(records, key=attrgetter("created"))
    times = list(map(attrgetter("created"), ordered))
    if any(map(eq, times, times[1:])):
        ordered.sort(key=attrgetter("created", "key"))
    return ordered


def _replaces(record: AnyRecord, known: AnyRecord) -> bool:
    """Whether a record counts more than a known one of its key; of one time, the known one was read first."""
    rank, best = _rank(record), _rank(known)
    if rank == best:
        return record.created >= known.created if rank == LOST else record.created < known.created
    return rank > best


def _rank(record: AnyRecord) -> tuple[int, int]:
    if record.status == "ok":
        return 2, -len(record.unavailable)
    return int(record.status in DONE), 0


class History(Generic[R]):
    """What the journals of a run folder hold, whoever writes them: read once, and then what is new.

    Args:
        read: makes records from lines, whole or in brief.
        known: what somebody else has read already, as his `marks` say; only what came since is read.

    Attributes:
        attempts: all records, several of one key included.

    Raises:
        StoreError: a line was written by a newer format, or a file cannot be read; of `new`, too.
    """

    def __init__(self, folder: str | Path, read: Reader[R], known: Mapping[Path, int] | None = None) -> None:
        self.folder = Path(folder) / "journal"
        self.attempts: list[R] = []
        self._parse: Reader[R] = read
        self._read: dict[Path, int] = dict(known or {})
        """Journal -> the number of its bytes that were read."""
        self._damaged = 0
        self._hurt: set[Path] = set()
        """Journals with damaged lines, but for a torn one."""
        self._torn: set[Path] = set()
        """Journals whose last line is not whole, or not yet."""
        self._best: list[R] = []
        self.new()

    @property
    def marks(self) -> dict[Path, int]:
        """Journal -> the number of its bytes that were read."""
        return dict(self._read)

    @property
    def damaged(self) -> int:
        """The number of damaged lines, which are skipped."""
        return self._damaged + len(self._torn)

    @property
    def damaged_in(self) -> list[Path]:
        """The journals that have damaged lines."""
        return sorted(self._hurt | self._torn)

    @property
    def records(self) -> list[R]:
        """One record per key, in no order."""
        if not self._best:
            with _uncollected():
                self._best = best(self.attempts)
        return self._best

    def new(self) -> list[R]:
        """The records that came since the last call; one whose line is not complete comes later."""
        first = len(self.attempts)
        with _uncollected():
            for path in sorted(self.folder.glob("*.jsonl*")):
                try:
                    self._go_on(path)
                except OSError as error:
                    raise StoreError(f"cannot read {path}: {error.strerror or error}") from error
        if len(self.attempts) > first:
            self._best = []
        return self.attempts[first:]

    def _go_on(self, path: Path) -> None:
        """Reads what a journal has beyond what was read."""
        size, start = path.stat().st_size, self._read.get(path, 0)
        if path.suffix == PACKED:
            self._read[path] = size
            if not start:
                self._unpack(path)
        elif path.suffix in UNREAD:
            raise StoreError("journals are compressed by gzip only; decompress it")
        elif path.suffix == ".jsonl" and size > start:
            with path.open("rb", buffering=BUFFER) as file:
                file.seek(start)
                self._read[path] = start + self._take(file, path)

    def _unpack(self, path: Path) -> None:
        """Reads a compressed journal; where it is cut, what comes before counts."""
        try:
            with gzip.open(path) as file:
                self._take(file, path)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            self._count_damaged(1, path)

    def _take(self, lines: Iterable[bytes], path: Path) -> int:
        """Keeps the records of some lines; the number of bytes that are done with.

        A crash may leave a cut line or a block of zeros; JSON text holds neither line feeds nor zeros, so
        both delimit.
        """
        done = 0
        self._torn.discard(path)
        for line in lines:
            if record := self._parse(line, path):
                self.attempts.append(record)
            elif line.endswith(b"\n"):
                self._take_damaged(line.rstrip(b"\r\n"), path)
            else:
                self._torn.add(path)
                return done
            done += len(line)
        return done

    def _take_damaged(self, text: bytes, path: Path) -> None:
        """Keeps what is whole of a line that is not."""
        pieces = ZEROS.split(text)
        found = [self._parse(piece, path) for piece in pieces if piece]
        records = [record for record in found if record]
        self.attempts += records
        self._count_damaged(len(pieces) - 1 + len(found) - len(records), path)

    def _count_damaged(self, n: int, path: Path) -> None:
        """Counts damaged lines of a journal."""
        self._damaged += n
        if n:
            self._hurt.add(path)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Turns the search for cyclic garbage off, which would go through all records time and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextlib.contextmanager
def set_aside() -> Iterator[None]:
    """Keeps the search for cyclic garbage from what is in memory now, such as many records that will stay.

    The search is made less often, too: figures are made of many objects, few of which are garbage.
    """
    often = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(SELDOM, *often[1:])
    try:
        yield
    finally:
        gc.set_threshold(*often)
        gc.unfreeze()


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
        line = write_line(record)
        if self._fd is None or self._pid != os.getpid():
            self._fd, self._pid = self._open(), os.getpid()
        reason = self._write(self._fd, line)
        if not reason and self._is_in_place(self._fd):
            return
        self.close()
        if not reason:
            raise StoreError(f"{self.folder} was deleted or moved while the run went on; run again")
        raise StoreError(
            f"cannot append to {self.folder}: {reason}. Records up to here are kept; run again to resume"
        )

    @staticmethod
    def _write(fd: int, line: bytes) -> str:
        """Writes and syncs a line; why it could not, "" where it could."""
        try:
            written = os.write(fd, line)
            if written == len(line):
                getattr(os, "fdatasync", os.fsync)(fd)
                return ""
        except OSError as error:
            return str(error.strerror)
        return f"{written} of {len(line)} bytes were written: disk full?"

    def _is_in_place(self, fd: int) -> bool:
        """Whether the open file still has its name; its folder may have been deleted or moved."""
        assert self._path is not None
        return self._path.exists() and os.path.samestat(os.fstat(fd), self._path.stat())

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
