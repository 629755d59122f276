"""What manifests asked for."""

from bench.records.journal import read_records
from bench.records.keys import digest
from bench.records.manifest import read_manifests
from bench.report import render
from bench.report.planned import labels
from bench.report.selection.choice import make_choice
from bench.report.tables import build
from tests.made_run import ROWS, N, asked, make_run, manifest, numbers, record, records, report


def test_a_renamed_row_takes_its_records_along(tmp_path):
    renamed = asked(ROWS, created="then")
    renamed["rows"][1] = renamed["rows"][1] | {"label": "better"}
    page, rows = report(
        make_run(tmp_path / "run", records(), manifests=[asked(ROWS), renamed]), tmp_path / "out"
    )
    assert "best" not in rows and rows["better"]["n"] == "12" and "Not run yet" not in page


def changed(row, cell, created):
    """A manifest in which a row has another cell, as with another preset."""
    run = asked(ROWS, created=created)
    run["rows"] = [one | {"cells": {"blur": cell}} if one["label"] == row else one for one in run["rows"]]
    return run


def test_what_the_newest_run_asks_for_is_said_and_shown_alone_on_demand(tmp_path):
    """A row whose settings went from zeta 1 to 2, and one that was changed before it was run."""
    found = [one for one in records() if one.label != "best"]
    for zeta in (1.0, 2.0):
        found += [
            record("best", i, cell=f"c{zeta}", key=digest([zeta, i]), params={"zeta": zeta}) for i in range(N)
        ]
    runs = [changed("best", "c2.0", "2"), changed("worse", "gone", "0"), changed("best", "c1.0", "1")]
    folder = make_run(tmp_path / "run", found, manifests=runs)
    page, rows = report(folder, tmp_path / "all")
    assert "`best (b)`; `report --newest` leaves earlier ones out." in page and "Not run yet" not in page
    (table,) = (one for one in build(read_records(folder)[0], read_manifests(folder)) if one.rows)
    assert table.earlier == {"best (a)": "best (b)"}
    render(folder, tmp_path / "new", ("md", "csv"), make_choice(newest=True))
    newest = numbers(tmp_path / "new")
    assert newest["best"]["params"] == rows["best (b)"]["params"] == '{"zeta":2.0}'
    assert "best (a)" not in newest and set(newest) - {"best"} == set(rows) - {"best (a)", "best (b)"}


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
