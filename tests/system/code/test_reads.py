"""What users' code reads is noticed."""

import importlib
import platform
from pathlib import Path

from bench.system.code.reads import data_files, reading


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
