"""The sheet of trajectories: a line for each step."""

import csv
import io

from bench.report.trajectories.kept import KeptTrajectories, read
from bench.report.trajectories.sheet import sheet


def test_a_line_for_each_step(walked):
    _, table, find = walked
    lines = list(csv.DictReader(io.StringIO(sheet([table], {table.slug: read(table, find)}).decode())))
    assert len(lines) == 208
    assert {
        name: lines[2][name] for name in ("row", "step", "passes", "images", "psnr_median", "psnr_low")
    } == {
        "row": "best",
        "step": "3",
        "passes": "6.0",
        "images": "12",
        "psnr_median": "8.5",
        "psnr_low": "5.75",
    }
    assert lines[2]["residual_median"] == "" and lines[2]["misfit_median"] == "3.333333"


def test_nothing_kept_is_no_sheet(walked):
    assert sheet([walked[1]], {walked[1].slug: KeptTrajectories()}) is None
