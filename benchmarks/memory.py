"""Measures the peak memory of a solve at two numbers of steps: it must not grow.

    python benchmarks/memory.py

Each measurement is its own process, since the peak resident size of a process never falls.
"""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def peak(name: str, steps: int) -> float:
    """Peak resident megabytes of one solve in this process."""
    import torch

    from bench.data import load_dataset
    from bench.plan.task import Task
    from bench.priors import load_prior
    from bench.run.inputs import measure, solver_noise
    from bench.run.solve import solve
    from bench.solver import Measurement
    from bench.suites.methods import load_solver

    prior, data = load_prior("fashion32"), load_dataset("fashion32")
    task = Task("sr_average4", data.name, "sr_average4", 0.05)
    images = list(data.ids[:8])
    measured = measure(task, data, images).measurement
    given = Measurement(measured.y.to(torch.float32), measured.A.to(dtype=torch.float32), task.sigma)
    solver: Any = load_solver(name).cls
    solve(solver(steps=steps), given, prior, solver_noise(task, images, [0] * 8, name))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Prints one line per solver; with two arguments, measures one case."""
    sys.path[0] = str(ROOT)
    from bench.suites.cards import list_cards

    if len(sys.argv) == 3:
        print(peak(sys.argv[1], int(sys.argv[2])))
        return
    methods = [name for name, card in list_cards().items() if card.kind == "method"]
    for name in methods:
        sizes = {}
        for steps in (10, 100):
            command = [sys.executable, __file__, name, str(steps)]
            sizes[steps] = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603
        peaks = ", ".join(f"{steps} steps {size:.0f}" for steps, size in sizes.items())
        print(f"{name:9} peak resident MB: {peaks}")


if __name__ == "__main__":
    main()
