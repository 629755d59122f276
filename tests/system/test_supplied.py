"""Files that the user supplies are found, or the message says what to fetch and where to put it."""

import re

import pytest

from bench.system.supplied import stranger, supplied_file

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


def test_what_a_download_that_went_wrong_left_is_recognised(tmp_path):
    """And what may be right is not: an SVG begins as some web pages do."""
    for content, said in (
        (b"", "empty"),
        (b"<!-- gone --><HTML>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1000000\n", "to 1.0 MB"),
        (b"weights", ""),
        (b"<svg>", ""),
    ):
        (tmp_path / "x").write_bytes(content)
        found = stranger(tmp_path / "x")
        assert said in found and bool(found) == bool(said)
