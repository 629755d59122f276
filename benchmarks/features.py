"""Times Inception's features, in processor time per image: as a run computes them, one by one, and before.

    OMP_NUM_THREADS=1 python benchmarks/features.py [--batch 8] [--turns 5]

The ways take turns. "Before" has the weights in torch's usual memory order. The floor is the network's
operations at the speed of a large matrix product on this machine, in single precision.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench.metrics.networks import Inception

SIDE = 2048
"""Side of the matrices of the floor."""


def seconds(f: Callable[[], object]) -> float:
    """Processor time of a call, of all threads."""
    start = time.process_time()
    f()
    return time.process_time() - start


def one_by_one(inception: Inception, x: Tensor) -> None:
    """Features of each image alone."""
    for i in range(len(x)):
        inception(x[i : i + 1])


def floor(inception: Inception, x: Tensor) -> float:
    """Seconds of one image at the speed of a matrix product."""
    with FlopCounterMode(display=False) as counter:
        inception(x[:1])
    a = torch.rand(SIDE, SIDE)
    return counter.get_total_flops() * seconds(lambda: a @ a) / (2 * SIDE**3)


def main() -> None:
    """Prints the median of each way, in ms per image, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--turns", type=int, default=5)
    args = parser.parse_args()
    x = torch.rand(args.batch, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    now, before = Inception(), Inception()
    before.network.to(memory_format=torch.contiguous_format)
    difference = (now(x) - before(x)).abs().max().item()
    ways: dict[str, Callable[[], object]] = {
        "one by one before": lambda: one_by_one(before, x),
        "batch before": lambda: before(x),
        "one by one": lambda: one_by_one(now, x),
        "batch": lambda: now(x),
    }
    times: dict[str, list[float]] = {name: [] for name in [*ways, "floor"]}
    for _ in range(args.turns):
        for name, way in ways.items():
            times[name].append(seconds(way) / len(x))
        times["floor"].append(floor(now, x))
    medians = {name: sorted(own)[len(own) // 2] for name, own in times.items()}
    for name, median in medians.items():
        print(f"{name:18} {1e3 * median:6.1f} ms per image, {median / medians['one by one before']:.2f}")
    print(f"largest difference of a feature: {difference:.1e}")


if __name__ == "__main__":
    main()
