"""Two made-up runs: before, and after a change."""

from dataclasses import replace

import pytest

from tests.made_run import asked, cell_of, make_run, records


def changed(record):
    """After: "best" is .2 dB better on every other image, "worse" has other settings and loses an image."""
    if record.label == "best" and int(record.image) % 2:
        return replace(record, metrics=record.metrics | {"psnr": record.metrics["psnr"] + 0.2})
    if record.label == "worse":
        lost = {"status": "diverged", "metrics": {}} if record.image == "5" else {}
        return replace(record, params={"zeta": 2}, versions={"torch": "3"}, key=f"{record.key[:-1]}x", **lost)
    return record


@pytest.fixture
def runs(tmp_path):
    """The two folders; a row "new" is only after, and "same" only before."""
    before, after = tmp_path / "old" / "run", tmp_path / "new" / "run"
    found = [replace(r, params={"zeta": 1}) if r.label == "worse" else r for r in records()]
    make_run(before, found, pictures=0, manifests=[asked()])
    later = [changed(r) for r in found]
    later = [
        replace(r, label="new", cell="n", key=f"n{r.key[1:]}") if r.label == "same" else r for r in later
    ]
    rows = [{"label": row, "cells": {"blur": cell_of(row)}} for row in ("pinv", "best", "worse", "fails")]
    rows.append({"label": "new", "cells": {"blur": "n"}})
    make_run(after, later, pictures=0, manifests=[asked(rows=()) | {"rows": rows}])
    return str(before), str(after)
