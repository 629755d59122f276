"""A probe: at most 40 calls of a network in under a minute, kept in the cache."""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

from bench.forecast.work import NetworkWork, Work, parameters
from bench.priors import empty_prior, load_prior, read_card
from bench.priors.cards import PriorError
from bench.priors.network import NetworkPrior
from bench.records.keys import digest
from bench.system.cache import cache_dir
from bench.system.device import device_name, full_precision, out_of_memory, synchronise, threads
from bench.system.gate import conform, read_json

Call = Literal["evaluation", "vjp"]
CALLS: tuple[Call, ...] = ("evaluation", "vjp")
BATCHES = (1, 2, 4, 8)
REPEATS = 5
"""Calls of each kind and batch, of which the first warms up: 40 in all."""
LIMIT = 50.0
"""Seconds of a probe; what would not end in time is left out."""


@dataclass(frozen=True)
class Timing:
    """The seconds of one call on a batch."""

    call: Call
    batch: int
    seconds: float


@dataclass(frozen=True)
class Probe:
    """What was measured of a network on a device.

    Attributes:
        device: its name, and the number of threads on the CPU.
        architecture: hash of the names and shapes of all weights.
        evaluation, vjp: the work of the calls on one image.
    """

    __pydantic_config__: ClassVar[dict] = {"extra": "forbid", "allow_inf_nan": False}

    device: str
    dtype: str
    network: str
    architecture: str
    created: str
    torch: str
    evaluation: Work
    vjp: Work
    timings: tuple[Timing, ...]


def probe(
    prior: NetworkPrior, work: NetworkWork, dtype: str, clock: Callable[[], float] = time.perf_counter
) -> Probe:
    """Measures evaluations and vjps of a network at batches of 1 to 8, as far as the time allows.

    Args:
        prior: on the device to be measured; its weights do not matter.
        work: what it costs, by `bench.forecast.work.count`.
        clock: seconds since some time; of the processor where neighbours disturb.
    """
    deadline = time.perf_counter() + LIMIT
    with full_precision():
        timings = tuple(_timings(prior, deadline, clock))
    return Probe(
        device=device_key(prior.device),
        dtype=dtype,
        network=prior.name,
        architecture=architecture_of(prior),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        torch=torch.__version__,
        evaluation=work.evaluation,
        vjp=work.vjp,
        timings=timings,
    )


def _timings(prior: NetworkPrior, deadline: float, clock: Callable[[], float]) -> Iterator[Timing]:
    last: dict[Call, float] = {}
    for batch in BATCHES:
        x = torch.randn(batch, *prior.shape, dtype=prior.dtype, generator=torch.Generator().manual_seed(0))
        for call in CALLS:
            left = deadline - time.perf_counter()
            if batch > 1 and 2 * last.get(call, left) > left:
                continue
            share = left / 3 if call == "evaluation" else left
            started = time.perf_counter()
            try:
                seconds = _best(partial(CALLED[call], prior, x.to(prior.device)), prior, share, clock)
            except Exception as error:
                if batch == 1 or not out_of_memory(error):
                    raise
                return
            last[call] = time.perf_counter() - started
            yield Timing(call, batch, seconds)


def _best(call: Callable[[], Tensor], prior: NetworkPrior, share: float, clock: Callable[[], float]) -> float:
    """The least seconds of a few calls, as many as fit into a share of the time."""
    best, since = float("inf"), time.perf_counter()
    for k in range(1, REPEATS + 1):
        start = clock()
        call()
        synchronise(prior.device)
        best = min(best, clock() - start)
        if (time.perf_counter() - since) * (k + 1) / k > share:
            break
    return best


def _evaluation(prior: NetworkPrior, x: Tensor) -> Tensor:
    return prior.denoise(x, prior.schedule.level(prior.schedule.T // 2))


def _vjp(prior: NetworkPrior, x: Tensor) -> Tensor:
    x0, pull = prior.vjp(x, prior.schedule.level(prior.schedule.T // 2))
    return pull(x0)


CALLED: dict[Call, Callable[[NetworkPrior, Tensor], Tensor]] = {"evaluation": _evaluation, "vjp": _vjp}


def network_to_probe(
    name: str, dtype: torch.dtype, device: torch.device, autocast: torch.dtype | None
) -> NetworkPrior:
    """A prior on the device; a card's gets random weights, which take as long as its own.

    Raises:
        PriorError: there is no such prior, or it is no network.
    """
    try:
        read_card(name)
    except PriorError:
        prior = load_prior(name, dtype, device, autocast)
    else:
        prior = with_random_weights(empty_prior(name), dtype, device)
        prior.autocast = autocast
    if not isinstance(prior, NetworkPrior):
        raise PriorError(f"prior '{name}' is no network, so there is nothing to probe")
    return prior.condition([0]) if prior.classes else prior


def with_random_weights(prior: NetworkPrior, dtype: torch.dtype, device: torch.device) -> NetworkPrior:
    """A prior of the meta device as one with random weights that keep activations at about unit size."""
    generator = torch.Generator().manual_seed(0)
    networks = [prior.network] if prior.guide is None else [prior.network, prior.guide.network]
    for network in networks:
        network.to_empty(device=device).to(dtype)
    for value in parameters(prior):
        if value.ndim > 1:
            std = value[0].numel() ** -0.5
            drawn = torch.randn(value.shape, generator=generator) * std
        else:
            drawn = torch.zeros(value.shape)
        value.data.copy_(drawn)
    prior.device, prior.dtype = device, dtype
    return prior


def architecture_of(prior: NetworkPrior) -> str:
    """Hash of the shape of the images, and of the names and shapes of all weights."""
    networks = [prior.network] if prior.guide is None else [prior.network, prior.guide.network]
    entries: list[list[object]] = [["shape", list(prior.shape)]]
    for network in networks:
        entries += [[name, list(value.shape)] for name, value in network.state_dict().items()]
    return digest({"entries": entries})


def device_key(device: torch.device) -> str:
    """The name under which probes of a device are kept: on the CPU the threads belong to it."""
    name = device_name(device)
    return f"{name}, {threads()} threads" if device.type == "cpu" else name


def probes_dir() -> Path:
    """Where probes are kept."""
    return cache_dir() / "probes"


def keep(found: Probe) -> Path:
    """Writes a probe over an earlier one of the same device, dtype and architecture; its path."""
    name = digest({"of": [found.device, found.dtype, found.architecture]})[:24]
    path = probes_dir() / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{os.getpid()}.part.{path.name}")
    draft.write_text(json.dumps(asdict(found), indent=1))
    draft.replace(path)
    return path


def kept(device: str, dtype: str) -> list[Probe]:
    """All probes of a device in a dtype; a file that cannot be read counts as none."""
    found = []
    for path in sorted(probes_dir().glob("*.json")):
        try:
            one: Probe = conform(Probe, read_json(path.read_text()))
        except (OSError, ValueError):
            continue
        if (one.device, one.dtype) == (device, dtype):
            found.append(one)
    return found
