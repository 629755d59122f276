"""Measures the cost of a solver beyond the network: a whole solve over bare calls of the same network.

    OMP_NUM_THREADS=1 python benchmarks/overhead.py --steps 50 --batch 8

Bare calls are the network's alone: forward under `no_grad`, or forward and `torch.autograd.grad`, as many as
the solver makes. A solve is what `python -m bench run` does for a batch on warm weights: noise, operators,
solver, checks and the clock. Metrics are in neither. Both are measured in processor time. The machine's drift
is larger than one per cent. So they take turns: after each step of a solve come its bare calls, and a solve
has a ratio. Of the ratios the median is printed with its 95 % interval by ranks.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
SOLVERS = ("red_diff", "dps", "pigdm", "ddrm", "ddnm", "diffpir")


def main() -> None:
    """Reads the command line and prints one line per solver."""
    sys.path[0] = str(ROOT)
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--operator", default="sr_average4")
    parser.add_argument("--solvers", default=",".join(SOLVERS))
    args = parser.parse_args()
    from bench.cli.running.allocation import keep_freed_memory

    keep_freed_memory()  # as a run does
    setting = f"batch {args.batch}, {args.steps} steps, {torch.get_num_threads()} threads"
    print(f"{setting}, {args.operator}, {args.turns} turns, processor time")
    for name in args.solvers.split(","):
        turns = measure(name, args.steps, args.batch, args.operator, args.turns)
        low, middle, high = interval([whole / bare for whole, bare in turns])
        seconds = float(np.median([bare for _, bare in turns]))
        ms = 1e3 * seconds / args.steps
        print(f"{name:8} {middle:.3f} [{low:.3f}, {high:.3f}]   {ms:.1f} ms a bare call")


def measure(name: str, steps: int, batch: int, operator: str, turns: int) -> list[tuple[float, float]]:
    """Seconds of processor time of whole solves and of their bare calls; one more solve comes before."""
    from bench.data import load_dataset
    from bench.plan.task import Task
    from bench.priors import load_prior
    from bench.run.inputs import measure, solver_noise
    from bench.run.solve import solve
    from bench.solver import Measurement
    from bench.suites.methods import load_solver

    prior: Any = load_prior("fashion32")
    data = load_dataset("fashion32")
    task = Task(operator, data.name, operator, 0.05)
    images = list(data.ids[:batch])
    measured = measure(task, data, images).measurement
    y, A = measured.y.to(prior.dtype), measured.A.to(dtype=prior.dtype)
    solver = load_solver(name).cls(steps=steps)

    def whole(on_step: Callable[[int], object]) -> Any:
        noise = solver_noise(task, images, [0] * batch, "overhead")
        return solve(solver, Measurement(y, A, task.sigma), prior, noise, on_step=on_step)

    counted = whole(lambda _: None)
    calls, gradient = round(counted.nfe.max() / counted.steps), bool(counted.vjps.any())
    call = bare_call(prior, batch, gradient)

    def turn() -> tuple[float, float]:
        spent = 0.0

        def after_step(_: int) -> None:
            nonlocal spent
            start = time.process_time()
            for _ in range(calls):
                call()
            spent += time.process_time() - start

        start = time.process_time()
        whole(after_step)
        return time.process_time() - start - spent, spent

    return [turn() for _ in range(turns)]


def bare_call(prior: Any, batch: int, gradient: bool) -> Callable[[], None]:
    """A call of the network itself."""
    x, index = torch.randn(batch, *prior.shape), torch.full((1,), 500.0)
    ones = torch.ones_like(prior.network(x, index))

    def call() -> None:
        with torch.set_grad_enabled(gradient):
            point = x.detach().requires_grad_(gradient)
            out = prior.network(point, index)
            if gradient:
                torch.autograd.grad(out, point, ones)

    return call


def interval(values: Iterable[float]) -> tuple[float, float, float]:
    """The median, between the ends of its 95 % interval by ranks."""
    from scipy.stats import binom

    ordered = sorted(values)
    below = max(int(binom.ppf(0.025, len(ordered), 0.5)) - 1, 0)
    return ordered[below], float(np.median(ordered)), ordered[-1 - below]


if __name__ == "__main__":
    main()
