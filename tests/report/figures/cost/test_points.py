"""What stands against what: passes, seconds of one machine only, scores that are comparable."""

from dataclasses import replace

import numpy as np
import pytest

from bench.report.columns import KNOWN
from bench.report.figures.cost.points import (
    panel_of,
    place,
    remarks_of,
    seconds_on,
    texts_of,
    usual_machine,
)
from bench.report.ranking import judge_all
from bench.report.rows import conditions
from bench.report.scores import Sets
from bench.report.tables import build
from tests.made_run import PSNR, N, record, records

METRIC = KNOWN[0]


@pytest.fixture
def judged(tmp_path):
    def judged(found):
        [table] = build(found, [])
        return judge_all(table, [METRIC], Sets([tmp_path]), {})

    return judged


def panel(one):
    return panel_of(one, METRIC, usual_machine(one.table))


def test_passes_count_backward_passes_and_baselines_are_levels(judged):
    found = panel(judged(records()))
    passes = {point.row.name: point.passes for point in found.points}
    assert passes == {"best": 40, "same": 20, "worse": 20, "fails": 20}
    assert found.levels.keys() == {"pinv"}
    assert {point.row.name: point.partial for point in found.points}["fails"]


@pytest.mark.parametrize(
    "change",
    [{"device": "another cpu"}, {"versions": {"torch": "3"}}, {"versions": {"os": "b"}}, {"batch": 7}],
)
def test_seconds_of_another_machine_or_build_are_not_drawn(judged, change):
    found = [replace(r, **change) if r.label == "worse" else r for r in records()]
    one = judged(found)
    shown = panel(one)
    seconds = {point.row.name: point.seconds for point in shown.points}
    assert seconds["worse"] is None and seconds["best"].mean == pytest.approx(0.51)
    said = " ".join(remarks_of(one.table, [shown], usual_machine(one.table)))
    assert "Seconds: cpu, 1 thread, batch 4, float32; not drawn there" in said and said.endswith(": worse.")


def test_a_row_of_two_machines_has_the_seconds_of_the_usual_one(judged):
    found = []
    for r in records():
        is_other = r.label == "best" and int(r.image) < 6
        found.append(replace(r, device="slow", seconds=9.0) if is_other else r)
    one = judged(found)
    machine = usual_machine(one.table)
    [row] = [row for row in one.table.rows if row.name == "best"]
    assert machine == conditions(record("same", 0)) and seconds_on(row, machine).mean < 1


def test_without_seconds_the_figure_says_so(judged):
    one = judged([replace(r, seconds=None) for r in records()])
    assert usual_machine(one.table) is None
    assert remarks_of(one.table, [panel(one)], None)[-1] == "No seconds: none were recorded."


@pytest.mark.parametrize(("n", "has_bars"), [(4, False), (N, True)])
def test_bars_and_lines_are_explained_where_they_are_drawn(judged, n, has_bars):
    """Nothing is joined here; of 4 images there is no interval."""
    one = judged([record(row, i) for row in ("best", "same") for i in range(n)])
    said = " ".join(remarks_of(one.table, [panel(one)], None))
    assert ("Bars: 95 % interval" in said) == has_bars and "Dotted" not in said
    changed = [record(row, i, params={"steps": 9 + len(row)}) for row in ("best", "worse") for i in range(n)]
    one = judged([replace(r, solver="dps") for r in changed])
    said = remarks_of(one.table, [panel(one)], None)
    assert "Dotted lines: rows that differ in their number of steps alone." in said


def test_rows_of_fewer_images_are_placed_by_their_distance_and_keep_their_number(judged):
    few = [r for r in records() if r.label != "worse" or int(r.image) < 8]
    one = judged(few)
    moved = place(one.table, one.scores["psnr"], one.yardstick, METRIC)["worse"].interval.mean
    assert moved == pytest.approx(PSNR["best"].mean() - 0.5)
    shown = panel(one)
    [point] = [point for point in shown.points if point.row.name == "worse"]
    assert point.shown == pytest.approx(PSNR["worse"][:8].mean())
    assert texts_of(one.table, shown)["worse"].startswith("worse, n 8")
    assert any("paired distance" in text for text in remarks_of(one.table, [shown], None))


def test_what_lies_beyond_the_axis_is_named_with_its_number(judged):
    found = [replace(r, metrics={"psnr": -3.25}) if r.label == "worse" else r for r in records()]
    more = [
        replace(r, label=f"more{k}", cell=f"more{k}", key=r.key + str(k))
        for k in range(2)
        for r in found
        if r.label == "best"
    ]
    one = judged([*found, *more])
    texts = texts_of(one.table, panel(one))
    assert texts["worse"] == "worse ↓ −3.25" and texts["fails"].startswith("(fails)")
    assert any(text.startswith("Arrows") for text in remarks_of(one.table, [panel(one)], None))


def test_an_infinite_score_is_beyond_the_axis(judged):
    found = [
        record(row, i, psnr=np.inf if row == "best" else None) for row in ("best", "worse") for i in range(N)
    ]
    one = judged(found)
    assert texts_of(one.table, panel(one))["best"] == "best ↑ ∞"
