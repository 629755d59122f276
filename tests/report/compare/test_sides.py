"""Folders and rows on the command line."""

from pathlib import Path

from bench.report.compare.sides import pair, read_sides, split


def test_a_colon_names_a_row_unless_it_is_of_the_folder(tmp_path):
    (tmp_path / "a:b").mkdir()
    assert split(f"{tmp_path}/a:b") == (tmp_path / "a:b", None)
    assert split(f"{tmp_path}:dps") == (tmp_path, "dps") and split("x") == (Path("x"), None)


def test_rows_of_one_name_are_paired(runs):
    a, b = read_sides(*runs)
    found = {one.name: (one.a is not None, one.b is not None) for one in pair(a, b)}
    assert found["best"] == (True, True) and found["same"] == (True, False) and found["new"] == (False, True)
