"""Trials: short runs without the network, and counts, say what whole runs of it do."""

import pytest
import torch

from bench.forecast.stand_in import make_stand_ins
from bench.forecast.trial import SHORT, try_cell
from bench.plan.build import make_cells
from bench.records.table import load
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests import ROOT
from tests.tiny import build

REFERENCE = ROOT / "results" / "reference"
CPU = torch.device("cpu")


@pytest.fixture
def suite(tmp_path):
    return load_suite(str(build(tmp_path)))


def cell(suite, row):
    changed = override(suite, [row], ["box"])
    return make_cells(changed, make_stand_ins(changed, CPU), {})[0]


@pytest.mark.parametrize(
    ("row", "nfe", "vjps"),
    [("pinv", 0, 0), ("ddrm.steps=100", 100, 0), ("dps.steps=7", 7, 7), ("dps.steps=100", 100, 100)],
)
def test_counts_are_those_of_the_whole_run(suite, row, nfe, vjps):
    trial = try_cell(cell(suite, row), 4, timed=True)
    assert (trial.nfe, trial.vjps) == (nfe, vjps)


@pytest.mark.long
@pytest.mark.parametrize(("suite", "task"), [("linear", "sr_average4"), ("nonlinear", "hdr")])
def test_counts_are_those_of_committed_records(suite, task):
    table = load(REFERENCE / suite)
    solved = table[(table["task"] == task) & (table["status"] == "ok")]
    known = solved.groupby("label")[["nfe", "vjps"]].mean()
    depends_on_images = solved.groupby("label")["nfe"].nunique() > 1
    changed = override(load_suite(suite), [], [task])
    made = make_cells(changed, make_stand_ins(changed, CPU), {})
    cells = [cell for cell in made if cell.label in known.index]
    assert len(cells) >= 4
    for cell in cells:
        trial = try_cell(cell, 4, timed=True)
        if depends_on_images[cell.label]:  # SITCOM stops early where the residual is small
            assert known.loc[cell.label].nfe <= trial.nfe <= cell.solver.steps, cell.label
            continue
        assert (trial.nfe, trial.vjps) == pytest.approx(tuple(known.loc[cell.label]), rel=0.02), cell.label


def test_what_is_not_timed_is_counted_and_grows_with_the_steps(suite):
    some, more = (try_cell(cell(suite, f"dps.steps={n}"), 4, timed=False) for n in (SHORT, 2 * SHORT))
    assert some.seconds is None and some.rest.calls > SHORT
    assert more.rest.calls == pytest.approx(2 * some.rest.calls)


def test_a_solver_that_fails_has_no_trial(suite, tmp_path):
    assert try_cell(cell(suite, f"{tmp_path}/mine.py:Mine.mode=empty"), 4, timed=True) is None
