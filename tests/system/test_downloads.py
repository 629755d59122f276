"""The downloader against a local server that breaks off, lies, knows no ranges, or is not there."""

import hashlib
import multiprocessing
import threading
import time
from types import SimpleNamespace

import pytest

from bench.system import downloads
from bench.system.downloads import DownloadError, download
from tests.file_server import CONTENT, HALF, SHA256, running_server


@pytest.fixture
def server():
    with running_server() as running:
        yield running


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "file.pt"


def names(path):
    return [file.name for file in path.parent.iterdir()]


@pytest.mark.parametrize("sha256", [SHA256, None], ids=["pinned", "unpinned"])
def test_a_broken_transfer_goes_on_where_it_stopped(server, path, sha256):
    seen = []
    assert (
        download([f"{server.url}/broken"], path, sha256=sha256, progress=lambda *at: seen.append(at))
        == SHA256
    )
    assert server.requests == [("/broken", None, HALF), ("/broken", f"bytes={HALF}-", len(CONTENT) - HALF)]
    assert path.read_bytes() == CONTENT and names(path) == ["file.pt"]
    assert seen[-1] == (len(CONTENT), len(CONTENT)) and seen == sorted(seen)


def test_a_later_call_resumes_and_nothing_partial_has_the_name(server, path, monkeypatch):
    monkeypatch.setattr(downloads, "ATTEMPTS", 1)
    with pytest.raises(DownloadError, match=f"broke off after {HALF} of {len(CONTENT)} bytes"):
        download([f"{server.url}/broken"], path, sha256=SHA256)
    assert not path.exists()
    assert download([f"{server.url}/ok"], path, sha256=SHA256) == SHA256
    assert server.requests[1] == ("/ok", f"bytes={HALF}-", len(CONTENT) - HALF), (
        "a hash lets another mirror go on"
    )


def test_without_a_hash_only_the_same_version_of_the_same_address_is_continued(server, path, monkeypatch):
    monkeypatch.setattr(downloads, "ATTEMPTS", 1)
    for url, change in [("/broken", '"v2"'), ("/ok", '"v1"')]:
        server.cuts, server.tag = 1, '"v1"'
        with pytest.raises(DownloadError):
            download([f"{server.url}/broken"], path)
        server.tag, server.content = change, CONTENT[::-1]
        assert download([f"{server.url}{url}"], path) == hashlib.sha256(CONTENT[::-1]).hexdigest()
        server.content = CONTENT
        path.unlink()


def test_a_server_without_ranges_sends_it_all_again(server, path):
    path.parent.mkdir()
    path.with_name("file.pt.part").write_bytes(CONTENT[:1000])
    assert download([f"{server.url}/plain"], path, sha256=SHA256) == SHA256
    assert server.requests == [("/plain", "bytes=1000-", len(CONTENT))] and path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "old", [b"\0" * 1000, CONTENT + b"more", b"\0" * len(CONTENT)], ids=["other", "longer", "same length"]
)
def test_a_part_of_another_file_costs_one_more_transfer(server, path, old):
    path.parent.mkdir()
    path.with_name("file.pt.part").write_bytes(old)
    assert download([f"{server.url}/ok"], path, len(CONTENT), SHA256) == SHA256
    assert path.read_bytes() == CONTENT and names(path) == ["file.pt"]


def test_a_complete_part_is_not_transferred_again(server, path):
    path.parent.mkdir()
    path.with_name("file.pt.part").write_bytes(CONTENT)
    assert download([f"{server.url}/ok"], path, len(CONTENT), SHA256) == SHA256
    assert not server.requests


def test_mirrors_are_tried_in_order_and_the_wrong_file_is_refused(server, path):
    urls = [f"{server.url}/gone", f"{server.url}/other", f"{server.url}/ok"]
    assert download(urls, path, sha256=SHA256) == SHA256
    assert [request[0] for request in server.requests] == ["/gone", "/other", "/ok"]
    path.unlink()
    with pytest.raises(DownloadError, match=r"/gone: HTTP 404 .*/other: its sha256 is .*expected"):
        download(urls[:2], path, sha256=SHA256)
    assert not names(path)
    server.requests.clear()
    with pytest.raises(DownloadError, match=f"has {len(CONTENT) + 1} bytes, expected {len(CONTENT)}"):
        download(urls[1:2], path, len(CONTENT), SHA256)


def test_a_mirror_that_is_refused_before_it_sends_costs_no_part(server, path, monkeypatch):
    monkeypatch.setattr(downloads, "ATTEMPTS", 1)
    with pytest.raises(DownloadError):
        download([f"{server.url}/broken", f"{server.url}/other"], path, len(CONTENT), SHA256)
    assert path.with_name("file.pt.part").stat().st_size == HALF


def test_a_file_of_unknown_length_needs_something_to_be_checked_by(server, path):
    with pytest.raises(DownloadError, match="does not say how long the file is"):
        download([f"{server.url}/endless"], path)
    assert not path.exists()
    assert download([f"{server.url}/endless"], path, sha256=SHA256) == SHA256


def test_a_file_of_unknown_length_is_stopped_at_the_known_size(server, path):
    """Its server sends ever more; nothing of it stays."""
    known, seen = len(CONTENT), []
    server.content = CONTENT * 30
    with pytest.raises(DownloadError, match=f"sends more than the {known} bytes that are expected"):
        download([f"{server.url}/endless"], path, known, progress=lambda *at: seen.append(at))
    assert max(done for done, _ in seen) <= known and names(path) == []
    server.content = CONTENT
    assert download([f"{server.url}/endless"], path, known) == SHA256


def test_what_cannot_work_says_why(path, monkeypatch):
    with pytest.raises(DownloadError, match="refused"):
        download(["http://127.0.0.1:9/nobody"], path)
    with pytest.raises(DownloadError, match=r"not an http\(s\) address"):
        download(["file:///etc/passwd"], path)
    with pytest.raises(DownloadError, match="no address is known"):
        download([], path)


def test_a_full_disk_is_noticed_before_the_transfer(server, path, monkeypatch):
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(OSError, match="GB are free"):
        download([f"{server.url}/ok"], path)
    assert not path.exists()


def fetch_in_a_process(results, url, path, sha256):
    try:
        results.put(
            download(
                [url], path, sha256=sha256, progress=lambda *at: results.put(at) if at[1] is None else None
            )
        )
    except DownloadError as error:
        results.put(repr(error))


@pytest.mark.long
@pytest.mark.parametrize("sha256", [SHA256, None], ids=["pinned", "unpinned"])
def test_of_two_processes_one_transfers_and_the_other_waits(server, path, sha256):
    """The second starts while the first is half way: it says how far that is, opens no connection, and gets
    the same file."""
    context = multiprocessing.get_context("spawn")
    first, second = context.Queue(), context.Queue()
    arguments = (f"{server.url}/held", path, sha256)
    processes = [
        context.Process(target=fetch_in_a_process, args=(queue, *arguments)) for queue in (first, second)
    ]
    processes[0].start()
    assert server.half_way.wait(60)
    processes[1].start()
    assert second.get(timeout=60)[0] <= HALF
    server.go_on.set()
    assert first.get(timeout=60) == SHA256
    while isinstance(found := second.get(timeout=60), tuple):
        pass
    assert found == SHA256 and len(server.requests) == 1
    assert path.read_bytes() == CONTENT and names(path) == ["file.pt"]
    for process in processes:
        process.join()


@pytest.mark.long
def test_who_waited_goes_on_where_a_killed_process_stopped(server, path):
    """A lock goes with its process, however that ends."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    killed = context.Process(target=fetch_in_a_process, args=(queue, f"{server.url}/held", path, SHA256))
    killed.start()
    assert server.half_way.wait(60)
    started = time.monotonic()
    threading.Timer(0.3, killed.kill).start()
    assert download([f"{server.url}/ok"], path, sha256=SHA256) == SHA256
    assert time.monotonic() - started > 0.3 and names(path) == ["file.pt"]
    server.go_on.set()
    killed.join()
