"""Measures what many records cost: the seconds that a run takes longer beside them, and `bench.records.load`.

    python benchmarks/store.py --records 50000
    python benchmarks/store.py --records 1000000 --folder big --rounds 1 --no-load

The records are made up, in the form of today's, and written by the journal's own writer; only its wait for
the disk is left out. A run of the suite `smoke` that has nothing left to do is timed in an empty folder and
beside the records, in turns; of each the least counts, since other programs only add to it. Seconds elapsed
come first, those of the processor in brackets. `load` runs in a process of its own; its memory is the peak of
that process, with pandas.
"""

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.records.journal import Journal
from bench.records.record import Record

ROOT = Path(__file__).resolve().parents[1]
IMAGES = 1000
"""Images of a made-up cell."""
PART = 50_000
"""Records of one journal."""
RUN = ["run", "--suite", "smoke", "--images", "1", "--solver", "pinv", "--no-report", "--progress", "none"]
LOAD = """
import resource, sys, time
import pandas
from bench.records import load
start, used = time.perf_counter(), time.process_time()
table = load(sys.argv[1])
seconds, used = time.perf_counter() - start, time.process_time() - used
print(len(table), seconds, used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""


def sha256(*parts: object) -> str:
    """A made-up hash."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def made_up(i: int) -> Record:
    """The i-th record: 1000 images of each cell, 20 cells of each task."""
    cell, image = divmod(i, IMAGES)
    task, row = divmod(cell, 20)
    return Record(
        key=sha256("key", i),
        cell=sha256("cell", cell),
        suite="made-up",
        dataset="fashion32",
        task=f"task-{task}",
        operator="inpaint_box",
        operator_params={"box": 0.5, "shift": task},
        sigma=0.05,
        solver=f"solver_{row}",
        label=f"solver-{row}",
        preset="bench",
        params={"steps": 100, "zeta": 0.3 + row, "eta": 1.0, "spacing": "linear", "batch": None},
        code_sha256=sha256("code", row),
        paper="2209.14687",
        baseline=False,
        prior="fashion32",
        weights_sha256=sha256("weights"),
        image=f"test-{image:05}",
        sample=0,
        seed=0,
        y_hash=sha256("y", task, image),
        image_sha256=sha256("image", image),
        status="ok",
        metrics={name: 1 / (i + k + 1) for k, name in enumerate(("lpips", "misfit", "psnr", "ssim"))},
        nfe=100,
        vjps=100,
        operator_calls=200,
        seconds=1 / (i // 8 + 1),
        peak_memory_mb=100.0,
        batch=8,
        versions=dict.fromkeys(("azula", "lpips", "metrics", "noise", "numpy", "os", "torch"), "1.2.3"),
        commit="0" * 40,
        created=f"2026-01-{1 + i % 28:02}T00:00:{i % 60:02}.{i % 999_999:06}+00:00",
    )


def write(folder: Path, n: int) -> float:
    """Writes n records into a run folder, in journals of `PART`; the seconds that it took."""
    wait, os.fdatasync = os.fdatasync, lambda _: None
    start = time.perf_counter()
    for first in range(0, n, PART):
        with Journal(folder) as journal:
            for i in range(first, min(first + PART, n)):
                journal.append(made_up(i))
    os.fdatasync = wait
    return time.perf_counter() - start


def resume(folder: Path) -> tuple[float, float]:
    """The seconds of a run that has nothing to do but to look: elapsed, and of the processor."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "bench", *RUN, "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)  # noqa: S603 - our own command line
    elapsed, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def least(times: list[tuple[float, float]]) -> tuple[float, float]:
    """The least of each."""
    return min(elapsed for elapsed, _ in times), min(used for _, used in times)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="Kept, and used again where it has the records.")
    parser.add_argument("--load", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        few, many = Path(place, "few"), args.folder or Path(place, "many")
        if not many.exists():
            print(f"{args.records} records written in {write(many, args.records):.1f} s")
        size = sum(path.stat().st_size for path in many.rglob("*.jsonl"))
        print(f"journals of {size / 1e6:.0f} MB")
        times: dict[Path, list[tuple[float, float]]] = {few: [], many: []}
        for folder in times:
            resume(folder)
        for _ in range(args.rounds):
            for folder, own in times.items():
                own.append(resume(folder))
        (alone, used), (beside, used_beside) = least(times[few]), least(times[many])
        more = f"{beside - alone:.2f} s ({used_beside - used:.2f}) more"
        print(f"resume: {alone:.2f} s ({used:.2f}) alone, {beside:.2f} s ({used_beside:.2f}) beside, {more}")
        if args.load:
            command = [sys.executable, "-c", LOAD, str(many)]
            done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)  # noqa: S603
            n, seconds, used_to_load, memory = done.stdout.split()
            took = f"{float(seconds):.2f} s ({float(used_to_load):.2f})"
            print(f"load: {n} records in {took}, peak {float(memory):.2f} GB")


if __name__ == "__main__":
    main()
