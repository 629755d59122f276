"""Several folders in one report: rows of one name and other settings are told apart by their folder."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.report import render
from bench.report.selection.choice import make_choice
from bench.report.selection.folders import folder_names, join, without_folder
from bench.report.tables import build
from tests.browser import browser as browser
from tests.commands import bench
from tests.made_run import N, asked, make_run, record

ROWS = ("best", "same", "worse")


def shared(rows=ROWS):
    return [record(row, i) for row in rows for i in range(N)]


def changed(row, shift, **changes):
    """The row of another person: other settings under the same name."""
    found = []
    for i in range(N):
        base = record(row, i, params={"eta": shift}, **changes)
        found.append(replace(base, metrics={"psnr": base.metrics["psnr"] + shift}))
    return found


def manifest(found):
    entries = {}
    for r in found:
        entries[r.label] = {"label": r.label, "cells": {r.task: r.cell}}
    return asked(()) | {"rows": list(entries.values())}


@pytest.fixture
def folders(tmp_path):
    """Two people: the same "same", another "best", and "worse" of one alone."""
    mine, theirs = shared(), [*shared(("same",)), *changed("best", 3.0)]
    found = []
    for name, own in (("mine", mine), ("theirs", theirs)):
        found.append(make_run(tmp_path / name, own, manifests=[manifest(own)]))
    return found


def test_folders_are_called_by_what_tells_them_apart():
    for paths, names in (
        (["/a/x/run", "/b/x/run"], ["a/x/run", "b/x/run"]),
        (["/a/x", "/a/y"], ["x", "y"]),
        (["/home/me/x", "/home/me/x"], ["x", "x"]),
        (["/a/run", "/b/run", "/b/other"], ["a/run", "b/run", "b/other"]),
        (["/a/../b/x", "/a/y/../z"], ["x", "z"]),
        (["/a/x\n\n# y"], ["x # y"]),
    ):
        assert folder_names(list(map(Path, paths))) == names


def test_rows_of_one_name_are_told_apart_where_their_settings_differ(folders):
    joined = join(folders)
    (table,) = build(joined.records, joined.runs, joined.folders)
    assert {row.name: (row.folders, len(row.records)) for row in table.rows} == {
        "best (mine)": (("mine",), N),
        "best (theirs)": (("theirs",), N),
        "same": (("mine", "theirs"), N),
        "worse": (("mine",), N),
    }
    assert table.pending == () and {without_folder(row.head) for row in table.rows} == set(ROWS)


def test_one_folder_is_as_it_was(folders):
    joined = join(folders[:1])
    assert joined.folders == {} and {r.label for r in joined.records} == set(ROWS)


def test_on_all_tasks_also_where_settings_agree(folders):
    """So that a row is not scattered over three names."""
    other = [record(row, i, "box") for row in ("best", "same") for i in range(N)]
    for folder in folders:
        make_run(folder.parent / f"{folder.name}2", [*join([folder]).records, *other], manifests=[])
    joined = join([folders[0].parent / "mine2", folders[1].parent / "theirs2"])
    tables = build(joined.records, joined.runs, joined.folders)
    for table in tables:
        names = {row.name for row in table.rows}
        assert {"best (mine2)", "best (theirs2)", "same"} <= names and "best" not in names


def test_shards_of_one_run_are_put_together(tmp_path):
    parts = []
    for k in (0, 1):
        own = [r for r in shared(("best",)) if int(r.image) % 2 == k]
        parts.append(make_run(tmp_path / str(k), own, manifests=[manifest(own)]))
    joined = join(parts)
    (table,) = build(joined.records, joined.runs, joined.folders)
    assert [(row.name, len(row.records), row.folders) for row in table.rows] == [("best", N, ("0", "1"))]


def test_another_result_of_a_key_is_told_and_the_folder_named_first_counts(tmp_path):
    """Not the older one; so pictures, which are taken from the first folder, are those of the numbers."""
    old = shared(("best",))
    new = [replace(r, metrics={"psnr": 90.0}, created="2030-01-01T00:00:00Z") for r in old]
    places = []
    for name, own in (("new", new), ("old", old)):
        places.append(make_run(tmp_path / name, own, manifests=[manifest(own)]))
    for folders, psnr in ((places, 90.0), (places[::-1], old[0].metrics["psnr"])):
        joined = join(folders)
        assert len(joined.records) == N == len(joined.conflicts)
        assert {r.image: r.metrics["psnr"] for r in joined.records}[old[0].image] == psnr
    said = bench("report", *places, "--out", tmp_path / "out").stderr.splitlines()
    (line,) = said
    assert line.startswith(f"warning: {N} keys with another result in another folder: that of the folder")
    assert "new counts, old does not" in line and str(tmp_path) not in line
    bench("report", *places, "--html", "--out", tmp_path / "out")
    for name in ("report.md", "report.html"):
        assert f"{N} keys with another result" in (tmp_path / "out" / name).read_text()
    assert not bench("report", places[0], places[0], "--out", tmp_path / "out").stderr


def test_a_choice_is_by_names_without_folders(folders, tmp_path):
    render(folders, tmp_path / "out", ["csv", "md"], make_choice(solvers=["best"]))
    page = (tmp_path / "out" / "report.md").read_text()
    assert "best (mine)" in page and "best (theirs)" in page and "| same" not in page


@pytest.mark.long
def test_a_page_of_several_folders_names_them(folders, tmp_path, browser):
    result = bench("report", *folders, "--html", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    browser.open(tmp_path / "out" / "report.html", "#t=blur")
    heads = browser.js("return [...document.querySelectorAll('#mx tbody th .rh')].map(x => x.innerText)")
    joined = " | ".join(heads)
    for part in ("best (mine)", "best (theirs)", "mine and theirs", "worse"):
        assert part in joined
    panel = browser.js("return document.querySelector('.vp').innerText")
    assert "best (theirs)" in panel and "mine and theirs" in panel
    browser.js("document.querySelector('#mx tr[data-row=\"best (theirs)\"] .cell').click()")
    text = browser.find("#pop").text
    assert "Run folder\ntheirs" in text and "(theirs)" not in browser.find("#pop pre").text
    assert "Run folders" in browser.find("#top").text and str(tmp_path) not in browser.js(
        "return document.body.innerText"
    )
    assert browser.logs()[0] == []


def test_one_folder_by_several_paths_is_one_folder(folders, tmp_path, monkeypatch):
    """It would be shown as that of several people."""
    mine, theirs = folders
    (tmp_path / "link").symlink_to(mine)
    monkeypatch.chdir(mine)
    joined = join([mine, Path(), Path("../theirs/../mine"), tmp_path / "link", theirs])
    assert {name for names in joined.folders.values() for name in names} == {"mine", "theirs"}
    assert join([mine, tmp_path / "link"]) == join([mine])
