"""Compares what `plan` says with runs on this machine: evaluations, backward passes and seconds.

    OMP_NUM_THREADS=1 python benchmarks/planner.py [--rates]

Three networks: the embedded one and the FFHQ-256 architecture with random weights, each after a probe, and
one that no table has, without a probe. All seconds are those that the thread had of its processor, so that
neighbours do not count; hence one thread. ``--rates`` prints the probes as entries of
bench/forecast/rates.toml and stops.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

import bench.system.clock
from bench.forecast.planner import cost_of_suite
from bench.forecast.probe import keep, network_to_probe, probe
from bench.forecast.rates import find_target
from bench.forecast.stand_in import DrawnImages
from bench.forecast.work import count
from bench.plan.build import make_cells
from bench.plan.cell import Cell, Job
from bench.plan.loading import DataAndPrior
from bench.plan.options import Options
from bench.prior import Prior
from bench.run.inputs import measure, solver_inputs
from bench.run.solve import Outcome, solve, warm_up
from bench.suites.changes import override
from bench.suites.suite import Suite, load_suite
from bench.system.device import device_name, full_precision

CPU = torch.device("cpu")
CASES = {
    "fashion32": (["ddrm.steps=20", "red_diff.steps=40", "dps.steps=40", "daps.steps=40"], 8),
    "ffhq256_uncond": (["ddrm.steps=2", "dps.steps=2"], 1),
}
"""Prior -> changed copies of the suite's rows, and images."""
THIRD = (["ddrm.steps=20", "dps.steps=10"], 4)

SUITE = """\
name: planner
dataset: fashion32
prior: {prior}
images: {images}
tasks:
  - {{name: sr_average4, operator: sr_average4, sigma: 0.05}}
solvers: [{{solver: ddrm}}, {{solver: red_diff}}, {{solver: dps}}, {{solver: daps, params: {{ode_steps: 2}}}}]
"""


def main() -> None:
    """Prints a line per row: planned, measured, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rates", action="store_true", help="probe two networks and print what the table needs"
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    bench.system.clock.time = SimpleNamespace(perf_counter=time.thread_time)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["BENCH_HOME"] = scratch
        if asked.rates:
            print_rates()
            return
        print(device_name(CPU))
        third = ddpm(Path(scratch) / "ddpm")
        compare(f"diffusers:{third}", "no probe", *THIRD)
        for name, (rows, images) in CASES.items():
            network = network_to_probe(name, torch.float32, CPU, None)
            path = keep(probe(network, count(network), "float32", time.thread_time))
            compare(name, "probed", rows, images)
            path.unlink()


def print_rates() -> None:
    """Prints the seconds of two networks on one thread of this processor."""
    for name in CASES:
        network = network_to_probe(name, torch.float32, CPU, None)
        for one in probe(network, count(network), "float32", time.thread_time).timings:
            entry = {"network": name, "dtype": "float32", **asdict(one)}
            entry["seconds"] = float(f"{one.seconds:.4g}")
            print("  {" + ", ".join(f"{k} = {v!r}".replace("'", '"') for k, v in entry.items()) + "},")


def ddpm(folder: Path) -> Path:
    """A network of another library, with the architecture of DDPM's for CIFAR-10 and one channel."""
    torch.manual_seed(0)
    network = UNet2DModel(
        sample_size=32,
        in_channels=1,
        out_channels=1,
        block_out_channels=(128, 256, 256, 256),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    )
    DDPMPipeline(network, DDPMScheduler()).save_pretrained(folder)
    return folder


def compare(prior: str, how: str, rows: list[str], images: int) -> None:
    """Plans some rows and runs them; prints both."""
    file = Path(os.environ["BENCH_HOME"]) / "planner.yaml"
    file.write_text(SUITE.format(prior=prior, images=images))
    suite = override(load_suite(str(file)), rows, [])
    planned = cost_of_suite(suite, find_target("cpu"), Options(), images)
    known = {cost.cell.label: cost for cost in planned.costs}
    print(f"\n{Path(prior).name}, {how}, batch {images}: s/image, NFE, vjps planned and measured, ratio of s")
    for cell, outcome in solved(suite, prior, images):
        cost = known[cell.label]
        seconds, nfe, vjps = outcome.seconds, outcome.nfe.mean(), outcome.vjps.mean()
        ratio = cost.seconds / seconds if seconds else float("nan")
        counts = f"{cost.nfe:6.0f}{nfe:6.0f}{cost.vjps:6.0f}{vjps:6.0f}"
        print(f"  {cell.label:24}{cost.seconds:10.4g}{seconds:10.4g}{counts}{ratio:8.2f}", flush=True)


def solved(suite: Suite, name: str, images: int) -> Iterator[tuple[Cell, Outcome]]:
    """Runs every cell of a suite with the real network on drawn images."""
    prior: Prior = network_to_probe(name, torch.float32, CPU, None)
    data = DrawnImages("drawn", tuple(prior.shape), images)
    for cell in make_cells(suite, lambda _: DataAndPrior(data, prior), Options().numerics):
        measured = measure(cell.task, data, cell.images)
        jobs = [Job(image, 0, "") for image in cell.images]
        with full_precision():
            warm_up(cell.solver, *solver_inputs(cell, measured, jobs))
            yield cell, solve(cell.solver, *solver_inputs(cell, measured, jobs))


if __name__ == "__main__":
    main()
