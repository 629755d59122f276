"""Times one worker and two of one thread each on 64 images of ddrm-100, the engine's start apart.

    python benchmarks/workers.py [--turns 3] [--images 64]

The numbers of workers take turns. A time runs from the line that says that the engine has started to the last
record; the workers load their prior within it.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from bench.records.journal import read_records

STARTED = re.compile(r"the engine started in ([\d.]+) s")
ROW = ("--suite", "linear", "--solver", "ddrm-100", "--task", "sr_average4", "--samples", "1")


def timed(workers: int, images: int) -> tuple[float, float]:
    """Seconds of the engine's start, and from there to the last record."""
    with tempfile.TemporaryDirectory() as folder:
        place = ("--images", str(images), "--workers", str(workers), "--out", folder)
        command = [sys.executable, "-m", "bench", "run", *ROW, *place, "--progress", "plain", "--no-report"]
        one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
        start, began, lines = 0.0, 0.0, []
        with subprocess.Popen(command, env=one_thread, stderr=subprocess.PIPE, text=True) as run:  # noqa: S603
            assert run.stderr is not None, "it is a pipe"
            for line in run.stderr:
                lines.append(line)
                if found := STARTED.search(line):
                    start, began = float(found[1]), time.time()
        if run.returncode or not began:
            sys.exit("".join(lines))
        last = max(record.created for record in read_records(Path(folder))[0])
    return start, datetime.fromisoformat(last).timestamp() - began


def main() -> None:
    """Prints the median times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--images", type=int, default=64)
    args = parser.parse_args()
    times: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    for _ in range(args.turns):
        for workers, own in times.items():
            own.append(timed(workers, args.images))
    medians = {}
    for workers, own in times.items():
        middle = len(own) // 2
        start, medians[workers] = sorted(s for s, _ in own)[middle], sorted(t for _, t in own)[middle]
        print(f"workers {workers}: start {start:.1f} s, then {medians[workers]:.1f} s")
    print(f"two workers are {medians[1] / medians[2]:.2f} times as fast as one")


if __name__ == "__main__":
    main()
