"""Part 6: networks replayed from graphs or compiled, beside ordinary calls, and solvers on them."""

import statistics
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from bench.priors.fast.probe import probe
from bench.priors.fast.ways import CALLS, FastCall, Way
from bench.priors.unet import lay_out
from bench.system.clock import Clock, PeakMemory
from bench.system.device import full_precision, release_memory
from benchmarks.gpu_parts.harness import solve_once, usual
from benchmarks.gpu_parts.job import GpuJob
from benchmarks.gpu_parts.networks import AUTOCAST, Subject, make_subject

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
SOLVERS = ("ddrm", "dps")
Row = dict[str, Any]


def measure_fast(job: GpuJob) -> None:
    """Calls, the probe and whole solves of every network, then what has to be compiled, which may hang."""
    subjects = []
    for name in job.sizes.fast:
        subject = make_subject(job, name)
        subjects.append(subject)
        with full_precision():
            measure_subject(job, subject)
        subject.network.to("cpu")
        release_memory(job.device)
    for subject in subjects:
        subject.network.to(job.device)
        lay_out(subject.network, torch.contiguous_format)
        with full_precision():
            for call in CALLS:
                about = about_calls(subject, job.sizes.grid, job.sizes.lower, "contiguous")
                way = Way(job.sizes.lower, compiled=True, graphs=on_gpu(job))
                job.attempt({**about, "call": call}, partial(compare_ways, job, subject, call, way, about))
        subject.network.to("cpu")
        release_memory(job.device)


def on_gpu(job: GpuJob) -> bool:
    """Whether there can be graphs."""
    return job.device.type == "cuda"


def measure_subject(job: GpuJob, subject: Subject) -> None:
    """A network's calls at all batches and layouts, then the probe and solvers."""
    settings = [(batch, job.sizes.lower) for batch in job.sizes.batches] + [(job.sizes.grid, "tf32")]
    for batch, precision in dict.fromkeys(settings):
        for layout, order in LAYOUTS.items():
            lay_out(subject.network, order)
            about = about_calls(subject, batch, precision, layout)
            way = Way(precision, graphs=on_gpu(job))
            for call in CALLS:
                job.attempt({**about, "call": call}, partial(compare_ways, job, subject, call, way, about))
    lay_out(subject.network, torch.contiguous_format)
    for batch in (1, job.sizes.grid):
        about = {"kind": "solves", "network": subject.name, "side": subject.side, "batch": batch}
        for name in SOLVERS:
            row = {**about, "solver": name, "steps": job.sizes.steps, "precision": job.sizes.lower}
            job.attempt(row, partial(compare_solves, job, subject, batch, name))
    about = {"kind": "probe", "network": subject.name, "side": subject.side, "batch": job.sizes.grid}
    job.attempt(about, partial(run_probe, job, subject))
    lay_out(subject.network, torch.contiguous_format)


def about_calls(subject: Subject, batch: int, precision: str, layout: str) -> Row:
    """What a comparison of calls is about."""
    about = {"kind": "calls", "network": subject.name, "side": subject.side, "batch": batch}
    return about | {"precision": precision, "layout": layout}


def compare_ways(job: GpuJob, subject: Subject, call: str, way: Way, about: Row) -> Row:
    """Milliseconds of a call in the ordinary way and in another, and how far their results are apart."""
    given = example(job, subject, about["batch"])
    ordinary = FastCall(subject.network, call, Way(way.precision))
    with way.active(job.device):  # backward passes, too
        ordinary_ms, _, expected = timed(job, ordinary, given)
    fast = FastCall(subject.network, call, way, job.sizes.backend)
    memory = PeakMemory(job.device)
    memory.start()
    ms, first, result = timed(job, fast, given)
    peak = memory.read()
    gap = ((result - expected).norm() / expected.norm()).item()
    times = {"ordinary_ms": ordinary_ms, "ms": ms, "gain": ordinary_ms / ms, "first_s": first, "gap": gap}
    failed = {"error": fast.lost} if fast.lost else {}
    found = {**times, "way": " and ".join(fast.words), "gb": peak and peak / 1e3, **failed}
    fast.forget()
    release_memory(job.device)
    return found


def example(job: GpuJob, subject: Subject, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Arguments of a network."""
    generator = torch.Generator().manual_seed(batch)
    x = torch.randn(batch, 3, subject.side, subject.side, generator=generator)
    return x.to(job.device), torch.full((1,), 500.0, device=job.device)


def timed(job: GpuJob, fast: FastCall, given: tuple[torch.Tensor, ...]) -> tuple[float, float, torch.Tensor]:
    """Median milliseconds, seconds of the first three calls, and the last result in float64."""
    run = {"evaluation": evaluate, "vjp": pull_back}[fast.call]
    first = seconds(job, lambda: [run(fast, given) for _ in range(3)])
    turns = [seconds(job, lambda: run(fast, given)) for _ in range(job.sizes.repeats)]
    return 1e3 * statistics.median(turns), first, run(fast, given).double()


def seconds(job: GpuJob, work: Callable[[], Any]) -> float:
    """The time of some work on the device, the host's included."""
    clock = Clock(job.device)
    clock.start()
    work()
    clock.stop()
    return clock.seconds


def evaluate(fast: FastCall, given: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """An evaluation without a graph of autograd."""
    with torch.no_grad():
        return fast(*given)


def pull_back(fast: FastCall, given: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """An evaluation and a pullback of ones."""
    x = given[0].detach().requires_grad_()
    out = fast(x, *given[1:])
    return torch.autograd.grad(out, x, torch.ones_like(out))[0]


def compare_solves(job: GpuJob, subject: Subject, batch: int, name: str) -> Row:
    """Whole solves through `bench.run.solve.solve` on an ordinary prior and on one that was sped up.

    ``gap`` is the relative distance of the results, ``bare_ms`` the evaluation or vjp alone.
    """
    from bench.priors.fast.probe import Fast
    from bench.priors.network import NetworkPrior

    shape = (3, subject.side, subject.side)
    ordinary, fast = (
        NetworkPrior(subject.network, shape, autocast=AUTOCAST[job.sizes.lower]) for _ in range(2)
    )
    way = Way(job.sizes.lower, graphs=on_gpu(job))
    fast._fast = Fast(calls={call: FastCall(subject.network, call, way) for call in CALLS})
    solver = usual(name, subject.name, steps=job.sizes.steps)
    found: Row = {}
    results = {}
    for label, prior in (("ordinary", ordinary), ("fast", fast)):
        solve_once(replace(solver, steps=3), prior, batch)
        turns = []
        for _ in range(job.sizes.turns):
            clock = Clock(job.device)
            clock.start()
            results[label] = solve_once(solver, prior, batch).x
            clock.stop()
            turns.append(clock.seconds)
        found[f"{label}_ms"] = 1e3 * statistics.median(turns) / job.sizes.steps
    call = "vjp" if name == "dps" else "evaluation"
    found["bare_ms"] = timed(job, fast._fast.calls[call], example(job, subject, batch))[0]
    found["gain"] = found["ordinary_ms"] / found["fast_ms"]
    found["gap"] = ((results["fast"] - results["ordinary"]).norm() / results["ordinary"].norm()).item()
    if lost := [each.lost for each in fast._fast.calls.values() if each.lost]:
        found["error"] = lost[0]
    return found


def run_probe(job: GpuJob, subject: Subject) -> Row:
    """What `--fast` decides where float32 was asked for, compilation apart."""
    chosen: list[Any] = []
    given = example(job, subject, job.sizes.grid)
    took = seconds(job, lambda: chosen.append(probe(subject.network, given, compiled=False)))
    return {"seconds": took, "found": [str(found) for found in chosen[0].found], "words": chosen[0].words}
