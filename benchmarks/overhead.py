"""What a solver costs beyond its network calls: wall time of a whole solve over that of the bare calls.

    OMP_NUM_THREADS=1 python benchmarks/overhead.py --steps 50 --batch 8

`whole` is the wall time of what `python -m bench run` does for a batch on warm weights: noise, operators, solver, finiteness
checks and the clock itself; `record` is the seconds that the record keeps, without the noise. Metrics are in neither. Both are
given twice, over the bare network calls at the same batch and thread count:

- `timed`: solve and bare calls in turns, the median of the ratios; on a shared machine the network's own spread hides 1 %;
- `added`: 1 + the time of the same solve with a network that costs nothing over that of the bare calls, medians of both.
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
from bench.prior import Prior, Pullback
from bench.priors import load_prior
from bench.schedule import Level
from bench.solver import Measurement, Solver
from bench.solving import solve
from bench.tasks import Task
from solvers import DDRM, DPS, PiGDM, RedDiff


class Free(Prior):
    """The prior's interface with a network that costs nothing."""

    def __init__(self, prior: Prior) -> None:
        self.shape, self.schedule, self.dtype, self.device = prior.shape, prior.schedule, prior.dtype, prior.device

    def moments(self, x: torch.Tensor, t: Level) -> tuple[torch.Tensor, None]:
        return x / 2, None

    def moments_vjp(self, x: torch.Tensor, t: Level) -> tuple[torch.Tensor, None, Pullback]:
        return x / 2, None, lambda u: u / 2


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

    def whole(solver: Solver, prior: Prior) -> float:
        noise = task.noise(images, [0] * len(images), "overhead")
        return solve(solver, Measurement(y, A, task.sigma), prior, noise).seconds * args.batch

    print(f"batch {args.batch}, {args.steps} steps, {torch.get_num_threads()} threads, {args.operator}, {args.turns} turns")
    print("          whole: timed  added   record: timed  added   ms per bare call")
    for solver, pulls in (
        (RedDiff(steps=args.steps), False),
        (DDRM(steps=args.steps), False),
        (DPS(steps=args.steps), True),
        (PiGDM(steps=args.steps), True),
    ):
        whole(solver, prior)
        bare(pulls)
        turns = [
            (*timed(whole, solver, prior), *timed(whole, solver, Free(prior)), timed(bare, pulls)[0]) for _ in range(args.turns)
        ]
        wall, kept = (statistics.median(turn[i] / turn[4] for turn in turns) for i in (0, 1))
        per_call = statistics.median(turn[4] for turn in turns)
        own_wall, own_kept = (1 + statistics.median(turn[i] for turn in turns) / per_call for i in (2, 3))
        name, ms = type(solver).__name__, per_call / args.steps * 1e3
        print(f"{name:8}{wall:13.3f}{own_wall:7.3f}{kept:16.3f}{own_kept:7.3f}{ms:19.1f}")


if __name__ == "__main__":
    main()
