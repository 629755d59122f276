"""The numbers of exact suites: what lies at the floor, which solver is nearest, what PSNR rewards."""

import csv
import io

import numpy as np
import pytest

from bench.report.columns import Column
from bench.report.exact import FIELDS, judge, numbers, ordered, rewards, sheet
from bench.report.tables import build
from bench.stats.intervals import FEWEST
from tests.made_run import exact_table

MMD = Column("MMD", 3, False, name="mmd")
HARD = 2.0 ** np.arange(FEWEST)
"""Problems of unlike difficulty: every row is far worse on the last than on the first."""


def test_the_floor_is_that_of_the_same_problems():
    """Worse than exact samples on each problem is not at the floor, though the intervals overlap."""
    table = exact_table(mmd={"exact": 0.1 * HARD, "mcg": 0.11 * HARD, "oracle": 0.1 * HARD}, turned=("mcg",))
    judged = judge(table, MMD)
    intervals = {name: number.interval for name, number in judged.items()}
    assert intervals["mcg"].low < intervals["exact"].median < intervals["exact"].high
    assert {name: number.floor for name, number in judged.items()} == {
        "exact": True,
        "oracle": True,
        "mcg": False,
    }


def test_the_best_solver_is_nearest_to_exact_samples_not_to_zero():
    """Less than the distance of exact samples is as wrong as more; anchors are never marked."""
    shares = {"exact": 1.0, "oracle": 1.0, "dps": 1.1, "mcg": 0.2, "ddrm": 1.1}
    table = exact_table(mmd={name: share * HARD for name, share in shares.items()})
    marks = {name: number.mark for name, number in judge(table, MMD).items()}
    assert marks == {"exact": "", "oracle": "", "ddrm": "best", "mcg": "", "dps": "tie"}


@pytest.mark.parametrize("n", [FEWEST - 1, 0])
def test_too_few_exact_samples_decide_nothing(n):
    table = exact_table(mmd={"exact": HARD[:n], "dps": HARD, "mcg": HARD})
    assert {(number.floor, number.mark) for number in judge(table, MMD).values()} == {(False, "")}


def test_metrics_that_no_row_has_are_left_out():
    table = exact_table(mmd={"exact": HARD})
    assert set(numbers(table, [MMD, Column("SW", 3, False, name="sw")])) == {"mmd"}


def test_psnr_rewards_lost_variance():
    """A row is named where its PSNR is higher and its variance lower; the largest gain comes first."""
    base = np.linspace(20, 30, FEWEST)
    lost, kept = np.full(FEWEST, 0.25), np.full(FEWEST, 1.5)
    table = exact_table(
        psnr_sample={"exact": base, "dps": base + 1, "mcg": base + 2, "ddrm": base - 1, "daps": base + 1},
        var_ratio_measured={"dps": lost, "mcg": lost, "ddrm": lost, "daps": kept},
    )
    found = rewards(table)
    assert [reward.row for reward in found] == ["mcg", "dps"]
    assert found[0].gain == pytest.approx(2) and found[0].variances["measured"].median == 0.25


def test_the_sheet_has_anchors_first_and_a_line_for_each_number():
    table = exact_table(mmd={"dps": HARD, "prior": HARD * np.pi, "exact": HARD})
    assert [row.name for row in ordered(table)] == ["exact", "prior", "dps"]
    lines = list(csv.DictReader(io.StringIO(sheet([table], [numbers(table, [MMD])]).decode())))
    assert tuple(lines[0]) == FIELDS and [line["row"] for line in lines] == ["exact", "prior", "dps"]
    assert lines[1]["median"] == "18.8496" and {line["block"] for line in lines} == {"60"}
    assert build([], []) == []
