"""A run that is killed without warning loses at most the batch it was in."""

import os
import subprocess
import sys
import time

from bench.plan.build import prepare
from bench.plan.options import Options
from bench.records.journal import read_records
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests import ROOT
from tests.tiny import build


def test_kill_and_resume(tmp_path):
    suite, out = build(tmp_path), tmp_path / "run"
    row = f"{tmp_path}/mine.py:Mine.mode=slow"
    command = [sys.executable, "-m", "bench", "run", "--suite", str(suite), "--solver", row, "--batch", "1", "--out", str(out)]
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
    before, damaged = read_records(out)
    assert 3 <= len(before) < 8, (tmp_path / "log").read_text()
    assert damaged <= 1
    plan = prepare(override(load_suite(str(suite)), [row]), Options(batch=1))
    counts = Runner(plan, out, Observer()).run()
    after, _ = read_records(out)
    assert counts == {"ok": 8 - len(before)}
    assert len({r.key for r in after}) == len(after) == 8
    assert {r.key: r.created for r in before}.items() <= {r.key: r.created for r in after}.items()
