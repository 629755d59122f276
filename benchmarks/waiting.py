"""Times an evaluation of the embedded prior under settings of how threads wait for each other.

    python benchmarks/waiting.py [--turns 5] [--preload LIB] [--settings GOMP_SPINCOUNT=1000 ...]

The settings take turns, on a machine that is quiet but for this, and beside a busy loop on each processor;
they are the default of the run time and, unless others are given, ours. The last case is what ``--workers``
does: as many processes as processors, each with one thread; its time is that of an evaluation of one process
over their number. The fair share beside the loops is half of the default's speed alone. ``--preload`` puts
another run time (libiomp5.so) in the place of GNU's.
"""

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from bench.cli.running.waiting import SHORT

NAMES = ("OMP_", "GOMP_", "KMP_")
"""How variables begin that this takes out of the environment."""
WORKERS = "OMP_NUM_THREADS=1"
"""The setting of as many processes as processors."""
CHILD = """
import sys, time, torch
from bench.priors import load_prior
prior = load_prior("fashion32")
x, t = torch.randn(8, *prior.shape), prior.schedule.level(500)
seconds, spent = [], 0.0
with torch.no_grad():
    for _ in range(3):
        prior.denoise(x, t)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[1])):
        start, used = time.perf_counter(), time.process_time()
        prior.denoise(x, t)
        seconds.append(time.perf_counter() - start)
        spent += time.process_time() - used
print(sorted(seconds)[len(seconds) // 2], spent / len(seconds))
"""
"""Prints the median wall time and the mean processor time of evaluations, once it is told to begin."""


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many processes that only take time."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def evaluate(setting: str, loops: int, calls: int, preload: str) -> tuple[float, float]:
    """Seconds of an evaluation by the wall clock, and of processor time, under one setting."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NAMES)}
    own = dict(part.split("=") for part in setting.split(",") if "=" in part)
    library = {"LD_PRELOAD": preload} if preload else {}
    command = [sys.executable, "-c", CHILD, str(calls)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = processors() if setting == WORKERS else 1
    with contextlib.ExitStack() as stack:
        opened = (subprocess.Popen(command, env=kept | own | library, **pipes) for _ in range(processes))  # type: ignore[call-overload]  # noqa: S603
        children = [stack.enter_context(child) for child in opened]
        for child in children:
            child.stdout.readline()
        stack.enter_context(busy(loops))
        for child in children:
            child.stdin.write("\n")
            child.stdin.flush()
        found = [child.communicate()[0].split() for child in children]
    walls, spent = zip(*(map(float, pair) for pair in found), strict=True)
    return max(walls) / processes, sum(spent) / processes


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def main() -> None:
    """Prints the median of each setting, alone and beside busy loops, over the default's alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--calls", type=int, default=20, help="evaluations a turn")
    parser.add_argument("--preload", default="", help="a run time in the place of GNU's")
    ours = ",".join(f"{name}={value}" for name, value in SHORT.items())
    parser.add_argument("--settings", nargs="*", default=[ours], help="NAME=VALUE,...; beside the default")
    args = parser.parse_args()
    loops = processors()
    times: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for _ in range(args.turns):
        for beside in (0, loops):
            for setting in ("default", *args.settings, WORKERS):
                found = evaluate(setting, beside, args.calls, args.preload)
                times.setdefault((beside, setting), []).append(found)
    walls = {case: sorted(wall for wall, _ in own)[len(own) // 2] for case, own in times.items()}
    for (beside, setting), wall in walls.items():
        spent = sorted(processor for _, processor in times[beside, setting])[args.turns // 2]
        fair = walls[0, "default"] * (2 if beside else 1)
        place = f"beside {beside} loops" if beside else "quiet"
        share = f"{wall:.3f} s, {wall / fair:.2f} of the fair share"
        name = f"{loops} processes, {setting}" if setting == WORKERS else setting
        print(f"{place:15} {name:40} {share}; {spent:.3f} s of processors")


if __name__ == "__main__":
    main()
