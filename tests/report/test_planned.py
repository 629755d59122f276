"""What manifests asked for."""

from bench.report.planned import labels
from tests.made_run import ROWS, N, asked, make_run, manifest, record, records, report


def test_a_renamed_row_takes_its_records_along(tmp_path):
    renamed = asked(ROWS, created="then")
    renamed["rows"][1] = renamed["rows"][1] | {"label": "better"}
    page, rows = report(
        make_run(tmp_path / "run", records(), manifests=[asked(ROWS), renamed]), tmp_path / "out"
    )
    assert "best" not in rows and rows["better"]["n"] == "12" and "Not run yet" not in page


def test_a_row_that_skips_duplicates_takes_no_label_away():
    whole = manifest(suite="s", rows=[{"label": "tuned", "cells": {"t": "c"}}])
    published = {"label": "published", "if_other": True, "cells": {"t": "c", "u": "d"}}
    alone = manifest(suite="s", rows=[published])
    assert labels([whole, alone]) == labels([alone, whole]) == {("s", "c"): "tuned", ("s", "d"): "published"}
    assert labels([whole, manifest(suite="s", rows=[{"label": "new", "cells": {"t": "c"}}])]) == {
        ("s", "c"): "new"
    }


def test_a_row_with_fewer_samples_than_asked_for_stands_and_says_so(tmp_path):
    run = asked(ROWS)
    for row in run["rows"]:
        if row["label"] in {"best", "same", "worse"}:
            row["samples"] = 2
    found = records()
    first = make_run(tmp_path / "first", found, manifests=[asked(ROWS), run])
    page, rows = report(first, tmp_path / "out")
    assert "- 12 of 24 reconstructions so far: `best`, `same`, `worse`." in page
    assert rows["best"]["n_missing"] == "0" and rows["best"]["ranked"] == "True", "it stands as it is"
    assert "not run" not in page and "missing)" not in page

    others = [record(name, i, sample=1) for name in ("best", "same") for i in range(N)]
    page, rows = report(
        make_run(tmp_path / "more", [*found, *others], manifests=[run]), tmp_path / "more_out"
    )
    assert "- 12 of 24 reconstructions so far: `worse`." in page and rows["best"]["samples"] == "2"
