"""A run that is killed without warning loses at most the batch it was in; two runs into one folder share the
work."""

import os
import subprocess
import sys
import time
from collections import Counter

import pytest

from bench.plan.build import prepare
from bench.plan.options import Options
from bench.records.journal import History, read_records
from bench.records.lines import BriefReader
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests import ROOT
from tests.tiny import build, scored_by_psnr

HELD = '''
import time
from dataclasses import dataclass
from pathlib import Path

from solvers.pinv import Pinv


@dataclass(frozen=True)
class Held(Pinv):
    """A+ y, but at the white image it waits for as long as a file is there."""

    def solve(self, measurement, prior, noise):
        while measurement.y.mean() > 0.5 and Path(__file__).with_name("hold").exists():
            time.sleep(0.01)
        yield from super().solve(measurement, prior, noise)
'''


@pytest.mark.long
def test_kill_and_resume(tmp_path):
    suite, out, hold = scored_by_psnr(build(tmp_path)), tmp_path / "run", tmp_path / "hold"
    (tmp_path / "held.py").write_text(HELD)
    hold.touch()
    row = f"{tmp_path}/held.py:Held"
    command = [
        sys.executable,
        "-m",
        "bench",
        "run",
        "--suite",
        str(suite),
        "--solver",
        row,
        "--batch",
        "1",
        "--out",
        str(out),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    log = (tmp_path / "log").open("wb")
    child = subprocess.Popen([*command, "--no-report"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 120
        while len(read_records(out)[0]) < 3 and child.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        child.kill()
        child.wait()
    hold.unlink()
    before, damaged = read_records(out)
    assert child.returncode < 0 and len(before) == 3, (tmp_path / "log").read_text()
    assert damaged <= 1
    plan = prepare(override(load_suite(str(suite)), [row]), Options(batch=1))
    counts = Runner(plan, out, Observer()).run()
    after, _ = read_records(out)
    assert counts == {"ok": 5}
    assert len({r.key for r in after}) == len(after) == 8
    assert {r.key: r.created for r in before}.items() <= {r.key: r.created for r in after}.items()


SLOW = '''
import time
from dataclasses import dataclass

from solvers.pinv import Pinv


@dataclass(frozen=True)
class Slow(Pinv):
    """A+ y after a while."""

    def solve(self, measurement, prior, noise):
        time.sleep(0.3)
        yield from super().solve(measurement, prior, noise)
'''


@pytest.mark.long
def test_two_runs_into_one_folder_compute_nothing_twice(tmp_path):
    """The second takes what is free, waits for the rest, and both end with everything."""
    suite, out = scored_by_psnr(build(tmp_path)), tmp_path / "run"
    (tmp_path / "slow.py").write_text(SLOW)
    command = [sys.executable, "-m", "bench", "run", "--suite", str(suite), "--out", str(out), "--no-report"]
    command += [
        "--solver",
        f"{tmp_path}/slow.py:Slow",
        "--batch",
        "3",
        "--samples",
        "4",
        "--progress",
        "plain",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) for _ in range(2)]
    for run in runs:
        printed, said = run.communicate(timeout=300)
        assert run.returncode == 0, said
        assert "32/32 (100%)" in said and "box2" in printed, "also what the other has made is counted"
    times = Counter(record.key for record in History(out, BriefReader()).attempts)
    assert len(times) == 32 and set(times.values()) == {1}
    assert len(list((out / "journal").glob("*.jsonl"))) == 2, "both took part"
