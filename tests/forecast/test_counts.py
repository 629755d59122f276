"""Counts: a run without its network asks of it what the whole run does, however its evaluations come."""

import pytest

from bench.forecast import counts
from bench.forecast.counts import SHORTEST, count_calls, is_longer, shortened
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.records.journal import read_records
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.suites.changes import override
from bench.suites.suite import SolverRow, load_suite
from tests.tiny import build, scored_by_psnr

GROUPED = [
    ("pnp_flow", {"steps": 9, "draws": 2}),
    ("sitcom", {"steps": 30, "iterations": 4}),
    ("pnp_dm", {"steps": 31, "levels": 7}),
    ("fps_smc", {"steps": 6, "particles": 3}),
    ("dps", {"steps": 25}),
]
"""Rows whose evaluations come in groups, and whose backward passes are other than their evaluations."""


@pytest.fixture
def suite(tmp_path):
    return load_suite(str(scored_by_psnr(build(tmp_path))))


@pytest.mark.parametrize(("name", "params"), GROUPED)
def test_counts_are_those_of_a_run(suite, tmp_path, name, params):
    row = SolverRow(solver=name, params=params)
    suite = override(suite.model_copy(update={"solvers": (row,)}), [], ["box"], images=1)
    plan = prepare(suite, Options())
    Runner(plan, tmp_path / "run", Observer()).run()
    (record,) = read_records(tmp_path / "run")[0]
    (cell,) = plan.cells
    assert count_calls(cell) == (record.nfe, record.vjps)


def test_a_run_that_is_too_long_lies_on_a_line(suite, monkeypatch):
    monkeypatch.setattr(counts, "NUMBERS", 1)
    (cell,) = prepare(override(suite, ["dps.steps=75"], ["box"]), Options()).cells
    assert is_longer(cell, SHORTEST) and shortened(cell, SHORTEST).steps == SHORTEST
    assert count_calls(cell) == (75, 75)


def test_a_solver_is_not_made_longer(suite):
    (cell,) = prepare(override(suite, ["dps.steps=4"], ["box"]), Options()).cells
    assert shortened(cell, SHORTEST) is cell.solver
