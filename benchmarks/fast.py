"""Measures `--fast`: the time of rows beside that of ordinary ones, and the mean difference in PSNR.

    OMP_NUM_THREADS=1 python benchmarks/fast.py --images 64

Both runs solve the same images with the same noise. Seconds are those of the records; the difference is the
mean over images, with its 95 % interval by Student.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Reads the command line and prints one line per row."""
    sys.path[0] = str(ROOT)
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--images", default="64")
    parser.add_argument("--rows", default="ddrm-20,ddnm,diffpir")
    parser.add_argument("--task", default="sr_average4")
    args = parser.parse_args()
    rows = args.rows.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        found = {}
        for option in ("", "--fast"):
            folder = Path(scratch) / (option or "ordinary")
            run(folder, args.task, args.images, rows, option)
            found[option] = read(folder)
    for label, ordinary in found[""].items():
        fast = found["--fast"][label]
        gaps = np.array([fast[image].metrics["psnr"] - ordinary[image].metrics["psnr"] for image in ordinary])
        half = student(len(gaps)) * gaps.std(ddof=1) / len(gaps) ** 0.5
        seconds = [np.median([r.seconds for r in records.values()]) for records in (ordinary, fast)]
        switches = ", ".join(next(iter(fast.values())).switches) or "nothing changed"
        times = f"{seconds[0]:.3f} s, {seconds[1]:.3f} s fast: {seconds[0] / seconds[1]:.2f}"
        mean = gaps.mean()
        print(f"{label:22} {times}; PSNR {mean:+.4f} [{mean - half:+.4f}, {mean + half:+.4f}]; {switches}")


def run(folder: Path, task: str, images: str, rows: list[str], option: str) -> None:
    """Runs the suite of the embedded prior, without a report.

    Raises:
        CalledProcessError: it did not end well.
    """
    command = [sys.executable, "-m", "bench", "run", "--suite", "linear", "--task", task, "--images", images]
    for row in rows:
        command += ["--solver", row]
    command += ["--no-report", "--save-images", "none", "--progress", "plain", "--out", str(folder)]
    subprocess.run([*command, *filter(None, [option])], check=True, cwd=ROOT)  # noqa: S603


def read(folder: Path) -> dict[str, dict]:
    """Row -> image -> record."""
    from bench.records.journal import read_records

    rows: dict[str, dict] = {}
    for record in read_records(folder)[0]:
        rows.setdefault(record.label, {})[record.image] = record
    return rows


def student(n: int) -> float:
    """Half the width of a 95 % interval in standard errors."""
    from scipy.stats import t

    return float(t.ppf(0.975, n - 1))


if __name__ == "__main__":
    main()
