"""What a solver costs beyond its network calls: wall time of a whole solve over that of the bare calls.

    python benchmarks/overhead.py --steps 50 --batch 8

Both are timed in turns in one process at the same batch and thread count, and the median of the per-turn ratios is printed.
`whole` is the wall time of what `python -m bench run` does for a batch on warm weights: noise, operators, solver, finiteness
checks and the clock itself; `record` is the seconds that the record keeps, without the noise. Metrics are in neither.
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


def timed(f: Callable[..., object], *args: object) -> tuple[float, object]:
    """Wall time of one call, and what it returns."""
    start = time.perf_counter()
    result = f(*args)
    return time.perf_counter() - start, result


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

    def whole(solver: Solver) -> float:
        noise = task.noise(images, [0] * len(images), "overhead")
        return solve(solver, Measurement(y, A, task.sigma), prior, noise).seconds * args.batch

    print(f"batch {args.batch}, {args.steps} steps, {torch.get_num_threads()} threads, {args.operator}, {args.turns} turns")
    for solver, pulls in (
        (RedDiff(steps=args.steps), False),
        (DDRM(steps=args.steps), False),
        (DPS(steps=args.steps), True),
        (PiGDM(steps=args.steps), True),
    ):
        whole(solver)
        bare(pulls)
        turns = [(*timed(whole, solver), timed(bare, pulls)[0]) for _ in range(args.turns)]
        wall, kept = (statistics.median(turn[i] / turn[2] for turn in turns) for i in (0, 1))
        per_call = min(turn[2] for turn in turns) / args.steps * 1e3
        print(f"{type(solver).__name__:8} whole {wall:6.3f}  record {kept:6.3f}   ({per_call:.1f} ms per bare call)")


if __name__ == "__main__":
    main()
