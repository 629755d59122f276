"""Runs in workers of Ray: the same bits as one process, whatever dies, and a line where it cannot go on."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.plan.build import prepare
from bench.plan.options import make_options, mode
from bench.records.journal import History, read_records
from bench.records.lines import BriefReader
from bench.run.engines.ray_actors import Crew, Hand, run_ray
from bench.run.engines.work import EngineError, WorkerPlace
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests import ROOT
from tests.ours import SOLVERS
from tests.tiny import build, scored_by_psnr

ODD = '''
import os
import resource
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from solvers.pinv import Pinv


@dataclass(frozen=True)
class Odd(Pinv):
    """A+ y, and something odd at the white image."""

    mode: Literal["slow", "kill once", "kill", "full disk", "delete"] = "slow"

    def solve(self, measurement, prior, noise):
        is_white = measurement.y.flatten(1).mean(1).max() > 0.5
        if self.mode == "slow":
            time.sleep(0.4)
        if self.mode == "kill" and is_white:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mode == "kill once" and is_white and not Path(__file__).with_name("mark").exists():
            Path(__file__).with_name("mark").touch()
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        if self.mode == "full disk":
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        if self.mode == "delete" and is_white:
            shutil.rmtree(Path(__file__).with_name("run"))
        yield from super().solve(measurement, prior, noise)
'''


class Notes(Observer):
    def __init__(self):
        self.said = []

    def note(self, text):
        self.said.append(text)


@pytest.fixture(scope="module")
def cluster():
    """Two nodes of one processor each; one of two, which may be removed."""
    from ray.cluster_utils import Cluster

    from bench.run.engines.ray_sessions import SURROUNDINGS
    from bench.run.engines.work import surroundings

    store = {"object_store_memory": 80_000_000, "num_gpus": 0}
    with surroundings(**SURROUNDINGS, OMP_NUM_THREADS="1"):
        made = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False} | store
        )
        made.spare = made.add_node(num_cpus=1, **store)
        yield made
        made.shutdown()


def runner(folder, mode="slow", rows=(), **options):
    (folder / "odd.py").write_text(ODD)
    suite = load_suite(str(scored_by_psnr(build(folder))))
    suite = override(suite, [f"{folder}/odd.py:Odd.mode={mode}", *rows], ["box"], list(SOLVERS))
    return Runner(prepare(suite, make_options(**options)), folder / "run", Notes())


def statuses(folder):
    """Each image once, by status."""
    times = Counter(record.key for record in History(folder, BriefReader()).attempts)
    assert set(times.values()) == {1}
    return Counter(record.status for record in read_records(folder)[0])


@pytest.mark.long
def test_the_same_bits_as_one_process_although_a_worker_is_killed(tmp_path):
    with mode(make_options(deterministic=True)):
        run = runner(tmp_path, "kill once", ["ddrm"], deterministic=True)
        run_ray(run, "2", "cpu")
        assert "died; another takes its place" in "".join(run.observer.said)
        Runner(run.plan, tmp_path / "inline", Observer()).run()
    assert statuses(tmp_path / "run") == {"ok": 8}
    ours, theirs = (
        {record.key: (record.metrics, record.y_hash) for record in read_records(tmp_path / name)[0]}
        for name in ("run", "inline")
    )
    assert ours == theirs
    files = list((tmp_path / "inline" / "objects").rglob("*.png"))
    for file in files:
        assert file.read_bytes() == (tmp_path / "run" / file.relative_to(tmp_path / "inline")).read_bytes()
    assert files


@pytest.mark.long
def test_an_image_that_kills_every_worker_is_given_up_and_the_others_are_made(tmp_path, cluster):
    run = runner(tmp_path, "kill", batch=2)
    run_ray(run, "2", "cpu", cluster.address)
    assert statuses(tmp_path / "run") == {"ok": 3, "crashed": 1}
    (crashed,) = (record for record in read_records(tmp_path / "run")[0] if record.status == "crashed")
    assert crashed.image == "im3" and crashed.reason == "its worker died 3 times"


@pytest.mark.long
@pytest.mark.parametrize(
    ("mode", "reason"),
    [("full disk", "cannot (write|append to)"), ("delete", "deleted or moved|cannot")],
)
def test_a_worker_that_cannot_record_ends_the_run_in_a_line(tmp_path, cluster, mode, reason):
    with pytest.raises(EngineError, match=reason) as error:
        run_ray(runner(tmp_path, mode, batch=1), "1", "cpu", cluster.address)
    assert "\n" not in str(error.value)


@pytest.mark.long
def test_a_node_that_goes_away_costs_nothing(tmp_path, cluster):
    run = runner(tmp_path, "slow", batch=1)
    recorded = run.observer.recorded

    def remove_node(cell, record):
        recorded(cell, record)
        if cluster.spare is not None:
            cluster.remove_node(cluster.spare, allow_graceful=False)
            cluster.spare = None

    run.observer.recorded = remove_node
    run_ray(run, "2", "cpu", cluster.address)
    assert statuses(tmp_path / "run") == {"ok": 4} and cluster.spare is None


def start(folder):
    command = [sys.executable, "-m", "bench", "run", "--suite", f"{folder}/psnr.yaml", "--task", "box"]
    command += ["--solver", f"{folder}/odd.py:Odd", "--out", f"{folder}/run", "--batch", "1"]
    command += ["--samples", "8", "--workers", "2", "--no-report"]
    log = (folder / "log").open("ab")
    return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)


def recorded(folder):
    return len(read_records(folder / "run")[0])


def writers(folder):
    """The processes that have a journal open."""
    found = []
    for links in Path("/proc").glob("[0-9]*/fd"):
        try:
            found += [links for link in links.iterdir() if f"{folder}/run/journal/" in str(link.readlink())]
        except OSError:
            continue
    return found


def wait(done, seconds=120):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.long
def test_a_driver_that_is_killed_or_asked_to_end_leaves_no_worker_and_goes_on_where_it_was(tmp_path):
    runner(tmp_path)
    for number, code in ((signal.SIGKILL, -9), (signal.SIGTERM, 143)):
        before, driver = recorded(tmp_path), start(tmp_path)
        wait(lambda driver=driver, n=before: driver.poll() is not None or recorded(tmp_path) > n)
        os.kill(driver.pid, number)
        assert driver.wait(60) == code, (tmp_path / "log").read_text()
        wait(lambda: not writers(tmp_path), 30)
    assert "interrupted; " in (tmp_path / "log").read_text()
    suite = override(load_suite(f"{tmp_path}/psnr.yaml"), [f"{tmp_path}/odd.py:Odd"], ["box"], [], samples=8)
    Runner(prepare(suite, make_options()), tmp_path / "run", Observer()).run()
    assert statuses(tmp_path / "run") == {"ok": 32}


def test_two_workers_on_one_card_end_the_run(tmp_path):
    crew = object.__new__(Crew)
    crew._hands, crew._idle = {}, [Hand("cuda:0", None, place=WorkerPlace("node", 1, "GPU-1"))]
    crew._expected = 3
    crew._welcome(Hand("cuda:1", None), WorkerPlace("node", 2, "GPU-2"))
    crew._welcome(Hand("cpu", None), WorkerPlace("node", 2, ""))
    with pytest.raises(EngineError, match="two workers have one card, GPU-1: processes 1 and 3 on node"):
        crew._welcome(Hand("cuda:1", None), WorkerPlace("node", 3, "GPU-1"))


def test_how_long_the_engine_took_to_start_is_told_once_when_all_workers_are_there():
    crew = object.__new__(Crew)
    crew.runner, crew._hands, crew._idle = SimpleNamespace(observer=Notes()), {}, []
    crew._expected, crew._began = 2, time.monotonic() - 7
    for told in (0, 1, 1):  # the third takes the place of one that died
        crew._welcome(Hand("cpu", None), WorkerPlace("node", 2, ""))
        assert len(crew.runner.observer.said) == told
    assert crew.runner.observer.said[0].startswith("the engine started in 7.")


def test_workers_that_die_before_they_record_anything_end_the_run():
    run = SimpleNamespace(observer=Notes(), look=lambda: None, desk=SimpleNamespace(settled=set()))
    crew = object.__new__(Crew)
    crew.runner, crew._deaths, crew._hire = run, 0, lambda device: None
    with pytest.raises(EngineError, match="10 workers in a row died without a record"):
        for _ in range(10):
            crew._note_death(Hand("cpu", None), None, "killed")
    assert len(run.observer.said) == 10
    told = "The actor died because of an error raised in its creation task\nImportError: no bench"
    with pytest.raises(EngineError, match="a worker could not start: ImportError: no bench"):
        crew._note_death(Hand("cpu", None), None, told)
