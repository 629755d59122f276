"""The worker computes what the run itself would, bit by bit, in any order, once."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.plan.build import prepare
from bench.plan.cell import Job
from bench.plan.options import make_options, mode
from bench.records.journal import History, read_records
from bench.records.lines import BriefReader
from bench.run.engines.work import MOST_IMAGES, Result, Shard, Worker, cut, ending, setting_of
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests.ours import SOLVERS
from tests.run.steps.test_trajectory import BAD
from tests.tiny import build, scored_by_psnr

OPTIONS = make_options(deterministic=True, trajectory=True)


@pytest.fixture
def suite(tmp_path):
    found = load_suite(str(scored_by_psnr(build(tmp_path))))
    return override(found, ["ddrm", f"{tmp_path}/mine.py:Mine"], ["box", "box2"], list(SOLVERS))


def results(folder):
    """Key -> what must not depend on who computed it."""
    return {record.key: (record.status, record.metrics, record.y_hash) for record in read_records(folder)[0]}


def pictures(folder: Path):
    files = [*(folder / "objects").rglob("*.png"), *(folder / "objects" / "trajectory").rglob("*.npz")]
    return {path.name: path.read_bytes() for path in files}


@pytest.mark.long
def test_a_worker_repeats_the_run_bit_by_bit_in_another_order(suite, tmp_path):
    with mode(OPTIONS):
        plan = prepare(suite, OPTIONS)
        Runner(plan, tmp_path / "inline", Observer()).run()
        runner = Runner(plan, tmp_path / "other", Observer())
        setting = setting_of(runner)
        shards = cut(runner.begin(2), setting, workers=2)
        with ending(Worker(setting)) as worker:
            for shard in reversed(shards):
                mixed = replace(shard, jobs=tuple(reversed(shard.jobs)))
                assert worker.run(mixed) == Result()
                assert worker.run(shard) == Result(), "a second time, nothing is left to do"
    assert results(tmp_path / "inline") == results(tmp_path / "other")
    assert pictures(tmp_path / "inline") == pictures(tmp_path / "other") != {}
    assert len(list((tmp_path / "other").rglob("trajectory/*/*.npz"))) == 16
    assert len(History(tmp_path / "other", BriefReader()).attempts) == len(shards) * 2 == 16


@pytest.mark.long
def test_a_worker_that_starts_late_knows_what_came_before_it(suite, tmp_path):
    """As a job that Slurm requeued does."""
    plan = prepare(suite, make_options())
    runner = Runner(plan, tmp_path / "run", Observer())
    setting, todo = setting_of(runner), runner.begin()
    runner.run()
    with ending(Worker(setting)) as worker:
        assert {worker.run(shard) for shard in cut(todo, setting, 1)} == {Result()}
        unknown = worker.run(Shard("none", worker._prior, todo[0][1][:1]))
        assert "other settings or other code than the process that started it" in unknown.error
    assert len(History(tmp_path / "run", BriefReader()).attempts) == 16


def test_what_a_worker_notes_is_handed_back_once(suite, tmp_path):
    """Such as why a row has no trajectory."""
    (tmp_path / "odd.py").write_text(BAD)
    options = make_options(trajectory=True)
    plan = prepare(override(suite, [f"{tmp_path}/odd.py"], ["box"], list(SOLVERS)), options)
    runner = Runner(plan, tmp_path / "run", Observer())
    setting = setting_of(runner)
    with ending(Worker(setting)) as worker:
        (shard,) = cut(runner.begin(), setting, 1)
        (note,) = worker.run(shard).notes
        assert note.startswith("no trajectory of odd on box: TypeError: x0 is NoneType")
        assert worker.run(shard) == Result()


def cell(name, task):
    return SimpleNamespace(id=name, task=SimpleNamespace(name=task))


def test_shards_are_whole_batches_of_one_cell_prior_by_prior():
    suite = {"prior": "p", "tasks": [{"name": "a"}, {"name": "b", "prior": "q"}]}
    setting = SimpleNamespace(asked=SimpleNamespace(suite=suite), options=make_options(batch=8))
    jobs = [Job(f"{i}", 0, f"{i}") for i in range(100)]
    todo = [(cell("1", "a"), jobs), (cell("2", "b"), jobs[:3]), (cell("3", "a"), jobs[:9])]
    shards = cut([*todo, (cell("4", "a"), [])], setting, workers=2)
    sizes = [(shard.cell, shard.prior, len(shard.jobs)) for shard in shards]
    large, small = [("1", "p", MOST_IMAGES)] * 3, [("1", "p", 4), ("3", "p", 8), ("3", "p", 1), ("2", "q", 3)]
    assert sizes == large + small
    assert [job for shard in shards[:4] for job in shard.jobs] == jobs
