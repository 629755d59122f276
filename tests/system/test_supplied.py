"""Files that the user supplies are found, or the message says what to fetch and where to put it."""

import importlib
import platform
import re
from pathlib import Path

import pytest

from bench.system.supplied import data_files, reading, supplied_file

NEEDED = ("blur", "weights.pth", "BENCH_WEIGHTS", "the weights of a paper")


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BENCH_WEIGHTS", raising=False)
    return tmp_path / "home"


def test_a_file_is_that_of_the_variable_or_in_the_cache(monkeypatch, tmp_path, home):
    place = home / "operators" / "weights.pth"
    said = f"blur needs the weights of a paper: save it as {place}, or set BENCH_WEIGHTS to its path"
    with pytest.raises(ValueError, match=re.escape(said)):
        supplied_file(*NEEDED)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"cached")
    assert supplied_file(*NEEDED).path == place
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "mine"))
    with pytest.raises(ValueError, match=r"blur: no file .*mine, which BENCH_WEIGHTS names"):
        supplied_file(*NEEDED)
    (tmp_path / "mine").write_bytes(b"given")
    assert supplied_file(*NEEDED).path == tmp_path / "mine"


def test_a_changed_file_is_another_version(monkeypatch, tmp_path):
    path = tmp_path / "mine"
    monkeypatch.setenv("BENCH_WEIGHTS", str(path))
    path.write_bytes(b"one")
    first = supplied_file(*NEEDED)
    assert supplied_file(*NEEDED) == first
    path.write_bytes(b"other")
    assert supplied_file(*NEEDED) != first


def test_reading_hears_of_what_is_read_and_of_nothing_else(tmp_path):
    for name in ("before.npy", "k.npy", "written.npy", "code.py"):
        (tmp_path / name).write_bytes(b"1")
    (tmp_path / "before.npy").read_bytes()
    with reading() as opened:
        (tmp_path / "k.npy").read_bytes()
        (tmp_path / "code.py").read_text()
        (tmp_path / "written.npy").write_bytes(b"2")
        if Path("/etc/os-release").exists():
            platform.freedesktop_os_release()
        importlib.import_module("colorsys")
    (tmp_path / "written.npy").read_bytes()
    assert data_files(opened) == {tmp_path / "k.npy"}
