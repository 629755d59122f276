"""What a run would do: what is there counts as done, and a row's own records tell its cost."""

from pathlib import Path

import pytest

from bench.forecast.dry_run import forecast, probe
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.records.journal import read_records
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests.tiny import build, scored_by_psnr


@pytest.fixture
def suite(tmp_path):
    return load_suite(str(scored_by_psnr(build(tmp_path))))


def test_done_and_missing(suite, tmp_path):
    out = tmp_path / "run"
    Runner(prepare(override(suite, ["ddrm"], ["box"]), Options()), out, Observer()).run()
    plan = prepare(override(suite, ["ddrm", "dps"], ["box"]), Options())
    by_label = {row.cell.label: row for row in forecast(plan, read_records(out)[0])}
    assert (by_label["ddrm"].done, by_label["ddrm"].missing, by_label["ddrm"].seconds) == (4, 0, 0.0)
    assert (by_label["dps"].done, by_label["dps"].missing, by_label["dps"].nfe) == (0, 4, 4)
    assert by_label["dps"].seconds > 0


def test_records_of_other_settings_say_nothing(suite, tmp_path):
    (row,) = (row for row in suite.solvers if row.solver == "ddrm")
    short, long = (
        suite.model_copy(update={"solvers": (row.model_copy(update={"params": {"steps": steps}}),)})
        for steps in (2, 7)
    )
    Runner(prepare(override(short, tasks=["box"]), Options()), tmp_path / "run", Observer()).run()
    records, _ = read_records(tmp_path / "run")
    (found,) = forecast(prepare(override(long, tasks=["box"]), Options()), records)
    assert {(record.label, record.nfe) for record in records} == {(found.cell.label, 2)}
    assert (found.done, found.missing, found.nfe) == (0, 4, 7)


STEPS = """
from dataclasses import dataclass
from solvers.pinv import Pinv

@dataclass(frozen=True)
class Several(Pinv):
    baseline = False
    levels: int = 9

    @property
    def steps(self):
        return self.levels
"""


def test_steps_may_be_a_property(suite, tmp_path):
    (tmp_path / "several.py").write_text(STEPS)
    plan = prepare(override(suite, [f"{tmp_path}/several.py"], ["box"]), Options())
    assert plan.cells[0].steps == 9
    (row,) = forecast(plan, [])
    assert row.missing == 4 and row.seconds > 0


PICKY = """
from dataclasses import dataclass
from solvers.dps import DPS

@dataclass(frozen=True)
class Picky(DPS):
    def solve(self, measurement, prior, noise):
        assert prior.weights_sha256, "the network itself is needed"
        yield from super().solve(measurement, prior, noise)
"""


def test_what_cannot_be_counted_is_taken_for_proportional(suite, tmp_path):
    (tmp_path / "picky.py").write_text(PICKY)
    plan = prepare(override(suite, [f"{tmp_path}/picky.py.steps=30"], ["box"]), Options())
    (row,) = forecast(plan, [])
    assert row.nfe == pytest.approx(30) and row.seconds > 0


def test_a_solver_that_fails_has_no_forecast(suite):
    mine = str(Path(suite.dataset).with_name("mine.py")) + ":Mine"
    plan = prepare(override(suite, [f"{mine}.mode=empty"], ["box"]), Options())
    assert probe(plan, plan.cells[0]) is None
    (row,) = forecast(plan, [])
    assert (row.missing, row.nfe, row.seconds) == (4, None, None)
