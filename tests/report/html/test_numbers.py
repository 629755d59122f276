"""What a page shows of a table: means of images, medians of problems with their marks."""

from dataclasses import replace

import numpy as np
import pytest

from bench.report import exact
from bench.report.columns import KNOWN, Column
from bench.report.html.families import sentence
from bench.report.html.numbers import of_images, of_problems
from bench.report.ranking import judge_all
from bench.report.scores import Sets
from bench.report.tables import build
from bench.stats.intervals import Median, mean_interval
from tests.made_exact import exact_row, exact_tables
from tests.made_run import PSNR, records

MMD = Column("MMD", 3, False, name="mmd")


def test_means_verdicts_and_what_would_be_seen(tmp_path):
    [table] = build(records(), [])
    judged = judge_all(table, KNOWN, Sets([tmp_path]), {})
    found = of_images(judged, KNOWN)
    assert found.scores["psnr"]["best"].interval == pytest.approx(mean_interval(PSNR["best"]))
    assert "fid" not in found.verdicts and "misfit" not in found.verdicts
    assert set(found.verdicts["psnr"].rows) == {"best", "same", "worse"}
    assert found.sees == {"psnr": f"{judged.verdicts['psnr'].seen:.2f} dB"}


def test_a_row_may_be_the_nearest_at_the_floor_and_equivalent():
    [table] = exact_tables(exact_row("exact"))
    number = exact.Number(Median(1.0, 0.5, 2.0, 6), floor=True, equivalent=True, mark="best")
    worse = exact.Number(Median(9.0, 8.0, 9.5, 6), mark="worse")
    tie = exact.Number(Median(1.5, 1.0, 2.5, 6), mark="tie")
    rows = {"exact": number, "far": worse, "near": tie}
    found = of_problems(table, {"mmd": exact.MetricNumbers(rows, 1.0, 2.34)})
    said = "".join(part if isinstance(part, str) else part["row"] for part in sentence(found, MMD))
    assert said.endswith(" Nearest: exact. Not shown to be further: near.")
    one = {"exact": replace(number, mark=""), "far": replace(tie, mark="", equivalent=True)}
    said = sentence(of_problems(table, {"mmd": exact.MetricNumbers(one, 1.0)}), MMD)
    assert " Nearest: " not in said, "one solver alone is not the nearest of several"
    assert found.scores["mmd"]["exact"].mark == "equivalent best"
    assert found.scores["mmd"]["far"].mark == "worse" and found.sees == {"mmd": "2.3 σ of exact"}
    assert of_problems(table, {"mmd": exact.MetricNumbers({}, 1.0, np.inf)}).sees == {"mmd": "no distance"}


def test_rows_that_are_equivalent_and_near_are_named_once():
    [table] = exact_tables(*map(exact_row, "abcde"))
    marks = {"a": ("best", True), "b": ("tie", True), "c": ("tie", False), "d": ("worse", True)}
    numbers = {name: exact.Number(Median(1, 1, 1, 6), False, *marks[name][::-1]) for name in marks}

    def said(*names):
        kept = exact.MetricNumbers({name: numbers[name] for name in names}, 1.0)
        found = sentence(of_problems(table, {"mmd": kept}), MMD)
        return "".join(part if isinstance(part, str) else part["row"] for part in found)

    what, near = "hown to be equivalent to exact samples", " Nearest: a≈. Not shown to be further: b≈ and c."
    assert said("a", "b", "c") == f"≈: s{what}.{near}"
    assert said("a", "b", "c", "d") == f"S{what} (≈): d.{near}"
    assert said("c", "d") == f"S{what}: d. Not shown to be further: c."
