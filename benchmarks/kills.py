"""Kills runs at random moments, starts them again, and counts what is lost or computed twice.

    python -m benchmarks.kills --inline 150 --ray 150

The solver sleeps a few milliseconds and returns A+ y, so that most of a run is measuring and recording. With
inline, the killed process is the run; it is forked from one that has loaded torch, since most of its time
would be loading. With ray, one kill of twenty hits the driver and the others a worker that has begun to
record. A key that is there twice was computed twice, one that is missing at the end is lost, and a damaged
line is a record that was being written. What is not ok was given up after three deaths, two of them on that
image alone. A run that is complete before the kills are made is followed by another one.
"""

import argparse
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench.plan.build import prepare
from bench.plan.options import Options
from bench.plan.plan import Plan
from bench.records.journal import History
from bench.records.lines import BriefReader
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.suites.suite import load_suite

SOLVER = '''
import time
from dataclasses import dataclass

from solvers.pinv import Pinv


@dataclass(frozen=True)
class Slow(Pinv):
    """A+ y after a while."""

    seconds: float = {seconds}

    def solve(self, measurement, prior, noise):
        time.sleep(self.seconds)
        yield from super().solve(measurement, prior, noise)
'''
SUITE = """
name: kills
dataset: fashion32
prior: fashion32
images: 256
samples: {samples}
metrics: [psnr]
tasks:
  - {{name: box, operator: inpaint_box, sigma: 0.05}}
solvers:
  - {{solver: "{folder}/slow.py:Slow"}}
"""
DRIVER = """
import sys
from pathlib import Path

from bench.plan.build import prepare
from bench.plan.options import Options
from bench.run.engines.ray_actors import run_ray
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.suites.suite import load_suite

plan = prepare(load_suite(sys.argv[1]), Options(batch={batch}, pictures=0))
run_ray(Runner(plan, Path(sys.argv[2]), Observer()), "2", "cpu")
"""
BATCH = 4


def main() -> None:
    """Runs the kills that the command line asks for and prints one line for each engine."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inline", type=int, default=150, metavar="N", help="kills of runs in one process")
    parser.add_argument("--ray", type=int, default=150, metavar="N", help="kills of workers and drivers")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng, failed = random.Random(asked.seed), False  # noqa: S311 - nothing is secret
    for kills, run in ((asked.inline, kill_inline), (asked.ray, kill_ray)):
        if kills:
            with tempfile.TemporaryDirectory() as folder:
                failed |= not run(Path(folder), kills, rng)
    sys.exit(failed)


def make_plan(folder: Path, samples: int, seconds: float) -> tuple[Path, Plan]:
    """A suite of 256 images so many times, which takes so many seconds a batch."""
    (folder / "slow.py").write_text(SOLVER.format(seconds=seconds))
    suite = folder / "kills.yaml"
    suite.write_text(SUITE.format(folder=folder, samples=samples))
    return suite, prepare(load_suite(str(suite)), Options(batch=BATCH, pictures=0))


def count(name: str, plan: Plan, folders: list[Path], kills: int, since: float) -> bool:
    """Prints what became of the records of runs of one plan; whether each is there once."""
    wanted, found = keys(plan), Counter[str]()
    for folder in folders:
        history = History(folder, BriefReader())
        times = Counter(record.key for record in history.attempts)
        found["reconstructions"] += len(wanted)
        found["lost"] += len(wanted - times.keys())
        found["twice"] += sum(n > 1 for n in times.values())
        found["not ok"] += sum(record.status != "ok" for record in history.attempts)
        found["damaged lines"] += history.damaged
    words = ", ".join(f"{n} {what}" for what, n in found.items())
    print(f"{name}: {kills} kills, {words}, {time.monotonic() - since:.0f} s", flush=True)
    return not (found["lost"] or found["twice"])


def keys(plan: Plan) -> set[str]:
    """The keys of all reconstructions."""
    return {job.key for cell in plan.cells for job in cell.jobs(plan.image_sha256)}


def kill_inline(folder: Path, kills: int, rng: random.Random) -> bool:
    """Kills the only process of a run within its first second, until the kills are made and the last run is
    complete.
    """
    _, plan = make_plan(folder, samples=4, seconds=0.01)
    keys(plan)  # the images are read once, for all processes
    context, since, done = multiprocessing.get_context("fork"), time.monotonic(), 0
    runs = [folder / "run0"]
    while True:
        process = context.Process(target=compute, args=(plan, runs[-1]))
        process.start()
        process.join(rng.uniform(0.0, 1.0) if done < kills else None)
        if process.exitcode is None:
            process.kill()
            process.join()
            done += 1
        elif done < kills:
            runs.append(folder / f"run{len(runs)}")
        else:
            return count("inline", plan, runs, done, since)


def compute(plan: Plan, out: Path) -> None:
    """Runs what is missing."""
    Runner(plan, out, Observer()).run()


def kill_ray(folder: Path, kills: int, rng: random.Random) -> bool:
    """Kills workers while they compute and, one time of twenty, their driver, which is started again, until
    the kills are made and the last run is complete.
    """
    suite, plan = make_plan(folder, samples=16, seconds=0.25)
    runs, since, done = [folder / "run0"], time.monotonic(), 0
    driver = start_driver(folder, suite, runs[-1])
    while driver.poll() is None or (driver.returncode == 0 and done < kills):
        if driver.returncode == 0:
            runs.append(folder / f"run{len(runs)}")
            driver = start_driver(folder, suite, runs[-1])
        time.sleep(rng.uniform(0.5, 3.0))
        workers = workers_of(runs[-1])
        if done >= kills or not workers:
            continue
        victim = driver.pid if rng.random() < 1 / 20 else rng.choice(workers)
        os.kill(victim, signal.SIGKILL)
        done += 1
        if victim == driver.pid:
            driver.wait()
            driver = start_driver(folder, suite, runs[-1])
    return count("ray", plan, runs, done, since) and driver.returncode == 0


def start_driver(folder: Path, suite: Path, out: Path) -> "subprocess.Popen[bytes]":
    """A run in two workers of Ray."""
    script = folder / "driver.py"
    script.write_text(DRIVER.format(batch=BATCH))
    return subprocess.Popen([sys.executable, str(script), str(suite), str(out)])  # noqa: S603 - our own


def workers_of(out: Path) -> list[int]:
    """The processes that have a journal of the run open."""
    found = []
    for links in Path("/proc").glob("[0-9]*/fd"):
        try:
            targets = [str(link.readlink()) for link in links.iterdir()]
        except OSError:
            continue
        if any(target.startswith(f"{out}/journal/") and target.endswith(".jsonl") for target in targets):
            found.append(int(links.parent.name))
    return found


if __name__ == "__main__":
    main()
