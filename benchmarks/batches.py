"""Measures what rounding makes of the number of images that are solved together.

    python benchmarks/batches.py --suite nonlinear --task phase_retrieval
    python benchmarks/batches.py --suite linear --task inpaint_box --solver 'dps-*' --images 8 --batches 1 8

Runs the rows of 100 evaluations (or those that `--solver` names) twice, with both batches, one sample of each
image. For each row: the largest difference in PSNR, the images that differ by more than 0.1 dB, and the mean.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.records.journal import read_records

SEEN = 0.1
"""Differences in dB that are counted."""


def scores(arguments: argparse.Namespace, batch: int) -> dict[tuple[str, str, str], float]:
    """Row, task and image -> PSNR."""
    rows = [word for name in arguments.solver for word in ("--solver", name)]
    what = ["--suite", arguments.suite, "--task", arguments.task, *rows]
    how = ["--batch", str(batch), "--images", str(arguments.images), "--samples", "1", "--no-report"]
    if arguments.workers:
        how += ["--workers", str(arguments.workers)]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench", "run", *what, *how, "--out", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
        records, _ = read_records(Path(folder))
    done = [record for record in records if "psnr" in record.metrics]
    return {(record.label, record.task, record.image): record.metrics["psnr"] for record in done}


def main() -> None:
    """Prints a line for each row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="linear")
    parser.add_argument("--task", default="*")
    parser.add_argument("--solver", nargs="+", default=["*-100"])
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--batches", type=int, nargs=2, default=[8, 32])
    parser.add_argument("--workers", type=int, default=0)
    args = parser.parse_args()
    ours, theirs = (scores(args, batch) for batch in args.batches)
    changes = defaultdict(list)
    for place in ours:
        label, task, _ = place
        changes[task, label].append(theirs[place] - ours[place])
    for (task, label), found in changes.items():
        size = np.abs(found)
        seen = f"{(size > SEEN).sum()} of {len(size)} images by more than {SEEN:g} dB"
        print(f"{task}, {label}: at most {size.max():.2g} dB, {seen}, the mean by {np.mean(found):+.2g} dB")


if __name__ == "__main__":
    main()
