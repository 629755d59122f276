"""Folders and rows on the command line."""

from pathlib import Path

import pytest

from bench.records.keys import digest
from bench.report.compare.sides import pair, read_sides, split
from tests.made_run import N, asked, make_run, record


def test_a_colon_names_a_row_unless_it_is_of_the_folder(tmp_path):
    (tmp_path / "a:b").mkdir()
    assert split(f"{tmp_path}/a:b") == (tmp_path / "a:b", None)
    assert split(f"{tmp_path}:dps") == (tmp_path, "dps") and split("x") == (Path("x"), None)


def test_a_row_that_was_changed_in_its_folder_stands_beside_the_newest_of_its_label(tmp_path):
    """Before, "best" had one cell; after, that and another one, for which the newest run asks."""
    old = [record("best", i, cell="c1", params={"zeta": 1}) for i in range(N)]
    new = [record("best", i, cell="c2", params={"zeta": 2}, key=digest(i), created="later") for i in range(N)]
    runs = []
    for cell in ("c1", "c2"):
        runs.append(asked(created=cell) | {"rows": [{"label": "best", "cells": {"blur": cell}}]})
    before, after = tmp_path / "before", tmp_path / "after"
    make_run(before, old, pictures=0, manifests=runs[:1])
    make_run(after, [*old, *new], pictures=0, manifests=runs)
    found = {one.name: (one.a, one.b) for one in pair(*read_sides(str(before), str(after)))}
    assert found.keys() == {"best → best (b)", "best (a)"} and found["best (a)"][0] is None
    assert [row.head.params["zeta"] for row in found["best → best (b)"]] == [1, 2]
    _, one = read_sides(str(before), f"{after}:best")
    assert list(one.rows("blur")) == ["best (b)"]
    make_run(tmp_path / "bare", [*old, *new], pictures=0, manifests=[])
    with pytest.raises(ValueError, match=r"row 'best' may be any of best \(a\), best \(b\); name one"):
        read_sides(str(before), f"{tmp_path / 'bare'}:best")


def test_rows_of_one_name_are_paired(runs):
    a, b = read_sides(*runs)
    found = {one.name: (one.a is not None, one.b is not None) for one in pair(a, b)}
    assert found["best"] == (True, True) and found["same"] == (True, False) and found["new"] == (False, True)
