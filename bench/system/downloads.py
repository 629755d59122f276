"""The one downloader: it resumes, tries mirrors in order, and verifies a file before it names it.

A transfer goes into ``<name>.part`` beside its destination, and what identifies its source into
``<name>.part.json``. The part survives a failure, and a later call asks only for the rest (HTTP Range, with
If-Range where no hash guards the result). Of several processes that fetch one file, the first transfers it
and the others wait for it.
"""

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO

from bench.system.cache import sha256 as sha256_of
from bench.system.locks import exclusive

TIMEOUT = 30
"""Seconds of silence after which a connection is given up."""
BLOCK = 1 << 20
ATTEMPTS = 5
"""Connections to one source that may break off before it is given up; each made some progress."""

Progress = Callable[[int, int | None], object]
"""Called with the bytes that are there and the bytes in all; these are None where the server does not say."""


def silent(*_: object) -> None:
    """Says nothing."""


class DownloadError(Exception):
    """A file cannot be had; the message gives the reason for every source."""


class _Refused(Exception):
    """What this source has is not what was asked for."""


def download(
    urls: Sequence[str],
    path: Path,
    size: int | None = None,
    sha256: str | None = None,
    progress: Progress = silent,
) -> str:
    """Fetches a file from the first source that has it.

    Nothing has its final name before it is verified.

    Args:
        urls: http or https, in the order in which they are tried.
        path: where it goes; its folder is made.
        size: in bytes, where known. A source that announces another one is refused before the transfer.
        sha256: in hexadecimal, where known.

    Returns:
        The sha256 of the file.

    Raises:
        DownloadError: no source had it.
        OSError: the folder cannot be written, or the disk is full.

    """
    transfer, reasons = _Transfer(path, size, sha256, progress), []
    with exclusive(path, transfer.follow) as waited:
        if waited and (found := transfer.made()):
            return found
        for url in urls:
            try:
                return transfer.fetch(url)
            except (_Refused, _Interrupted, ValueError) as error:
                reasons.append(f"{url}: {error}")
    raise DownloadError("; ".join(reasons) or "no address is known")


class _Interrupted(Exception):
    """The source does not answer, or broke off; the part is kept."""


class _Transfer:
    """One file on its way."""

    def __init__(self, path: Path, size: int | None, sha256: str | None, progress: Progress) -> None:
        self.path, self.size, self.sha256, self.progress = path, size, sha256, progress
        self.part, self.note = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.json")

    def fetch(self, url: str) -> str:
        """Fetches the file from one source, from where an earlier transfer broke off.

        A resumed file with a wrong hash gets one fresh start.
        """
        if not url.startswith(("http://", "https://")):
            raise ValueError("not an http(s) address")
        resumed = self._there() > 0
        broken = 0
        while True:
            before = self._there()
            try:
                self._request(url)
                break
            except _Interrupted:
                broken += 1
                if self._there() <= before or broken == ATTEMPTS:
                    raise
        try:
            return self._finish()
        except _Refused:
            self.discard()
            if not resumed:
                raise
            return self.fetch(url)

    def follow(self) -> None:
        """Reports how far another process is."""
        self.progress(self._there(), self.size)

    def made(self) -> str | None:
        """The sha256 of the file that another process made; None if there is none, or a wrong one."""
        if not self.path.is_file() or self.size not in (None, self.path.stat().st_size):
            return None
        found = sha256_of(self.path)
        return found if self.sha256 in (None, found) else None

    def discard(self) -> None:
        """Removes what was transferred."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _there(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _request(self, url: str) -> None:
        """Opens one connection for the rest of the file.

        The server sends all of it where it knows no ranges or has another file now.
        """
        request = urllib.request.Request(url)  # noqa: S310 - http(s), checked by the caller
        if offset := self._offset(url):
            request.add_header("Range", f"bytes={offset}-")
            if self.sha256 is None:
                request.add_header("If-Range", self._noted()["tag"])
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as reply:  # noqa: S310
                self._receive(url, reply, offset)
        except urllib.error.HTTPError as error:
            if error.code != 416 or not offset:
                raise _Interrupted(f"HTTP {error.code} {error.reason}") from error
            if self.size != offset:  # nothing lies beyond the part: either it is whole, or not of this file
                self.discard()
                self._request(url)
        except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
            raise _Interrupted(str(getattr(error, "reason", error)) or type(error).__name__) from error

    def _offset(self, url: str) -> int:
        """The byte at which to go on: 0 unless a hash or the server's tag shows that the file is the same."""
        noted = self._noted()
        same_version = noted.get("url") == url and noted.get("tag")
        if self.sha256 is not None or same_version:
            return self._there()
        return 0

    def _noted(self) -> dict[str, str]:
        try:
            return dict(json.loads(self.note.read_text()))
        except (OSError, ValueError):
            return {}

    def _receive(self, url: str, reply: HTTPResponse, offset: int) -> None:
        """Checks what a reply announces, then appends its bytes to the part."""
        if reply.status != 206:
            offset = 0
        elif not reply.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            raise _Refused("the server sent another range than was asked for")
        length = reply.headers.get("Content-Length")
        total = offset + int(length) if length else None
        self._check_length(offset, total)
        tag = reply.headers.get("ETag", "")
        if tag.startswith("W/"):  # a weak tag does not promise the same bytes
            tag = ""
        self.note.write_text(json.dumps({"url": url, "tag": tag or reply.headers.get("Last-Modified", "")}))
        with self.part.open("ab" if offset else "wb") as file:
            done = self._copy(reply, file, offset, total)
        if total is not None and done != total:
            raise _Interrupted(f"broke off after {done} of {total} bytes")

    def _check_length(self, offset: int, total: int | None) -> None:
        """Refuses a file of another or of an unprovable length, and one that does not fit on the disk."""
        if total is None:
            if self.size is None and self.sha256 is None:
                reason = "so that nothing would show if it broke off"
                raise _Refused(f"does not say how long the file is, {reason}")
            return
        if self.size is not None and total != self.size:
            raise _Refused(f"has {total} bytes, expected {self.size}")
        missing, free = total - offset, shutil.disk_usage(self.path.parent).free
        if missing > free:
            needed = f"{missing / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free"
            raise OSError(f"{self.path.parent}: {needed}")

    def _copy(self, reply: HTTPResponse, file: BinaryIO, done: int, total: int | None) -> int:
        """Appends the reply to the part; the bytes that are there then."""
        self.progress(done, total)
        while block := reply.read1(BLOCK):
            done += len(block)
            if self.size is not None and done > self.size:
                self.discard()
                raise _Refused(f"sends more than the {self.size} bytes that are expected")
            file.write(block)
            self.progress(done, total)
        return done

    def _finish(self) -> str:
        """Verifies the part, gives it its name and returns its sha256."""
        if self.size is not None and self._there() != self.size:
            raise _Refused(f"has {self._there()} bytes, expected {self.size}")
        found = sha256_of(self.part)
        if self.sha256 is not None and found != self.sha256:
            raise _Refused(f"its sha256 is {found[:12]}..., expected {self.sha256[:12]}...")
        self.part.replace(self.path)
        self.note.unlink(missing_ok=True)
        return found
