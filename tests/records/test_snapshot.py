"""The Parquet copy of a run folder: the same table with and without it, and never an old one."""

import math
import os

import pandas as pd
import pytest

from bench.records import snapshot
from bench.records.files import StoreError
from bench.records.journal import Journal
from bench.records.snapshot import NAME, read_snapshot
from bench.records.table import export, load
from tests import ROOT
from tests.made_record import make


def write(folder):
    with Journal(folder) as journal:
        journal.append(make(0, params={"eta": 1, "mode": "a", "at": [1, 2]}, metrics={"psnr": math.inf}))
        journal.append(make(1, params={"eta": 0.5, "mode": None}, guidance={"scale": 1.0}, preset=None))
        journal.append(make(2, params={"eta": "auto"}, metrics={"psnr": None}, seconds=0.1))
        journal.append(make(3, params={"eta": True}, versions={"torch": "2"}, status="failed", metrics={}))


def test_the_table_is_the_same_and_new_records_count(tmp_path):
    pytest.importorskip("pyarrow")
    write(tmp_path)
    before = load(tmp_path)
    assert export(tmp_path) == (tmp_path / NAME, "")
    kept = read_snapshot(tmp_path)
    pd.testing.assert_frame_equal(kept, before)
    assert kept["param.eta"].tolist() == [1, 0.5, "auto", True]
    assert [type(value) for value in kept["param.eta"]] == [int, float, str, bool]
    pd.testing.assert_frame_equal(load(tmp_path), before)
    with Journal(tmp_path) as journal:
        journal.append(make(4))
    assert read_snapshot(tmp_path) is None and len(load(tmp_path)) == 5


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"\0" * 100])
def test_a_damaged_or_foreign_file_is_left_aside(tmp_path, damage):
    write(tmp_path)
    (tmp_path / NAME).write_bytes(damage)
    assert len(load(tmp_path)) == 4


def test_a_changed_journal_of_the_same_size_is_read(tmp_path):
    pytest.importorskip("pyarrow")
    write(tmp_path)
    export(tmp_path)
    (journal,) = (tmp_path / "journal").iterdir()
    os.utime(journal, ns=(1, 1))
    assert read_snapshot(tmp_path) is None


def test_committed_records_are_the_same_table(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    (tmp_path / "journal").symlink_to(ROOT / "results" / "reference" / "exact" / "journal")
    before = load(tmp_path)
    export(tmp_path)
    monkeypatch.setattr("bench.records.table.read_together", None)
    pd.testing.assert_frame_equal(load(tmp_path), before)


def test_without_pyarrow_the_line_to_install_it_is_told(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(StoreError, match=r"pip install 'diffusion-inverse-bench\[export\]'"):
        export(tmp_path)
    assert len(load(tmp_path)) == 4 and snapshot.read_snapshot(tmp_path) is None
