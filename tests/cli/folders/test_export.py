"""`export`: where tables go."""

import csv

from tests.commands import bench
from tests.made_run import make_run, records


def test_tables_go_to_the_file_that_is_named(tmp_path):
    run = make_run(tmp_path / "run", records())
    done = bench("export", run, run, "--to", tmp_path / "t.csv")
    assert done.exit_code == 0 and done.stdout == f"{tmp_path}/t.csv: 60 records\n"
    assert len(list(csv.DictReader((tmp_path / "t.csv").open(newline="")))) == 60
    assert bench("export", run, run).exit_code == 2
    assert bench("export", tmp_path, "--to", tmp_path / "t.csv").exit_code == 1
