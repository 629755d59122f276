"""Merged folders: all is there, equal keys count once, and nothing is overwritten."""

import csv

import pytest

from bench.records.exchange.merge import merge
from bench.records.files import StoreError
from bench.records.journal import Journal, read_records
from bench.records.manifest import read_manifests
from tests.made_record import make
from tests.made_run import asked, make_run, record


def run(folder, *found):
    folder.mkdir()
    with Journal(folder) as journal:
        for one in found:
            journal.append(one)
            place = folder / "objects" / one.key[:2]
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{one.key}.png").write_text(f"{folder.name} {one.metrics}")
    return folder


def test_records_manifests_and_pictures_are_put_together(tmp_path):
    a = make_run(tmp_path / "a", [record("best", i) for i in range(4)])
    b = make_run(tmp_path / "b", [record("best", i) for i in range(2, 6)])
    before = sorted((path, path.read_bytes()) for path in (*a.rglob("*"), *b.rglob("*")) if path.is_file())
    merged = merge([a, b], tmp_path / "c")
    assert merged == (6, 0, []) and not list(tmp_path.glob(".c*"))
    found, damaged = read_records(tmp_path / "c")
    assert [r.key for r in found] == [r.key for r in read_records(a, b)[0]] and not damaged
    assert read_manifests(tmp_path / "c") == read_manifests(a)
    names = {path.name for folder in (a, b) for path in (folder / "objects").rglob("*.png")}
    assert {path.name for path in (tmp_path / "c" / "objects").rglob("*.png")} == names
    assert before == sorted(
        (path, path.read_bytes()) for path in (*a.rglob("*"), *b.rglob("*")) if path.is_file()
    )


def test_of_equal_requests_the_last_one_counts(tmp_path):
    """What one folder asked for first, the other one asked for last: labels and settings are those of it."""
    first, second, again = (asked(rows, created=at) for rows, at in (("x", "1"), ("y", "2"), ("x", "3")))
    a = make_run(tmp_path / "a", [record("best", 0)], manifests=[first, second])
    b = make_run(tmp_path / "b", [record("best", 1)], manifests=[again])
    merge([a, b], tmp_path / "c")
    assert [run.created for run in read_manifests(tmp_path / "c")] == ["2", "3"]


def test_another_result_of_a_key_is_reported_and_left_out(tmp_path):
    key = make(0).key
    a = run(tmp_path / "a", make(0), make(1))
    b = run(tmp_path / "b", make(0, metrics={"psnr": 30.0}, label="=x"), make(2))
    merged = merge([a, b], tmp_path / "c")
    (one,) = merged.conflicts
    assert (one.key, one.kept, one.left_out) == (key, str(a), str(b))
    assert one.difference == "psnr 20 and 30" and merged.records == 3
    kept = {r.key: r for r in read_records(tmp_path / "c")[0]}
    assert kept[key].metrics == {"psnr": 20.0}
    assert (tmp_path / "c" / "objects" / key[:2] / f"{key}.png").read_text().startswith("a ")
    (line,) = csv.DictReader((tmp_path / "c" / "conflicts.csv").open())
    assert line["row"] == "'=x" and line["difference"] == one.difference


def test_a_finished_result_replaces_one_that_failed(tmp_path):
    a = run(tmp_path / "a", make(0, status="failed", metrics={}))
    b = run(tmp_path / "b", make(0))
    assert merge([a, b], tmp_path / "c").conflicts == []
    assert [r.status for r in read_records(tmp_path / "c")[0]] == ["ok"]


def test_nothing_is_merged_into_a_folder_that_is_there_or_from_one_that_is_none(tmp_path):
    a = run(tmp_path / "a", make(0))
    (tmp_path / "c").mkdir()
    for folders in ([a, a], [a, tmp_path / "c"]):
        with pytest.raises(StoreError, match=r"is there already|is no run folder"):
            merge(folders, tmp_path / "c")


def test_links_are_not_followed(tmp_path):
    a = run(tmp_path / "a", make(0))
    (tmp_path / "secret").write_text("x")
    (a / "objects" / "link.png").symlink_to(tmp_path / "secret")
    merge([a, run(tmp_path / "b", make(1))], tmp_path / "c")
    assert not (tmp_path / "c" / "objects" / "link.png").exists()
