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
RMSE = Column("RMSE, mean", 3, False, name="rmse_mean")
HARD = 2.0 ** np.arange(FEWEST)
PROBLEMS = 24


def distances(shift=0.0, scale=1.0, seed=0, n=PROBLEMS):
    """Distances as exact samples have them, 1 +- .2 from set to set, shifted in units of these .2."""
    return 1 + 0.2 * (shift + scale * np.random.default_rng(seed).normal(size=n))


def test_equivalent_is_shown_near_the_floor_and_never_for_want_of_problems():
    """A further exact set is equivalent, four deviations off are not; seven problems show nothing."""
    made = {"exact": 0.0, "oracle": 0.0, "ddrm": 0.1, "mcg": 4.0, "dps": -4.0, "daps": 1e6}
    for n, near in ((PROBLEMS, True), (7, False)):
        table = exact_table(mmd={name: distances(made[name], seed=i, n=n) for i, name in enumerate(made)})
        rows = judge(table, MMD).rows
        assert (rows["oracle"].equivalent, rows["ddrm"].equivalent) == (near, near)
        assert rows["oracle"].floor and rows["ddrm"].floor
        assert not any(rows[name].equivalent for name in ("mcg", "dps", "daps"))
    assert (
        not judge(exact_table(mmd={"exact": distances(), "mcg": distances(4, seed=1)}), MMD).rows["mcg"].floor
    )


def test_the_best_solver_is_nearest_to_exact_samples_not_to_zero():
    """Less than the distance of exact samples is as wrong as more; anchors are never marked."""
    made = {"exact": 0, "oracle": 0, "dps": 0.5, "mcg": -20, "ddrm": 0.4, "pigdm": 9}
    table = exact_table(mmd={name: distances(made[name], seed=i) for i, name in enumerate(made)})
    marks = {name: number.mark for name, number in judge(table, MMD).rows.items()}
    assert {marks.pop("dps"), marks.pop("ddrm")} == {"best", "tie"}
    assert marks == {"exact": "", "oracle": "", "mcg": "worse", "pigdm": "worse"}


def test_one_diverged_problem_does_not_hide_the_others():
    """A solver that is far off everywhere, and out of bounds once, is told apart from exact samples."""
    wild = distances(9, seed=1)
    wild[3] = 1e9
    assert not judge(exact_table(mmd={"exact": distances(), "dps": wild}), MMD).rows["dps"].floor


def test_rows_in_another_order_of_problems_are_paired_all_the_same():
    made = {"exact": distances(), "dps": distances(seed=1), "mcg": distances(2, seed=2)}
    straight, turned = (judge(exact_table(mmd=made, turned=names), MMD) for names in ((), ("mcg", "dps")))
    assert straight == turned


@pytest.mark.long
def test_a_shift_that_would_be_seen_is_seen_in_four_of_five_tables():
    """Exact sets, one of them shifted by what the table says."""
    found = tables = 0
    for seed in range(0, 300, 3):
        made = {"exact": distances(seed=seed), "oracle": distances(seed=seed + 1)}
        seen = judge(exact_table(mmd=made), MMD).seen
        table = exact_table(mmd=made | {"oracle": distances(seen, seed=seed + 2)})
        found += not judge(table, MMD).rows["oracle"].floor
        tables += 1
    assert 0.68 < found / tables < 0.92


def test_errors_to_the_truth_make_nothing_equivalent():
    """Truths differ by far more than two sets of samples of one problem: what is close to no other is."""
    truths = np.random.default_rng(0).uniform(1, 3, size=PROBLEMS)
    made = {}
    for i, (name, factor) in enumerate({"exact": 1.0, "oracle": 1.0, "daps": 1.5, "dps": 1.02}.items()):
        made[name] = truths * factor + 0.02 * np.random.default_rng(i).normal(size=PROBLEMS)
    judged = judge(exact_table(rmse_mean=made), RMSE)
    assert [name for name, number in judged.rows.items() if number.equivalent] == ["exact"]
    assert judged.rows["oracle"].floor and not judged.rows["daps"].floor
    assert 0.01 < judged.seen * judged.spread < 0.1, "some per cent of an error, not what truths differ by"


@pytest.mark.parametrize("n", [FEWEST - 1, 0])
def test_too_few_exact_samples_decide_nothing(n):
    table = exact_table(mmd={"exact": HARD[:n], "dps": HARD, "mcg": HARD})
    judged = judge(table, MMD)
    assert {(number.floor, number.equivalent, number.mark) for number in judged.rows.values()} == {
        (False, False, "")
    }
    assert np.isnan(judged.seen)


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
