"""What manifests asked for."""

from bench.report.planned import labels
from tests.made_run import ROWS, asked, make_run, manifest, records, report


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
