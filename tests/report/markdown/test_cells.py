"""How numbers, costs and times are printed."""

import re
from dataclasses import replace

import pytest

from bench.report.columns import KNOWN
from bench.report.markdown.cells import cost, label, number, time, yardstick_label, yardstick_number
from bench.report.ranking import Yardstick
from bench.report.rows import Row
from bench.report.scores import Score
from bench.stats.intervals import Interval
from tests.made_run import make_run, record, records, report


def test_seconds_are_flagged_where_the_batch_differs(tmp_path):
    found = [replace(r, batch=1) if r.label == "worse" else r for r in records()]
    found = [
        replace(r, batch=2, seconds=9.0) if r.label == "best" and r.image in ("10", "11") else r
        for r in found
    ]
    page, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert "‡ Timed otherwise: seconds compare only on one machine" in page and "`worse` batch 1." in page
    assert re.search(r"\| worse<br>.*0\.510‡", page) and not re.search(r"\| same<br>.*‡", page)
    assert float(rows["best"]["seconds"]) == pytest.approx(0.51) and rows["best"]["timed_batches"] == "3"


@pytest.mark.parametrize("change", [{"versions": {"torch": "3"}}, {"dtype": "bfloat16"}, {"device": "cuda"}])
def test_seconds_are_flagged_on_another_machine_or_build(tmp_path, change):
    """As the figure of cost does not draw them."""
    found = [replace(r, **change) if r.label == "worse" else r for r in records()]
    page, _ = report(make_run(tmp_path / "run", found), tmp_path / "out")
    ((name, value),) = change.items()
    text = "torch 3" if name == "versions" else f"{name} {value}"
    assert f"`worse` {text}." in page and re.search(r"\| worse<br>.*0\.510‡", page)
    assert not re.search(r"\| (same|best)<br>.*‡", page)


def test_a_table_of_baselines_only_compares_their_seconds_with_each_other(tmp_path):
    page, _ = report(
        make_run(tmp_path / "run", [record("pinv", i, baseline=True) for i in range(12)]), tmp_path
    )
    assert "| *pinv*" in page and "‡" not in page and "here batch" not in page


PLAIN = Score(Interval(20.0, 19.5, 20.5, 9))


@pytest.mark.parametrize(
    ("changes", "baseline", "printed"),
    [
        ({}, False, "20.00"),
        ({"mark": "best"}, False, "**20.00**"),
        ({"mark": "tie"}, False, "**20.00**⁼"),
        ({"mark": "beats"}, True, "*20.00*°"),
        ({"mark": "beats"}, False, "20.00°"),
        ({"partial": True}, False, "(20.00)"),
        ({"partial": True}, True, "(20.00)"),
    ],
)
def test_a_mark_says_what_a_number_is(changes, baseline, printed):
    cell = number(KNOWN[0], replace(PLAIN, **changes), baseline)
    assert cell == f"{printed}<br><sub>\\[19.50,\u00a020.50\\]</sub>"
    assert number(KNOWN[0], replace(PLAIN, **changes), baseline, with_interval=False) == printed


def test_what_is_not_known_is_not_printed():
    single = Score(Interval(20.0, float("nan"), float("nan"), 1))
    assert number(KNOWN[0], single, False) == "20.00"
    assert number(KNOWN[0], None, False) == "–" == number(KNOWN[0], Score(None, reason="why"), True)
    failed = Row("best", (record("best", 0, status="failed"),))
    assert cost(failed) == "–" == time(failed, None)


def test_a_row_is_named_with_its_cost():
    best, pinv = (Row(name, (record(name, 0),)) for name in ("best", "pinv"))
    assert (label(best), cost(best)) == ("best", "20<br><sub>+\u00a020\u00a0vjps</sub>")
    assert (label(pinv), cost(pinv)) == ("*pinv*", "0")


def test_a_yardstick_says_which_row_it_is_on_which_images():
    yardstick = Yardstick(Row("best", ()), KNOWN[0], {6: {"psnr": PLAIN}})
    assert yardstick_label(yardstick, 6) == "<sub>best on the same 6 images</sub>"
    assert yardstick_number(KNOWN[0], yardstick, 6) == "<sub>20.00</sub>"
    assert yardstick_number(KNOWN[0], yardstick, 7) == yardstick_number(KNOWN[0], None, 6) == ""
