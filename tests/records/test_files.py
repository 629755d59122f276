"""Files are there as a whole or not at all."""

import os

import pytest

from bench.records.files import StoreError, remove_leftovers, write_atomic


def test_a_file_is_written_as_a_whole_into_a_new_folder(tmp_path):
    write_atomic(tmp_path / "new" / "x.png", b"one")
    write_atomic(tmp_path / "new" / "x.png", b"two")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "new").iterdir()] == [("x.png", b"two")]


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    def full(fd):
        raise OSError(28, "No space left on device")

    write_atomic(tmp_path / "x.png", b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot write .*x\.png: No space left on device"):
        write_atomic(tmp_path / "x.png", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x.png", b"old")]


def test_what_a_killed_run_left_is_removed_when_it_is_old(tmp_path):
    names = (".a.png.12.0123abcd.part", "objects/.b.npz.7.ffffffff.part", ".mine.part", "c.part")
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    (tmp_path / ".new.png.12.0123abcd.part").write_bytes(b"x")
    remove_leftovers(tmp_path)
    left = sorted(path.name for path in tmp_path.rglob("*.part"))
    assert left == [".mine.part", ".new.png.12.0123abcd.part", "c.part"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        write_atomic(tmp_path / "file" / "x.png", b"")
