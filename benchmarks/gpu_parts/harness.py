"""Parts 3 and 5: whole solves beside bare calls of the network, and the cost of every solver."""

import statistics
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import torch

from bench.system.clock import Clock, PeakMemory
from benchmarks.gpu_parts.job import GpuJob, Skipped
from benchmarks.gpu_parts.networks import CallSetting, make_subject

OPERATOR, SIGMA = "sr_average4", 0.05
COSTED = ("float32", "float16")
"""Precisions in which costs are computed."""
FEW = 62
"""Evaluations in which the share with a gradient is counted: two levels of the solver with the longest."""
Row = dict[str, Any]
Rows = list[Row]


def measure_overhead(job: GpuJob) -> None:
    """Whole solves through `bench.run.solve.solve`, and as many bare calls of the network, in turns.

    `overhead.py` waits for the device around each call. Here bare calls are queued, which shows a solver that
    lets a GPU run dry.
    """
    subject = make_subject(job, job.sizes.network)
    prior = subject.prior(CallSetting())
    for batch in (1, job.sizes.grid):
        for name in ("red_diff", "dps", "ddrm"):
            about = {"solver": name, "network": subject.name, "side": subject.side, "batch": batch}
            about |= {"steps": job.sizes.steps, **asdict(CallSetting())}
            with CallSetting().active():
                job.attempt(about, partial(compare, job, prior, name, batch))


def compare(job: GpuJob, prior: Any, name: str, batch: int) -> dict[str, float]:
    """Milliseconds a step: ``whole`` by the wall clock, noise included, ``record`` as recorded, ``bare``."""
    solver = usual(name, job.sizes.network, steps=job.sizes.steps)
    solve_once(replace(solver, steps=2), prior, batch)
    turns = []
    for _ in range(job.sizes.turns):
        clock = Clock(prior.device)
        clock.start()
        outcome = solve_once(solver, prior, batch)
        clock.stop()
        bare = time_bare(prior, batch, round(outcome.nfe.max()), bool(outcome.vjps.any()))
        turns.append((clock.seconds, outcome.seconds * batch, bare))
    medians = [statistics.median(column) for column in zip(*turns, strict=True)]
    whole, record, bare = (1e3 * seconds / job.sizes.steps for seconds in medians)
    ratios = {"whole_ratio": whole / bare, "record_ratio": record / bare}
    return {"whole_ms": whole, "record_ms": record, "bare_ms": bare, **ratios}


def time_bare(prior: Any, batch: int, calls: int, gradient: bool) -> float:
    """Seconds of calls of the network itself, by `torch.autograd.grad` where a gradient is asked for."""
    x = torch.randn(batch, *prior.shape, device=prior.device, requires_grad=gradient)
    index = torch.full((1,), 500.0, device=prior.device)
    lower, on = prior.autocast or torch.bfloat16, prior.autocast is not None
    clock = Clock(prior.device)
    clock.start()
    for _ in range(calls):
        with torch.autocast(prior.device.type, lower, enabled=on), torch.set_grad_enabled(gradient):
            out = prior.network(x, index)
        if gradient:
            torch.autograd.grad(out, x, torch.ones_like(out))
    clock.stop()
    return clock.seconds


def usual(name: str, network: str, **changes: Any) -> Any:
    """A solver with its ``official`` preset for a network."""
    from bench.suites.methods import load_solver
    from bench.suites.presets import resolve

    return replace(
        load_solver(name).cls(**resolve(name, "official", network, OPERATOR, OPERATOR)[1]), **changes
    )


def solve_once(solver: Any, prior: Any, batch: int) -> Any:
    """The outcome for a made-up measurement, through the harness."""
    from bench.noise import StreamNoise
    from bench.operators import make_operator
    from bench.run.solve import solve
    from bench.solver import Measurement

    A = make_operator(OPERATOR, prior.shape, range(batch)).to(prior.device, prior.dtype)
    noise = StreamNoise(range(batch), prior.dtype, prior.device)
    Ax = A(noise.uniform(prior.shape) * 2 - 1)
    given = Measurement(Ax + SIGMA * noise.like(Ax), A, SIGMA)
    memory = PeakMemory(prior.device)
    memory.start()
    return solve(solver, given, prior, noise, memory=memory)


def measure_costs(job: GpuJob) -> None:
    """Seconds and memory of every solver at its usual evaluations, computed from part 2; two are checked."""
    from bench.suites.cards import list_cards

    measured = earlier(job)
    if not measured:
        raise Skipped("the networks were not measured")
    for name, card in list_cards().items():
        if card.kind == "method":
            for network in dict.fromkeys(row["network"] for row in measured):
                compute_costs(job, name, network, measured)
    check_costs(job, measured)


def earlier(job: GpuJob) -> Rows:
    """The measurements of part 2."""
    parts = (job.given["parts"].get(name, {}) for name in ("ffhq256_uncond", "imagenet256_uncond"))
    return [row for part in parts for row in part.get("measurements", []) if "ms" in row]


def compute_costs(job: GpuJob, name: str, network: str, measured: Rows) -> None:
    """A row for each precision that was measured; operators, noise and metrics are not in it."""
    from bench.solver import particles

    solver = usual(name, network)
    nfe, share = solver.steps * particles(solver), gradient_share(solver)
    for precision in COSTED:
        cost = predict(measured, network, precision, job.sizes.grid, nfe, share)
        if cost is None:
            continue
        about = {"kind": "computed", "solver": name, "network": network, "precision": precision}
        job.emit(**about, batch=job.sizes.grid, nfe=nfe, vjps=round(share * nfe), **cost)


def gradient_share(solver: Any) -> float:
    """Share of its evaluations that a solver pulls back through, counted on a tiny image."""
    from bench.priors.network import NetworkPrior

    few = replace(solver, steps=min(solver.steps, FEW))
    outcome = solve_once(few, NetworkPrior(Pointwise(), (3, 16, 16)), 1)
    return float(outcome.vjps.sum() / outcome.nfe.sum())


class Pointwise(torch.nn.Conv2d):
    """A network that costs nothing: each pixel's noise is a mixture of its colours."""

    def __init__(self) -> None:
        super().__init__(3, 3, 1)

    def forward(self, x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        return super().forward(x)


def predict(measured: Rows, network: str, precision: str, batch: int, steps: int, share: float) -> Row | None:
    """Seconds per image, GB at a batch and GB of one image more; None where a call was not measured."""
    like = asdict(CallSetting(precision)) | {"network": network}
    rows = [row for row in measured if all(row[key] == value for key, value in like.items())]
    at = {row["call"]: row for row in rows if row["batch"] == batch}
    shares = {call: part for call, part in (("evaluation", 1 - share), ("vjp", share)) if part}
    if not shares.keys() <= at.keys():
        return None
    ms = sum(part * at[call]["ms"] for call, part in shares.items())
    top = at["vjp" if share else "evaluation"]
    each = slope([row for row in rows if (row["call"], row["side"]) == (top["call"], top["side"])])
    size = {"side": top["side"], "gb": top["gb"], "gb_per_image": each}
    return {"seconds_per_image": steps * ms / batch / 1e3, **size}


def slope(rows: Rows) -> float | None:
    """GB per image between the smallest and the largest batch; None where only one was measured."""
    ends = sorted((row["batch"], row["gb"]) for row in rows if row["gb"] is not None)
    if not ends or ends[0][0] == ends[-1][0]:
        return None
    return (ends[-1][1] - ends[0][1]) / (ends[-1][0] - ends[0][0])


def check_costs(job: GpuJob, measured: Rows) -> None:
    """Runs a solver without and one with a gradient of the network, and puts what was computed beside it."""
    steps, batch, name = job.sizes.steps, job.sizes.grid, job.sizes.network
    for label in ("ddrm", "dps"):
        solver = usual(label, name, steps=steps)
        computed = predict(measured, name, CallSetting().precision, batch, steps, gradient_share(solver))
        about = {"kind": "checked", "solver": label, "network": name, "batch": batch, "steps": steps}
        if computed is None:
            job.emit(**about, error="its calls were not measured")
            continue
        prior = make_subject(job, name, computed["side"]).prior(CallSetting())
        with CallSetting().active():
            job.attempt(
                {**about, **asdict(CallSetting())}, partial(check_cost, solver, prior, batch, computed)
            )


def check_cost(solver: Any, prior: Any, batch: int, computed: Row) -> Row:
    """Seconds and memory of a solve as a record keeps them, after a short one that does not count."""
    solve_once(replace(solver, steps=2), prior, batch)
    outcome = solve_once(solver, prior, batch)
    peak = outcome.peak_memory_mb
    return {
        "computed_seconds": computed["seconds_per_image"],
        "measured_seconds": outcome.seconds,
        "ratio": outcome.seconds / computed["seconds_per_image"],
        "computed_gb": computed["gb"],
        "measured_gb": None if peak is None else peak / 1e3,
    }
