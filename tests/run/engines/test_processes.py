"""Several processes into one folder: the same records as one process, also when one of them is killed."""

import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from bench.cli import cli
from bench.cli.run import command_line
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.records.journal import read_records
from bench.records.manifest import read_manifests
from bench.run.engines import processes
from bench.run.engines.processes import ATTEMPTS, parts, run_parts
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests import ROOT
from tests.ours import SOLVERS
from tests.tiny import build, scored_by_psnr

DEADLY = '''
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from solvers.pinv import Pinv


@dataclass(frozen=True)
class Deadly(Pinv):
    """A+ y, but the first process that comes by is killed in the middle."""

    def solve(self, measurement, prior, noise):
        try:
            Path(__file__).with_name("mark").touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)
        except FileExistsError:
            yield from super().solve(measurement, prior, noise)
'''


def test_parts_are_shards_of_the_shard():
    assert [(p.device, p.shard) for p in parts("2", "cpu", (2, 3))] == [("cpu", (2, 6)), ("cpu", (5, 6))]
    assert [p.device for p in parts("cuda:0, cuda:1", "cpu", (1, 1))] == ["cuda:0", "cuda:1"]
    for wrong in ("0", "cuda:0,", ","):
        with pytest.raises(ValueError, match="expected a number of processes, or devices"):
            parts(wrong, "cpu", (1, 1))


def test_processes_are_bounded_by_processors_or_devices(monkeypatch):
    monkeypatch.setattr(processes, "cores", lambda: 2)
    assert len(parts("cpu,cpu", "cpu", (1, 1))) == len(parts("2", "cpu", (1, 1))) == 2
    assert len(parts("cuda:0,cuda:1,cuda:2", "cpu", (1, 1))) == 3
    for many in ("3", "100000", "cpu,cpu,cpu", "cuda:0,cuda:1,cuda:0,cuda:1"):
        with pytest.raises(ValueError, match="this machine has 2 processors; ask for at most"):
            parts(many, "cpu", (1, 1))


@pytest.mark.long
def test_a_killed_worker_is_started_again_and_nothing_is_lost(tmp_path, monkeypatch, capfd):
    """The process that waits for the workers is this one; the workers are processes of their own."""
    suite = scored_by_psnr(build(tmp_path))
    (tmp_path / "deadly.py").write_text(DEADLY)
    rows = ["--solver", f"{tmp_path}/deadly.py:Deadly", "--solver", "pinv"]
    command = ["run", "--suite", str(suite), "--out", str(tmp_path / "two"), "--task", "box", "--no-report"]
    command += ["--workers", "2", "--batch", "1", *rows]
    monkeypatch.setattr(sys, "argv", ["bench", *command])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = CliRunner().invoke(cli, command)
    printed = done.stderr + capfd.readouterr().err
    assert done.exit_code == 0, printed
    assert (tmp_path / "mark").exists(), "a process was killed"
    counts = re.findall(r"(\d+)/(\d+) \(\d+%\) box/", printed)
    assert counts == [(str(k), "8") for k in range(1, 9)], "one count for all processes"
    records, damaged = read_records(tmp_path / "two")
    assert damaged == 0 and len(records) == 8 and {r.status for r in records} == {"ok"}
    plan = prepare(override(load_suite(str(suite)), rows[1::2], ["box"], list(SOLVERS)), Options(batch=1))
    Runner(plan, tmp_path / "one", Observer()).run()
    ours, theirs = (
        {r.key: r.metrics["psnr"] for r in read_records(tmp_path / name)[0]} for name in ("one", "two")
    )
    assert ours.keys() == theirs.keys() and ours == pytest.approx(theirs, abs=1e-3)
    (manifest,) = read_manifests(tmp_path / "two")
    assert "--workers 2" in manifest.command and "--shard" not in manifest.command


@pytest.mark.long
def test_a_part_that_always_dies_is_given_up_and_the_others_go_on(monkeypatch):
    """Started again for each record of its own and ATTEMPTS times without one; neither an exit code nor
    Ctrl-C is a death."""
    code, wrote = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", iter([True, True, False, False])

    def start(part, arguments, threads):
        script = code if part.device == "bad" else f"raise SystemExit({part.device})"
        part.process = subprocess.Popen([sys.executable, "-c", script])

    monkeypatch.setattr("bench.run.engines.processes._start", start)
    todo = parts("bad,1,130", "cpu", (1, 1))
    assert run_parts([], todo, lambda pid: next(wrote), lambda: None) == [todo[0]]
    assert todo[0].codes == [-9] * (1 + ATTEMPTS) and todo[1].codes == [1] and todo[2].codes == [130]


@pytest.mark.long
def test_images_that_no_worker_made_fail_the_run(tmp_path, monkeypatch):
    """A worker that ends with an error of its own, as for a full disk, has told nothing to the records."""
    monkeypatch.setattr(
        "bench.run.engines.processes._start",
        lambda part, *_: setattr(part, "process", subprocess.Popen(["false"])),
    )
    command = ["run", "--suite", str(build(tmp_path)), "--out", str(tmp_path / "run"), "--solver", "pinv"]
    done = CliRunner().invoke(cli, [*command, "--workers", "2"])
    assert done.exit_code == 1 and "error: 8 reconstructions were not made" in done.stderr
    unknown = CliRunner().invoke(cli, [*command, "--workers", "cpu,nowhere"])
    assert unknown.exit_code == 2 and "--device nowhere: not usable here" in unknown.stderr


def test_the_recorded_command_carries_no_folder_of_the_machine(tmp_path):
    arguments = [
        "run",
        "--suite",
        f"{tmp_path}/my.yaml",
        f"--out={ROOT}/results/x",
        "--solver",
        "dps.zeta=0.3",
        "--prior",
        "a/b.toml",
    ]
    assert command_line(arguments) == (
        "python -m bench run --suite my.yaml --out=results/x --solver dps.zeta=0.3 --prior a/b.toml"
    )
