"""The tables of `plan` and `probe`."""

from types import SimpleNamespace

import pytest

from bench.cli.planning.table import cost_table, probe_table, totals
from bench.forecast.planner import CellCost, SuiteCost
from bench.forecast.probe import Probe, Timing
from bench.forecast.work import Work


def cost(label, images=10, seconds=36.0, largest=4):
    cell = SimpleNamespace(task=SimpleNamespace(name="box"), label=label)
    return CellCost(cell, images, 100.0, 100.0, 12.5, seconds, 2.004, largest)


def test_a_line_for_each_row():
    first, second, third = cost_table([cost("dps"), cost("a_long_label", largest=123456)]).splitlines()
    assert first.split()[:4] == ["task", "row", "images", "NFE"]
    assert second.split() == ["box", "dps", "10", "100", "100", "12.5", "36", "2", "4", "6", "min", "00", "s"]
    assert ">9999" in third and len(first.partition("NFE")[0]) == len(third.partition("100")[0])


@pytest.mark.parametrize(("factor", "words"), [(2.0, "0.05 to 0.2, a factor of 2"), (None, "not known")])
def test_the_sum_says_how_sure_it_is(factor, words):
    lines = totals(SuiteCost(4, [cost("dps")], ["a default"], factor, [], []), "NVIDIA H100")
    assert lines.startswith("in all 0.1 hours of NVIDIA H100 at batch 4") and words in lines
    assert lines.splitlines()[1:] == ["times: a default"]


def test_a_probe_shows_seconds_of_an_image():
    found = Probe(
        "cpu", "float32", "mine", "abc", "2026-01-01", "2", Work(), Work(), (Timing("vjp", 4, 2.0),)
    )
    assert probe_table(found).splitlines()[-1].split() == ["vjp", "4", "2", "0.5"]
