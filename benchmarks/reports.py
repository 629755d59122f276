"""Measures what reports cost: the committed suites and many made-up records, as Markdown and as a page.

    python benchmarks/reports.py
    python benchmarks/reports.py --records 100000 --folder big --rounds 1

Each report is a process of its own, from the command to its end. Seconds of the processor come first, since
other programs add least to them, seconds elapsed in brackets; of several rounds the least counts. The last
number is the peak of memory. The made-up records are those of `benchmarks/store.py`, 100 rows in 5 tables of
1000 images at 100,000 records.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.store import ROOT, write

SUITES = ("linear", "nonlinear", "exact", "exact-full")
KINDS = {"Markdown": (), "page": ("--html",), "LaTeX": ("--latex",)}
"""What is written -> the options."""
Cost = tuple[float, float, float]
"""Seconds of the processor, seconds elapsed, and GB of memory at the peak."""


def cost(folder: Path, options: tuple[str, ...], out: Path) -> Cost:
    """What the report of a run folder costs."""
    command = [sys.executable, "-m", "bench", "report", str(folder), *options, "--out", str(out)]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT) as process:  # noqa: S603 - our own
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"the report of {folder} failed")
    return used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss / 1e6


def main() -> None:
    """Prints a line for each report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000, help="Made-up records; 0 for none.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="Kept, and used again where it has the records.")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folders = {name: ROOT / "results" / "reference" / name for name in SUITES}
        if args.records:
            many = args.folder or Path(place, "many")
            if not many.exists():
                write(many, args.records)
            folders[f"{args.records} records"] = many
        for name, folder in folders.items():
            for kind, options in KINDS.items():
                rounds = [cost(folder, options, Path(place, "report")) for _ in range(args.rounds)]
                used, elapsed, memory = map(min, zip(*rounds, strict=True))
                print(f"{name}, {kind}: {used:.2f} s ({elapsed:.2f}), {memory:.2f} GB", flush=True)


if __name__ == "__main__":
    main()
