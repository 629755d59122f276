"""`export`: where tables go."""

import csv
from dataclasses import replace

import pytest

from bench.records import load
from bench.records.table import export
from tests.commands import bench
from tests.made_run import make_run, records


def test_tables_go_to_the_file_that_is_named(tmp_path):
    run = make_run(tmp_path / "run", records())
    done = bench("export", run, run, "--to", tmp_path / "t.csv")
    assert done.exit_code == 0 and done.stdout == f"{tmp_path}/t.csv: 60 records\n"
    assert len(list(csv.DictReader((tmp_path / "t.csv").open(newline="")))) == 60
    assert bench("export", run, run).exit_code == 2
    assert bench("export", tmp_path, "--to", tmp_path / "t.csv").exit_code == 1


def test_another_result_of_a_key_is_told(tmp_path):
    found = records()
    other = [replace(found[0], metrics={"psnr": 1.0}), *found[1:]]
    runs = [make_run(tmp_path / name, own) for name, own in (("a", found), ("b", other))]
    done = bench("export", *runs, "--to", tmp_path / "t.csv")
    assert done.stderr.startswith("warning: 1 key with another result in another folder")
    assert done.stdout == f"{tmp_path}/t.csv: 60 records\n"
    with pytest.warns(UserWarning, match="1 key with another result"):
        table = load(*runs)
    assert table.set_index("key")["psnr"][found[0].key] == found[0].metrics["psnr"]


def test_another_result_within_the_folder_is_told(tmp_path):
    pytest.importorskip("pyarrow")
    found = records()
    run = make_run(tmp_path / "run", [*found, replace(found[0], metrics={"psnr": 1.0})])
    done = bench("export", run)
    assert done.exit_code == 0 and done.stdout == f"{run}/records.parquet\n"
    assert done.stderr.startswith("warning: 1 key with several results in one folder")
    assert done.stderr == f"warning: {export(run).conflicts}\n"
