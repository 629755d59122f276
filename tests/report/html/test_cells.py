"""Cells: the numbers of a row, or why there are none."""

import math

import numpy as np
import pytest

from bench.records.manifest import RunManifest
from bench.report.html.cells import again, number
from bench.stats.intervals import mean_interval
from bench.suites.presets import resolve
from tests.made_run import PSNR, N, record


def test_numbers_that_json_cannot_hold():
    assert [number(x, 1) for x in (1.26, math.nan, math.inf, -math.inf)] == [1.3, None, "inf", "-inf"]


def test_a_solved_row(made):
    cell = made.document["cells"]["blur"]["best"]
    expected = mean_interval(PSNR["best"])[:3]
    assert cell["m"]["psnr"] == pytest.approx(expected, abs=1e-4)
    assert np.array(cell["v"]["psnr"]) / 1000 == pytest.approx(PSNR["best"], abs=1e-3)
    assert (cell["s"], cell["n"], cell["f"], cell["why"]) == ("ok", N, 0, "")
    assert (cell["nfe"], cell["vjp"], cell["sec"]) == (20, 20, "0.510")
    assert cell["run"] == "bench run --suite linear", "no suite of ours has such a row"
    assert ["LPIPS", "no | weights\nhere"] in made.document["absent"]


def test_failures_and_blanks_say_why(made):
    cells = made.document["cells"]["blur"]
    assert (cells["fails"]["n"], cells["fails"]["f"]) == (N - 2, 2)
    assert cells["fails"]["why"] == "2 reconstructions failed: not finite"
    assert cells["fails"]["v"]["psnr"][3] is None
    assert (cells["needy"]["s"], cells["needy"]["why"]) == ("skipped", "Needy needs SVD")
    assert (cells["later"]["s"], "not been run" in cells["later"]["why"]) == ("pending", True)


_, PARAMS = resolve("ddrm", "bench", "fashion32", "inpaint_box", "inpaint_box")
OURS = {"suite": "demo", "dataset": "fashion32", "prior": "fashion32", "task": "inpaint_box"}
OURS |= {"operator": "inpaint_box", "solver": "ddrm", "label": "ddrm-20", "preset": "bench", "params": PARAMS}
"""A row of suite demo as it is."""
SHORT = "python -m bench run --suite demo --solver ddrm-20 --task inpaint_box"


def whole(row, **entries):
    """A manifest with a command that asked for the cell of a row."""
    rows = [{"label": row.label, "cells": {row.task: row.cell}}]
    return RunManifest.from_disk({"suite": row.suite, "command": "bench run x", "rows": rows} | entries)


def test_names_say_what_our_suite_asks_for():
    row = record("best", 0, **OURS)
    assert again(row, [whole(row)]) == SHORT


@pytest.mark.parametrize(
    "changes",
    [
        {"label": "ddrm-20[steps=4]", "params": PARAMS | {"steps": 4}},
        {"params": PARAMS | {"steps": 4}},
        {"seed": 3},
        {"dtype": "float64"},
        {"prior": "my_prior.py:make"},
        {"dataset": "photos"},
        {"task": "grey", "operator": "grey"},
        {"source_sha256": "ab"},
        {"operator_sha256": "ab"},
        {"suite": "a suite of mine"},
    ],
)
def test_what_names_cannot_say_needs_the_whole_command(changes):
    row = record("best", 0, **(OURS | changes))
    assert again(row, [whole(row)]) == "bench run x"
    assert again(row, []) == ""


def test_a_blank_names_no_command_that_would_be_refused(page_of):
    """A row with a letter, a changed copy and the best of several samples are no names that `run` knows."""
    changed = [record("best", i, **(OURS | {"label": "ddrm-20[steps=4]"})) for i in range(2)]
    other = {"task": "sr_average4", "operator": "sr_average4", "label": "ddnm-100", "solver": "ddnm"}
    beside = [record("same", i, **(OURS | other)) for i in range(2)]
    cells = page_of([*changed, *beside], pictures=0, manifests=[]).document["cells"]
    assert cells["sr_average4"]["ddrm-20[steps=4]"]["run"] == ""
    assert cells["inpaint_box"]["ddnm-100"]["run"] == SHORT.replace("ddrm-20", "ddnm-100")


def test_what_is_pending_is_asked_for_by_its_run(page_of):
    row = record("best", 0, **(OURS | {"seed": 3}))
    tasks = [{"name": "inpaint_box", "operator": "inpaint_box"}]
    rows = [
        {"label": "ddrm-20", "cells": {"inpaint_box": row.cell}},
        {"label": "later", "cells": {"inpaint_box": "l"}},
    ]
    run = whole(row, seed=3, tasks=tasks, rows=rows).to_disk()
    cells = page_of([row], pictures=0, manifests=[run]).document["cells"]["inpaint_box"]
    assert (cells["later"]["s"], cells["later"]["run"]) == ("pending", "bench run x")
