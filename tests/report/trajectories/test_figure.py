"""The figure of trajectories: there where they were kept, and of every shape that they may have."""

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from bench.report import render
from bench.report.figures import KINDS
from bench.report.figures.colours import Look
from bench.report.figures.page import encode
from bench.report.trajectories.figure import draw
from bench.report.trajectories.kept import KeptTrajectories, read, summary
from tests.drawn import cut_off


def test_the_report_shows_it_and_has_its_sheet(walked, tmp_path):
    folder, _, _ = walked
    names = {path.name for path in render(folder, tmp_path / "out")}
    assert {"trajectories.png", "trajectories.csv"} <= names
    assert "(trajectories.png)" in (tmp_path / "out" / "report.md").read_text()


def test_tasks_and_lines_of_any_length_are_drawn(walked):
    _, table, find = walked
    found = read(table, find)
    once = {
        "a": {
            name: np.array([v])
            for name, v in {"nfe": 0.0, "vjps": 0.0, "psnr": np.nan, "misfit": 1.0}.items()
        }
    }
    odd = KeptTrajectories((*found.rows, summary("same", once)))
    tables = [replace(table, slug=f"t{k}", title=f"Task {k}") for k in range(6)]
    own = dict.fromkeys(("best", "worse", "same"), Look("#41587a", "o"))
    kept = {one.slug: odd for one in tables} | {"t3": KeptTrajectories()}
    for kind in KINDS:
        assert encode(draw(tables, kept, own), kind)
    data = encode(draw(tables, kept, own), "png")
    assert Image.open(io.BytesIO(data)).size[1] > 1000, "two lines of panels"
    assert draw(tables, dict.fromkeys(kept, KeptTrajectories()), own) is None


def test_long_names_stay_on_the_page(walked):
    _, table, find = walked
    (one, *_) = read(table, find).rows
    names = [f"my_solver[steps={k},eta=0.25]" for k in range(7)]
    found = KeptTrajectories(tuple(replace(one, row=name) for name in names))
    tables = [table, replace(table, slug="other")]
    page = draw(
        tables, dict.fromkeys(("other", table.slug), found), dict.fromkeys(names, Look("#41587a", "o"))
    )
    assert cut_off(page) == []
