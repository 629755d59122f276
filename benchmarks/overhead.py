"""Measures the cost of a solver beyond its network calls: the time of a whole solve over that of its calls.

    python benchmarks/overhead.py --steps 50 --batch 8

The calls are timed where they happen, so both times are of the same seconds. The machine's own drift would
hide one per cent between a solve and a loop of bare calls beside it. `whole` is the wall time of what
`python -m bench run` does for a batch on warm weights: noise, operators, solver, finiteness checks and the
clock itself. `record` is the seconds that the record keeps, without the noise. Metrics are in neither. All
numbers are medians over turns.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.data import load_dataset
from bench.plan.task import Task
from bench.prior import Prior, Pullback
from bench.priors import load_prior
from bench.run.inputs import measure, solver_noise
from bench.run.solve import solve
from bench.schedule import Level
from bench.solver import Measurement, Solver
from bench.system.device import synchronise
from solvers.ddrm import DDRM
from solvers.dps import DPS
from solvers.pigdm import PiGDM
from solvers.red_diff import RedDiff


class Timed(Prior):
    """A prior that adds up the seconds spent inside of it."""

    def __init__(self, prior: Prior) -> None:
        self.prior, self.seconds = prior, 0.0
        self.shape, self.schedule = prior.shape, prior.schedule
        self.dtype, self.device = prior.dtype, prior.device

    def moments(self, x: torch.Tensor, t: Level) -> tuple[torch.Tensor, torch.Tensor | None]:
        return self._clocked(self.prior.moments, x, t)

    def moments_vjp(self, x: torch.Tensor, t: Level) -> tuple[torch.Tensor, torch.Tensor | None, Pullback]:
        x0, v, pull = self._clocked(self.prior.moments_vjp, x, t)
        return x0, v, lambda u: self._clocked(pull, u)

    def _clocked(self, call: Pullback, *given: object) -> object:
        synchronise(self.device)
        start = time.perf_counter()
        result = call(*given)
        synchronise(self.device)
        self.seconds += time.perf_counter() - start
        return result


def main() -> None:
    """Reads the command line and prints one line per solver."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--operator", default="sr_average4")
    args = parser.parse_args()
    prior, data = load_prior("fashion32"), load_dataset("fashion32")
    task = Task(args.operator, data.name, args.operator, 0.05)
    images = list(data.ids[: args.batch])
    measured = measure(task, data, images).measurement
    y, A = measured.y.to(prior.dtype), measured.A.to(dtype=prior.dtype)

    def turn(solver: Solver) -> tuple[float, float, float]:
        """Ratios of whole and recorded seconds to those of the calls; milliseconds of the calls per step."""
        timed, noise = Timed(prior), solver_noise(task, images, [0] * len(images), "overhead")
        start = time.perf_counter()
        recorded = solve(solver, Measurement(y, A, task.sigma), timed, noise).seconds * args.batch
        whole = time.perf_counter() - start
        return whole / timed.seconds, recorded / timed.seconds, timed.seconds / args.steps * 1e3

    setting = f"batch {args.batch}, {args.steps} steps, {torch.get_num_threads()} threads"
    print(f"{setting}, {args.operator}, {args.turns} turns")
    for cls in (RedDiff, DDRM, DPS, PiGDM):
        solver = cls(steps=args.steps)
        turn(solver)
        turns = [turn(solver) for _ in range(args.turns)]
        whole, recorded, ms = (statistics.median(column) for column in zip(*turns, strict=True))
        ratios = f"whole {whole:6.3f}  record {recorded:6.3f}"
        print(f"{cls.__name__:8} {ratios}   ({ms:.1f} ms of calls per step)")


if __name__ == "__main__":
    main()
