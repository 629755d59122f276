"""Which devices the workers of a run get."""

from collections.abc import Mapping

import torch

from bench.names import counted
from bench.system.device import DeviceError, cores, get_device
from bench.system.gate import shortened, whole

EXPECTED = "expected a number of processes, or devices as in cuda:0,cuda:1"


def local_devices(workers: str, device: str) -> list[str]:
    """The device of each worker on this machine.

    Args:
        workers: a number, or devices with commas between, one worker each; empty for one per card, or per
            processor where ``device`` is one.
        device: what a number is about; "cuda" stands for all cards.

    Raises:
        DeviceError: ``workers`` is neither, or asks for more than there is.
    """
    names = [name.strip() for name in workers.split(",")]
    if all(names) and names[0][0].isalpha():
        return _named(names, workers)
    n = whole_number(workers)
    if device.startswith("cuda"):
        get_device(device)
        return _cards(n, device)
    most = cores() if device == "cpu" else 1
    return [device] * bounded(n, most, "processor", "this machine")


def cluster_devices(workers: str, device: str, has: Mapping[str, float]) -> list[str]:
    """The device of each worker in a cluster, which gives each its own.

    Args:
        workers: a number; empty for as many as the cluster has.
        has: what the cluster has of "CPU" and "GPU".

    Raises:
        DeviceError: it is none, or more than the cluster has.
    """
    kind, what = ("GPU", "card") if device.startswith("cuda") else ("CPU", "processor")
    return [device] * bounded(whole_number(workers), int(has.get(kind, 0)), what, "the cluster")


def whole_number(workers: str) -> int | None:
    """How many workers are asked for; None where that is left open.

    Raises:
        DeviceError: no whole number above 0.
    """
    if not workers:
        return None
    try:
        return whole(workers, 1)
    except ValueError:
        raise DeviceError(f"--workers {shortened(workers)}: {EXPECTED}") from None


def bounded(n: int | None, most: int, what: str, place: str) -> int:
    """So many workers, or as many as there are of what each needs.

    Raises:
        DeviceError: there are fewer.
    """
    if not most:
        raise DeviceError(f"{place} has no {what} for a worker")
    if n is not None and n > most:
        has = f"{place} has {counted(most, what)}"
        raise DeviceError(f"--workers {n}: {has}; ask for at most {counted(most, 'worker')}")
    return n or most


def _named(names: list[str], workers: str) -> list[str]:
    """Devices by name: each there, and no card twice."""
    if len(names) > max(cores(), len(set(names))):
        bounded(len(names), cores(), "processor", "this machine")
    cards = [str(get_device(name)) for name in names if name != "cpu"]
    if twice := {card for card in cards if cards.count(card) > 1}:
        raise DeviceError(f"--workers {shortened(workers)}: {min(twice)} is named twice; one worker per card")
    return names


def _cards(n: int | None, device: str) -> list[str]:
    """The first n cards; one alone where ``device`` names it."""
    if ":" in device:
        return [device] * bounded(n, 1, "card", f"--device {device}")
    n = bounded(n, torch.cuda.device_count(), "card", "this machine")
    return [f"cuda:{i}" for i in range(n)]
