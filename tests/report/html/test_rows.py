"""Rows of the page: marks that tell them apart, certificates, why a row is not ranked."""

from bench.report.figures.colours import place_methods
from bench.report.html.rows import row_entries
from bench.report.tables import build
from tests.made_run import N, asked, manifest, record, records


def entries(found, runs=()):
    return {row["id"]: row for row in row_entries(build(found, runs), runs)}


def test_our_methods_keep_their_marks_and_a_users_takes_a_free_one():
    found = [
        record("best", 0, solver=solver, label=solver, cell=solver, key=solver)
        for solver in ("red_diff", "dps", "mine", "other")
    ]
    rows = entries([*found, record("best", 0, solver="dps", label="dps-2", cell="x", key="x"), records()[0]])
    hues = {name: row["hue"] for name, row in rows.items()}
    assert (hues["red_diff"], hues["dps"], hues["dps-2"], hues["pinv"]) == (0, 1, 1, -1)
    places = place_methods({row.head.solver: row.method for row in build(found, [])[0].rows})
    assert (hues["mine"], hues["other"]) == (places["mine"], places["other"]), "as in figures"
    assert rows["dps"]["variant"] != rows["dps-2"]["variant"]


def test_why_a_row_is_not_ranked():
    few = [record("best", i, label="few", cell="few", key=f"few{i}") for i in range(6)]
    rows = entries([*records(), *few])
    assert rows["best"]["why"] == rows["pinv"]["why"] == ""
    assert rows["fails"]["why"] == "2 reconstructions failed"
    assert rows["few"]["why"] == f"6 images, the others have {N}"


def test_a_row_of_earlier_settings_says_so():
    found = [record("best", i, cell=cell, key=f"{cell}{i}") for cell in ("c1", "c2") for i in range(N)]
    runs = [
        manifest(rows=[{"label": "best", "cells": {"blur": cell}}], tasks=[{"name": "blur"}])
        for cell in ("c1", "c2")
    ]
    assert {name: row["earlier"] for name, row in entries(found, runs).items()} == {
        "best (a)": 1,
        "best (b)": 0,
    }
    assert not any(row["earlier"] for row in entries(found).values())


def test_rows_without_records_are_there():
    skipped = record("worse", 0, psnr=0, status="skipped", label="needy", cell="n", key="n", reason="no SVD")
    rows = entries([*records(), skipped], [manifest(**{k: v for k, v in asked().items() if k != "suite"})])
    assert rows["needy"]["why"] == rows["later"]["why"] == "no results on any task"
    assert rows["later"]["state"] == ""
