"""Numbers of the page: means of images, medians of problems with their marks."""

import pytest

from bench.report.columns import KNOWN
from bench.report.exact import Number
from bench.report.html.numbers import of_images, of_problems
from bench.report.scores import Sets
from bench.report.tables import build
from bench.stats.intervals import Median, mean_interval
from tests.made_run import PSNR, records


def test_means_have_the_interval_that_holds_for_skewed_scores(tmp_path):
    [table] = build(records(), [])
    found = of_images(table, KNOWN, Sets([tmp_path]))
    assert found["psnr"]["best"].interval == pytest.approx(mean_interval(PSNR["best"]))
    assert found["lpips"]["best"].interval is None and "weights" in found["lpips"]["best"].reason
    assert found["fid"]["best"].reason


def test_a_row_may_be_the_nearest_and_at_the_floor():
    number = Number(Median(1.0, 0.5, 2.0, 6), floor=True, mark="best")
    assert of_problems({"mmd": {"a": number}})["mmd"]["a"].mark == "best floor"
