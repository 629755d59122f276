"""What a solver costs beyond its network calls: wall time of a whole solve over that of the bare calls.

    python benchmarks/overhead.py --steps 50 --batch 8

Both are timed in turns in one process at the same batch and thread count, and the median of the per-turn ratios is printed.
`solve` is what `python -m bench run` executes for a batch on warm weights: noise, operators, solver, finiteness checks and the
clock itself. Metrics are not in it; they are not in a record's seconds either.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.data import load_dataset
from bench.priors import load_prior
from bench.solver import Measurement, Solver
from bench.solving import solve
from bench.tasks import Task
from solvers import DDRM, DPS, PiGDM, RedDiff


def seconds(f: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--operator", default="sr_average4")
    args = parser.parse_args()
    prior, data = load_prior("fashion32"), load_dataset("fashion32")
    task = Task(args.operator, data.name, args.operator, 0.05)
    images = list(data.ids[: args.batch])
    measured = task.measure(data, images).measurement
    y, A = measured.y.to(prior.dtype), measured.A.to(dtype=prior.dtype)
    x = torch.randn(args.batch, *prior.shape, generator=torch.Generator().manual_seed(0))
    levels = prior.schedule.levels(args.steps)

    def bare(pulls: bool) -> None:
        for t, _ in pairwise(levels):
            if pulls:
                prior.vjp(x, t)[1](x)
            else:
                prior.denoise(x, t)

    def whole(solver: Solver) -> None:
        noise = task.noise(images, [0] * len(images), "overhead")
        solve(solver, Measurement(y, A, task.sigma), prior, noise)

    print(f"batch {args.batch}, {args.steps} steps, {torch.get_num_threads()} threads, {args.operator}, {args.turns} turns")
    for solver, pulls in (
        (RedDiff(steps=args.steps), False),
        (DDRM(steps=args.steps), False),
        (DPS(steps=args.steps), True),
        (PiGDM(steps=args.steps), True),
    ):
        whole(solver)
        bare(pulls)
        turns = [(seconds(lambda s=solver: whole(s)), seconds(lambda p=pulls: bare(p))) for _ in range(args.turns)]
        ratio = statistics.median(a / b for a, b in turns)
        print(f"{type(solver).__name__:8} {ratio:6.3f}   ({min(b for _, b in turns) / args.steps * 1e3:.1f} ms per bare call)")


if __name__ == "__main__":
    main()
