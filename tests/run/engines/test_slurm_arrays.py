"""Job arrays: what is submitted, what an end of a job means, and a whole run with jobs of this machine.

`make cluster` has the same with a real Slurm.
"""

import os
from collections import Counter
from types import SimpleNamespace

import pytest
import submitit

from bench.plan.build import prepare
from bench.plan.cell import Job
from bench.plan.options import make_options
from bench.records.journal import History
from bench.records.lines import BriefReader
from bench.run.engines import slurm_arrays
from bench.run.engines.queue import Queue
from bench.run.engines.slurm_arrays import (
    ArrayTask,
    grouped,
    make_executor,
    note_states,
    refusal,
    run_slurm,
    settle,
    submit,
    with_card,
)
from bench.run.engines.work import EngineError, Shard
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests.ours import SOLVERS
from tests.tiny import build, scored_by_psnr


def shard(keys, prior="p", deaths=0):
    return Shard("cell", prior, tuple(Job(key, 0, key) for key in keys), deaths)


def names(shards):
    return ["".join(job.key for job in shard.jobs) for shard in shards]


def fake(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """A folder of commands that come before those of the system."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "bin"


def test_a_task_has_one_prior_and_parts_of_every_row():
    queue = Queue([shard(key) for key in "abcdef"] + [shard("x", "q"), shard("y", deaths=1)])
    groups = grouped(queue, at_once=1, settled={"c"})
    assert [names(group) for group in groups] == [["y"], ["a", "f"], ["b"], ["d"], ["e"], ["x"]]
    assert not queue


@pytest.mark.parametrize(
    ("state", "back", "deaths"),
    [("PREEMPTED", ["ab", "cd"], 0), ("NODE_FAIL", ["ab", "cd"], 0), ("TIMEOUT", ["a", "b", "cd"], 1)],
)
def test_only_a_job_that_failed_by_itself_counts_against_its_image(state, back, deaths):
    queue, task = Queue([]), ArrayTask("7_0", [shard("ab"), shard("cd")], SimpleNamespace(paths=None), state)
    task.job.paths = SimpleNamespace(result_pickle=SimpleNamespace(exists=lambda: False))
    assert settle([task], queue, set()) == []
    waiting = [queue.next("", set()) for _ in back]
    assert sorted(names(waiting)) == back and max(shard.deaths for shard in waiting) == deaths
    with pytest.raises(EngineError, match="jobs were cancelled; run again to go on"):
        settle([ArrayTask("7_0", [shard("ab")], task.job, "CANCELLED")], queue, set())
    assert settle([ArrayTask("7_0", [shard("ab")], task.job, "CANCELLED")], queue, {"a", "b"}) == []


def test_what_a_worker_could_not_do_ends_the_run():
    job = SimpleNamespace(paths=SimpleNamespace(result_pickle=SimpleNamespace(exists=lambda: True)))
    job.result = lambda: "cannot append to run/journal: No space left on device"
    with pytest.raises(EngineError, match="No space left on device"):
        settle([ArrayTask("7_0", [shard("ab")], job, "COMPLETED")], Queue([]), set())


def test_states_come_from_squeue_and_a_controller_that_is_away_is_waited_for(commands):
    tasks = [ArrayTask(f"7_{i}", [], None) for i in range(4)]
    fake(commands, "squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    assert note_states(tasks) == 4
    fake(commands, "squeue", "echo '7_0 RUNNING'; echo '7_1 PREEMPTED'; echo '7_2 PENDING'")
    assert note_states(tasks) == 2
    assert [task.state for task in tasks] == ["RUNNING", "PREEMPTED", "PENDING", "COMPLETED"]
    fake(commands, "squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    assert note_states(tasks) == 0


@pytest.fixture
def slurm(commands):
    fake(commands, "srun", "exit 0")
    fake(commands, "sbatch", f"cat $1 >> {commands}/asked; echo Submitted batch job 7")
    return commands


def test_arrays_have_at_most_a_thousand_tasks_of_which_so_many_run_at_once(slurm, tmp_path, monkeypatch):
    monkeypatch.setattr(slurm_arrays, "MOST_TASKS", 3)
    executor = make_executor(tmp_path / "slurm", 2, {"partition": "gpu", "time": "4:00:00", "exclusive": ""})
    tasks = submit(executor, None, [[shard(key)] for key in "abcd"])
    assert [task.id for task in tasks] == ["7_0", "7_1", "7_2", "7"], "the last is no array"
    asked = (slurm / "asked").read_text()
    for line in ("array=0-2%2", "partition=gpu", "time=4:00:00", "exclusive", "requeue"):
        assert f"#SBATCH --{line}\n" in asked
    assert asked.count("#SBATCH --time=") == 2, "no limit of submitit's own"


def test_a_wrong_partition_ends_in_a_line_and_a_busy_slurm_is_asked_again(slurm, tmp_path, monkeypatch):
    monkeypatch.setattr(slurm_arrays, "BUSY_SECONDS", 0.01)
    executor = make_executor(tmp_path / "slurm", 2, {})
    fake(slurm, "sbatch", "echo 'sbatch: error: invalid partition specified: x' >&2; exit 1")
    with pytest.raises(EngineError, match=r"sbatch refuses: invalid partition specified: x$"):
        submit(executor, None, [[shard("a")]])
    assert not (slurm / "once").exists()
    busy = f"[ -e {slurm}/once ] && echo Submitted batch job 8 && exit 0; touch {slurm}/once"
    fake(slurm, "sbatch", f"{busy}; echo 'sbatch: error: Slurm temporarily unable to accept job' >&2; exit 1")
    assert [task.id for task in submit(executor, None, [[shard("a")]])] == ["8"]
    assert refusal("") == "no reason given"


def test_without_slurm_a_line_says_where_to_run(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="this machine has no `sbatch`; run it where you submit jobs"):
        make_executor(tmp_path, 1, {})


def test_a_card_is_asked_for_where_nobody_says_which():
    assert with_card("cuda", {"time": "1"}) == {"time": "1", "gres": "gpu:1"}
    assert with_card("cuda", {"gpus-per-node": "a100:1"}) == {"gpus-per-node": "a100:1"}
    assert with_card("cpu", {}) == {}


@pytest.mark.long
def test_jobs_compute_what_is_missing_once(tmp_path, monkeypatch):
    """Submitit's own jobs on this machine stand for Slurm's; one is killed when it begins."""
    suite = override(load_suite(str(scored_by_psnr(build(tmp_path)))), ["pinv", "ddrm"], [], list(SOLVERS))
    started = []

    def states(tasks):
        for task in tasks:
            if not started and task.job._process is not None:
                started.append(task.job._process.kill())
            if task.job.done():
                task.state = "COMPLETED" if task.job.paths.result_pickle.exists() else "FAILED"
        return sum(task.state == "PENDING" for task in tasks)

    monkeypatch.setattr(slurm_arrays, "make_executor", lambda folder, *_: submitit.LocalExecutor(folder))
    monkeypatch.setattr(slurm_arrays, "note_states", states)
    monkeypatch.setattr(slurm_arrays, "LOOK", 0.2)
    run = Runner(prepare(suite, make_options()), tmp_path / "run", Observer())
    run_slurm(run, "cpu", 1, {})
    times = Counter(record.key for record in History(tmp_path / "run", BriefReader()).attempts)
    assert len(times) == 16 and set(times.values()) == {1} and started
