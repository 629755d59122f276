"""Cells: the numbers of a row, or why there are none."""

import math

import numpy as np
import pytest

from bench.records.manifest import RunManifest
from bench.report.html.cells import again, number
from bench.stats.intervals import mean_interval
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
    assert cell["run"] == "python -m bench run --suite linear --solver best --task blur"
    assert ["LPIPS", "no | weights\nhere"] in made.document["absent"]


def test_failures_and_blanks_say_why(made):
    cells = made.document["cells"]["blur"]
    assert (cells["fails"]["n"], cells["fails"]["f"]) == (N - 2, 2)
    assert cells["fails"]["why"] == "2 reconstructions failed: not finite"
    assert cells["fails"]["v"]["psnr"][3] is None
    assert (cells["needy"]["s"], cells["needy"]["why"]) == ("skipped", "Needy needs SVD")
    assert (cells["later"]["s"], "not been run" in cells["later"]["why"]) == ("pending", True)


@pytest.mark.parametrize(
    "changes", [{"label": "dps[zeta=1]"}, {"source_sha256": "ab"}, {"suite": "a suite of mine"}]
)
def test_what_names_cannot_say_needs_the_whole_command(changes):
    row = record("best", 0, **changes)
    told = {
        "suite": row.suite,
        "command": "bench run x",
        "rows": [{"label": "a", "cells": {"blur": row.cell}}],
    }
    assert again(row, [RunManifest.from_disk(told)]) == "bench run x"
    assert again(record("best", 0), [RunManifest.from_disk(told)]).endswith("--solver best --task blur")
