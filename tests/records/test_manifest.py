"""Manifests: their names on disk do not move, old ones are read, and run folders merge by copying."""

import json
import shutil
from dataclasses import replace

import pytest

from bench.records.files import StoreError
from bench.records.manifest import (
    MetricEntry,
    Request,
    RowEntry,
    RunManifest,
    SetsEntry,
    TaskEntry,
    read_manifests,
    write_manifest,
)
from tests import ROOT

COMMITTED = sorted((ROOT / "results").rglob("manifest/*.json"))

FULL = RunManifest(
    suite="s",
    title="Title",
    dataset="d",
    dataset_sha256="ab" * 32,
    prior="p",
    weights_sha256=None,
    seed=0,
    n_images=2,
    images=("a", "b"),
    tasks=(
        TaskEntry(name="blur", operator="blur_gauss", params={"std": 1.5}, sigma=0.05),
        TaskEntry(
            name="mine",
            title="Mine",
            operator="Mine",
            params={},
            sigma=0.1,
            operator_sha256="cd" * 32,
            dataset="e",
            prior="q",
            conventions={"boundary": "circular"},
            images=1,
        ),
    ),
    rows=(
        RowEntry(
            label="dps",
            solver="dps",
            preset="bench",
            paper="2209.14687",
            baseline=False,
            tasks=["blur"],
            cells={"blur": "c1"},
        ),
        RowEntry(
            label="dps-paper",
            solver="dps",
            preset="official",
            paper="2209.14687",
            baseline=False,
            images=1,
            tasks=["blur", "mine"],
            cells={"blur": "c2", "mine": "c3"},
            skip_duplicates=True,
        ),
    ),
    metrics={"psnr": MetricEntry(label="PSNR", format=".2f", scale=1.0, higher_is_better=True, note="n")},
    seconds="the clock",
    sets=SetsEntry(mode="clean", fid_stats={"dataset": "d", "list": "ef" * 32, "n": 4, "sample": "01" * 32}),
    command="bench run",
    created="2026-01-01T00:00:00+00:00",
    versions={"torch": "2"},
    data_root="/data",
    asked=Request(
        suite={
            "name": "s",
            "samples_per_problem": 7,
            "fid_stats": "d",
            "tasks": [{"name": "blur", "samples_per_problem": None}],
            "solvers": [{"solver": "dps", "skip_duplicates": True}],
        },
        options={"dtype": "float32", "deterministic": False},
    ),
)
DIGEST = "9e75805609252df661b470c5f4f02be721ebdd7d37905f6a1cdd6123d8ddfce3"


def test_the_name_of_a_manifest_is_frozen():
    """Any other word, order of rows, or entry that is left out would give a run a second manifest."""
    assert FULL.digest == DIGEST
    elsewhere = {"command": "bench run --shard 1/2", "created": "now", "versions": {}, "data_root": None}
    assert RunManifest.from_disk(FULL.to_disk() | elsewhere).digest == DIGEST


def test_disk_keeps_its_words():
    written = FULL.to_disk()
    assert [row.get("if_other") for row in written["rows"]] == [None, True]
    assert written["sets"].keys() == {"mode", "reference"}
    suite, options = written["asked"]["suite"], written["asked"]["options"]
    assert (suite["block"], suite["reference"], suite["tasks"][0]["block"]) == (7, "d", None)
    assert suite["solvers"] == [{"solver": "dps", "if_other": True}]
    assert options == {"dtype": "float32", "reference": False}
    ours = ("samples_per_problem", "fid_stats", "skip_duplicates", "deterministic")
    assert not [word for word in ours if word in json.dumps(written)]


def test_what_is_written_is_read(tmp_path):
    write_manifest(tmp_path, FULL)
    (read,) = read_manifests(tmp_path)
    assert read.to_disk() == FULL.to_disk()
    assert read.rows[1].skip_duplicates and read.asked.suite["samples_per_problem"] == 7
    assert read.sets.fid_stats["n"] == 4 and read.tasks[0].conventions == {}


def test_what_is_asked_for_again_is_the_newest_and_keeps_its_file_otherwise(tmp_path):
    """A row may get other settings or another name, and its old ones back."""
    one, other = RunManifest(suite="s", created="2026-01"), RunManifest(suite="t", created="2026-02")
    again, last = replace(one, created="2026-03"), replace(one, created="2026-04")
    for run in (one, other, again, last):
        write_manifest(tmp_path, run)
    assert read_manifests(tmp_path) == [other, again]
    (tmp_path / "manifest" / "damaged.json").write_text("{")
    write_manifest(tmp_path, replace(other, created="2026-05"))  # no run ends for it


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: f"{path.parts[-3]}-{path.stem[:6]}")
def test_committed_manifests_keep_their_name_and_text(path):
    """Some are of versions that knew neither what was asked nor conventions."""
    stored = json.loads(path.read_text())
    run = RunManifest.from_disk(stored["run"])
    assert run.digest == path.stem
    assert json.dumps({"format": stored["format"], "run": run.to_disk()}, indent=1) == path.read_text()


def test_the_least_manifest_is_read():
    run = RunManifest.from_disk(
        {"suite": "s", "rows": [{"label": "dps"}], "tasks": [{"name": "t"}], "colour": "red"}
    )
    assert (run.suite, run.asked, run.sets, run.dataset, run.images) == ("s", None, None, None, ())
    assert (run.rows[0].cells, run.rows[0].skip_duplicates, run.tasks[0].sigma) == ({}, False, None)


def test_every_different_run_is_kept_and_folders_merge_by_copying(tmp_path):
    assert read_manifests(tmp_path) == []
    for folder, created, n in [
        ("one", "b", 1),
        ("one", "c", 1),
        ("one", "d", 2),
        ("two", "a", 3),
        ("two", "b", 1),
    ]:
        run = RunManifest(
            suite="s", n_images=n, created=created, command=created, versions={"torch": created}
        )
        write_manifest(tmp_path / folder, run)
    shutil.copytree(tmp_path / "two", tmp_path / "one", dirs_exist_ok=True)
    assert [run.created for run in read_manifests(tmp_path / "one")] == ["a", "b", "d"]


@pytest.mark.parametrize("text", ["{", "[]", '{"run": []}', '{"run": {"rows": [{}]}}'])
def test_a_damaged_manifest_is_named(tmp_path, text):
    (tmp_path / "manifest").mkdir()
    (tmp_path / "manifest" / "x.json").write_text(text)
    with pytest.raises(StoreError, match=r"cannot read .*x\.json.*; delete it"):
        read_manifests(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": [{"label": 3}]}, "label: Input should be a valid string"),
        ({"rows": [{"label": "a", "cells": None}]}, "cells: Input should be a valid dictionary"),
        ({"tasks": [{"name": "a", "sigma": "x"}]}, "sigma: Input should be a valid number"),
        ({"images": [1]}, "images: Input should be a valid string"),
    ],
)
def test_a_field_of_another_type_is_named(tmp_path, change, message):
    (tmp_path / "manifest").mkdir()
    (tmp_path / "manifest" / "x.json").write_text(json.dumps({"format": 1, "run": {"suite": "s"} | change}))
    with pytest.raises(StoreError, match=f"{message}; delete it"):
        read_manifests(tmp_path)
