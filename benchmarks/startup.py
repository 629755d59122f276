"""Measures starts: `--help`, the first line of a run, and the processor time up to its first step.

    python benchmarks/startup.py [--starts 10]

The processor time is that of all threads of the process, from its start to the first step that counts, with a
warm-up before it. What `import torch` takes alone, in turns with it, is the floor.
"""

import argparse
import subprocess
import sys
import tempfile
import time

HEAVY = ("torch", "pandas", "matplotlib", "scipy", "numpy")
RUN = ("run", "--suite", "demo", "--progress", "plain", "--out")
TORCH = "import time, torch; print(time.process_time())"
FIRST_STEP = """
import os, time
import bench.run.solve as solve
def stop(*_):
    print(time.process_time(), flush=True)
    os._exit(0)
solve.require_step = stop
from bench.cli import main
main()
"""
"""Ends a run at the first step; what it imports ahead is imported by every run."""
HELP = f"""
import sys, runpy, contextlib, io
sys.argv = ['bench', '--help']
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    runpy.run_module('bench', run_name='__main__')
print(sorted(set({HEAVY!r}) & set(sys.modules)))
"""


def output(*arguments: str) -> str:
    """What a Python that is started with these arguments prints."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


def first_step() -> float:
    """Seconds of processor time from the command to the first step of a solver."""
    with tempfile.TemporaryDirectory() as folder:
        return float(output("-c", FIRST_STEP, *RUN, folder))


def first_line() -> float:
    """Seconds by the wall clock from the command to its first line; then the run is stopped."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench", *RUN, folder]
        start = time.perf_counter()
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as run:  # noqa: S603
            assert run.stderr is not None, "it is a pipe"
            run.stderr.readline()
            seconds = time.perf_counter() - start
            run.kill()
    return seconds


def help_page() -> float:
    """Seconds by the wall clock of `--help`."""
    start = time.perf_counter()
    output("-m", "bench", "--help")
    return time.perf_counter() - start


def summary(seconds: list[float]) -> str:
    """Median and range."""
    return f"{sorted(seconds)[len(seconds) // 2]:.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def main() -> None:
    """Prints a line for each kind of start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=10, help="of each kind")
    starts = parser.parse_args().starts
    pages, lines, steps, floors = [], [], [], []
    for _ in range(starts):
        pages.append(help_page())
        lines.append(first_line())
        steps.append(first_step())
        floors.append(float(output("-c", TORCH)))
    print(f"--help, wall clock: {summary(pages)}; heavy imports: {output('-c', HELP)}")
    print(f"first line of a run, wall clock: {summary(lines)}")
    print(f"first step of a solver, processor time: {summary(steps)}")
    print(f"import torch alone, processor time: {summary(floors)}")


if __name__ == "__main__":
    main()
