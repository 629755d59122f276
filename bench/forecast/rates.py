"""How long work takes on a device: by a probe of the network, of others, or by a labelled default."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from annotated_types import Gt
from torch import device as Device

from bench.forecast.probe import Call, Probe, device_key, kept
from bench.forecast.work import Work
from bench.names import nearest
from bench.system.device import DeviceError, get_device, threads
from bench.system.gate import conform, read_toml

TABLE = Path(__file__).with_name("rates.toml")
PROBED, FITTED = 1.3, 2.0
"""Factors within which benchmarks/planner.py found measured seconds: with a probe of the same network, and
with rates of other networks on the same model of device."""
HALF = ("float16", "bfloat16")


class Rates(NamedTuple):
    """Seconds of each unit of work, which add up: calls rule small batches, and the rest large ones."""

    per_call: float
    per_flop: float
    per_byte: float

    def scaled(self, factor: float) -> "Rates":
        """The rates of a device that takes so many times as long."""
        return Rates(factor * self.per_call, factor * self.per_flop, factor * self.per_byte)

    def seconds(self, work: Work, batch: int) -> float:
        """Seconds of some work on a batch."""
        image = self.per_flop * work.flop + self.per_byte * work.moved
        return self.per_call * work.calls + batch * image


class TimedWork(NamedTuple):
    """Work on a batch, and its seconds in a dtype."""

    work: Work
    batch: int
    seconds: float
    dtype: str


def fit(measured: Sequence[TimedWork]) -> dict[str, Rates]:
    """The rates of each dtype by non-negative least squares of relative errors.

    A call costs the same in all dtypes, since it is the processor that makes it; those of 16 bits share their
    rates.
    """
    from scipy.optimize import nnls

    kinds = sorted({_kind(one.dtype) for one in measured})
    rows = np.zeros((len(measured), 1 + 2 * len(kinds)))
    for row, one in zip(rows, measured, strict=True):
        k = 1 + 2 * kinds.index(_kind(one.dtype))
        row[0] = one.work.calls
        row[k : k + 2] = one.batch * one.work.flop, one.batch * one.work.moved
        row /= one.seconds
    scale = np.maximum(rows.max(0), 1e-300)
    solution = nnls(rows / scale, np.ones(len(rows)))[0] / scale
    found = {}
    for one in measured:
        k = 1 + 2 * kinds.index(_kind(one.dtype))
        found[one.dtype] = Rates(*map(float, (solution[0], *solution[k : k + 2])))
    return found


def _kind(dtype: str) -> str:
    return "16 bits" if dtype in HALF else dtype


@dataclass(frozen=True)
class NetworkTiming:
    """A measurement of the table."""

    network: str
    dtype: str
    call: Call
    batch: Annotated[int, Gt(0)]
    seconds: Annotated[float, Gt(0)]


@dataclass(frozen=True)
class Profile:
    """What the table has of a device.

    Attributes:
        model: a part of the name that the system gives to such devices.
        memory_gb: None where each machine has its own.
        source: when and with what it was measured.
    """

    model: str
    source: str
    timings: list[NetworkTiming]
    memory_gb: float | None = None


@dataclass(frozen=True)
class RateTable:
    """The file of defaults: work of networks by call, and measurements by device."""

    __pydantic_config__: ClassVar[dict] = {"extra": "forbid", "allow_inf_nan": False}

    networks: dict[str, dict[Call, Work]]
    devices: dict[str, Profile]

    def rates(self, name: str) -> dict[str, Rates]:
        """The rates of a device by dtype."""
        return fit(
            [
                TimedWork(self.networks[t.network][t.call], t.batch, t.seconds, t.dtype)
                for t in self.devices[name].timings
            ]
        )


@cache
def table() -> RateTable:
    """The table of defaults."""
    read: RateTable = conform(RateTable, read_toml(TABLE.read_bytes()))
    return read


@dataclass(frozen=True)
class Target:
    """The device that a plan is for.

    Attributes:
        here: the device, where it is on this machine.
        profile: its name in the table of defaults, if any.
    """

    name: str
    here: Device | None
    profile: str | None


def find_target(name: str) -> Target:
    """A device of this machine, or one that the table of defaults has.

    Raises:
        DeviceError: neither.
    """
    known = table().devices
    if name in known and name != "cpu":
        return Target(known[name].model, None, name)
    try:
        here = get_device(name)
    except DeviceError as error:
        others = [entry for entry in known if entry != "cpu"]
        raise DeviceError(f"{error}{nearest(name, others, 'devices that need not be here')}") from None
    full = device_key(here)
    matching = [entry for entry, profile in known.items() if profile.model in full]
    fallback = "cpu" if here.type == "cpu" else None
    return Target(full, here, matching[0] if matching else fallback)


@dataclass(frozen=True)
class Times:
    """Seconds of the calls of one network on a device.

    Attributes:
        source: where they come from, for the reader.
        factor: within which they were found to be right; None where nobody knows.
        probed: (batch, seconds) of this network by call; {} without a probe of it.
        other: rates for work that is not the network's.
    """

    source: str
    factor: float | None
    rates: Rates
    other: Rates
    probed: Mapping[Call, list[tuple[int, float]]]

    def seconds(self, call: Call, work: Work, batch: int) -> float:
        """Seconds of a call on a batch."""
        known = self.probed.get(call)
        if not known:
            return self.rates.seconds(work, batch)
        batches, seconds = zip(*known, strict=True)
        if batch <= batches[-1]:
            return float(np.interp(batch, batches, seconds))
        return float(seconds[-1] * batch / batches[-1])


def find_times(target: Target, dtype: str, architecture: str) -> Times:
    """The times of a network, from the best source there is.

    Raises:
        DeviceError: none knows the device in that dtype.
    """
    probes = kept(target.name, dtype)
    defaults = table().rates(target.profile) if target.profile else {}
    share = 1 / threads() if target.profile == "cpu" else 1.0
    scaled = {name: rates.scaled(share) for name, rates in defaults.items()}
    own = [probe for probe in probes if probe.architecture == architecture]
    rates = scaled.get(dtype) or (fit(_measured(probes)).get(dtype) if probes else None)
    if rates is None:
        have = f"has no times for {dtype}; `python -m bench probe --dtype {dtype}` there measures them"
        raise DeviceError(f"{target.name} {have}")
    other = scaled.get("float32", rates)
    if own:
        label = f"probe of {own[0].network} on {own[0].device}, {own[0].created[:10]}"
        return Times(label, PROBED, fit(_measured(own))[dtype], other, _by_call(own[0]))
    if probes:
        label = f"probes of {', '.join(probe.network for probe in probes)} on {target.name}"
        return Times(label, FITTED, fit(_measured(probes))[dtype], other, {})
    assert target.profile is not None, "the defaults have the dtype"
    profile = table().devices[target.profile]
    same = profile.model in target.name
    label = f"default for {profile.model}, {profile.source}"
    return Times(label, FITTED if same else None, rates, other, {})


def _measured(probes: Iterable[Probe]) -> list[TimedWork]:
    found = []
    for probe in probes:
        for timing in probe.timings:
            work = {"evaluation": probe.evaluation, "vjp": probe.vjp}[timing.call]
            found.append(TimedWork(work, timing.batch, timing.seconds, probe.dtype))
    return found


def _by_call(probe: Probe) -> dict[Call, list[tuple[int, float]]]:
    found: dict[Call, list[tuple[int, float]]] = {}
    for timing in probe.timings:
        found.setdefault(timing.call, []).append((timing.batch, timing.seconds))
    return found
