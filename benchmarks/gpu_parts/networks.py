"""Part 2: milliseconds and memory of the networks, by batch, precision, layout and compilation."""

import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch

from bench.system.clock import Clock, PeakMemory
from bench.system.device import full_precision, release_memory
from benchmarks.gpu_parts.job import NO_TIME, GpuJob

CALLS = ("evaluation", "vjp")
AUTOCAST = {"float32": None, "tf32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
TOY = {
    "image_size": 16,
    "channels": 3,
    "learn_sigma": True,
    "num_channels": 32,
    "channel_mult": [1, 1],
    "num_res_blocks": 1,
    "attention_resolutions": [8],
    "num_head_channels": 32,
    "use_scale_shift_norm": True,
    "resblock_updown": True,
}


@dataclass(frozen=True)
class CallSetting:
    """How a network computes. The defaults are those of docs/reproduce_red_diff.md; no run uses ``tf32``."""

    precision: str = "float16"
    channels_last: bool = False
    compiled: bool = False

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """True float32 as in a run, or TF32."""
        with full_precision():
            if self.precision == "tf32":  # `full_precision` sets back what it found
                torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
            yield


@dataclass
class Subject:
    """A network under measurement, at one size of its images."""

    name: str
    network: torch.nn.Module
    side: int

    def prior(self, setting: CallSetting) -> Any:
        """A `NetworkPrior` over the network, whose kernels are laid out as the setting says."""
        from bench.priors.network import NetworkPrior
        from bench.priors.unet import lay_out

        shape = (3, self.side, self.side)
        prior = NetworkPrior(self.network, shape, autocast=AUTOCAST[setting.precision])
        if setting.channels_last:
            lay_out(self.network, torch.channels_last)
        return prior


def make_subject(job: GpuJob, name: str, side: int | None = None) -> Subject:
    """A network with the architecture of a card, or a tiny one, and random weights."""
    from bench.priors import read_card
    from benchmarks.full_size import random_network

    architecture = TOY if name == "toy" else read_card(name)[0].architecture.model_dump(exclude_unset=True)
    with job.device:
        network = random_network(architecture)
    return Subject(name, network, side or architecture["image_size"])


def measure_network(job: GpuJob, name: str) -> None:
    """Batches at the default setting, all settings at one batch, and the largest batch that fits.

    The images have half the size where not even one fits.
    """
    subject = make_subject(job, job.sizes.network if name == "ffhq256_uncond" else name)
    first, *more = job.sizes.batches
    if len(measure_calls(job, subject, first, CallSetting())) < len(CALLS) and not job.lost:
        subject.side //= 2
        measure_calls(job, subject, first, CallSetting())
    for batch in more:
        measure_calls(job, subject, batch, CallSetting())
    for precision in AUTOCAST:
        for layout in (False, True):
            setting = CallSetting(precision, layout)
            if setting != CallSetting():
                measure_calls(job, subject, job.sizes.grid, setting)
    measure_largest(job, subject)


def measure_largest(job: GpuJob, subject: Subject) -> None:
    """Doubles the batch until neither call fits, at the cap, or before one that would take too long."""
    batch, calls, spent = job.sizes.batches[-1], CALLS, 0.0
    while calls and 2 * batch <= job.sizes.largest:
        batch *= 2
        if 2.5 * spent > job.left():
            job.emit(network=subject.name, batch=batch, error=NO_TIME)
            return
        start = time.monotonic()
        calls = measure_calls(job, subject, batch, CallSetting(), repeats=1, calls=calls)
        spent = time.monotonic() - start


def measure_calls(
    job: GpuJob,
    subject: Subject,
    batch: int,
    setting: CallSetting,
    repeats: int | None = None,
    calls: tuple[str, ...] = CALLS,
) -> tuple[str, ...]:
    """Emits a row for each call; those that could be measured."""
    about = {"network": subject.name, "side": subject.side, "batch": batch, **asdict(setting)}
    prior, repeats = subject.prior(setting), repeats or job.sizes.repeats
    if setting.compiled:
        prior.compile(job.sizes.backend)
    done = []
    for call in calls:
        with setting.active():
            if job.attempt({**about, "call": call}, partial(time_call, prior, batch, call, repeats)):
                done.append(call)
    return tuple(done)


def time_call(prior: Any, batch: int, call: str, repeats: int) -> dict[str, Any]:
    """Medians over calls at a middle level.

    Returns:
        ``ms`` of the whole call, ``backward_ms`` of the pullback within it, ``first_s`` of a first call that
        does not count (compilation, choice of kernels), ``gb`` at the peak (`bench.system.clock.PeakMemory`).
    """
    x = torch.randn(batch, *prior.shape, device=prior.device)
    level = prior.schedule.level(prior.schedule.T // 2)
    once = {"evaluation": time_evaluation, "vjp": time_vjp}[call]
    memory = PeakMemory(prior.device)
    memory.start()
    first = once(prior, x, level)["ms"] / 1e3
    turns = [once(prior, x, level) for _ in range(repeats)]
    found = {key: statistics.median(turn[key] for turn in turns) for key in turns[0]}
    peak = memory.read()
    return {**found, "first_s": first, "gb": None if peak is None else peak / 1e3}


def time_evaluation(prior: Any, x: torch.Tensor, level: Any) -> dict[str, float]:
    """E[x0 | x] without a graph."""
    clock = Clock(prior.device)
    clock.start()
    prior.denoise(x, level)
    clock.stop()
    return {"ms": 1e3 * clock.seconds}


def time_vjp(prior: Any, x: torch.Tensor, level: Any) -> dict[str, float]:
    """E[x0 | x] with its graph, and one pullback."""
    forward, backward = Clock(prior.device), Clock(prior.device)
    forward.start()
    _, pull = prior.vjp(x, level)
    forward.stop()
    backward.start()
    pull(x)
    backward.stop()
    return {"ms": 1e3 * (forward.seconds + backward.seconds), "backward_ms": 1e3 * backward.seconds}


def measure_compiled(job: GpuJob) -> None:
    """Compiled networks at one batch. A part of its own, since nothing but its end stops a compiler."""
    for name, precision in job.sizes.compiled:
        subject = make_subject(job, name)
        measure_calls(job, subject, job.sizes.grid, CallSetting(precision, compiled=True))
        torch.compiler.reset()
        del subject
        release_memory(job.device)
