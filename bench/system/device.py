"""The devices of this machine: which there are, how precisely they compute, how to survive without memory."""

import contextlib
import math
import os
import platform
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from bench.names import first_line

CGROUP = "/sys/fs/cgroup"
"""Where Linux tells what a container may use."""
DTYPES = ("float32", "float64", "bfloat16", "float16")
"""Precisions. float32 is without TF32; bfloat16 and float16 are for the network under autocast alone."""


class DeviceError(ValueError):
    """A device that this machine or this build of torch does not have."""


def get_device(name: str) -> torch.device:
    """A usable device.

    Raises:
        DeviceError: unknown, or not there.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except Exception as error:  # noqa: BLE001 - torch raises RuntimeError, AssertionError, and more
        reason = first_line(error)
        raise DeviceError(f"--device {name}: not usable here ({reason}); 'cpu' always is") from None
    return device


def device_name(device: torch.device) -> str:
    """Name of a device and its model, as in "cpu (AMD EPYC 7763)"; seconds compare on equal names only."""
    if device.type == "cuda":
        model = torch.cuda.get_device_name(device)
    elif device.type == "cpu":
        model = _cpu_model()
    else:
        model = ""
    return f"{device.type} ({model})" if model else device.type


def _cpu_model() -> str:
    """The system's name of the processor, or the architecture where it gives none."""
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*: *(.+?) *$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def synchronise(device: torch.device) -> None:
    """Waits until all work given to the device is done."""
    if device.type == "cuda":
        # By name: the current device is cuda:0, also where the work is on another.
        torch.cuda.synchronize(device)
    elif device.type != "cpu":
        getattr(torch, device.type).synchronize()


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Computes convolutions and matrix products in true float32: no TF32, no kernels chosen by timing."""
    matmul = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=False):
        try:
            yield
        finally:
            torch.backends.cuda.matmul.allow_tf32 = matmul


@contextlib.contextmanager
def reproducible() -> Iterator[None]:
    """Computes with one thread and deterministic kernels: equal inputs give equal bits on this machine.

    An operation without a deterministic kernel raises a RuntimeError.
    """
    # CUDA reads it when it starts; without it cuBLAS may vary.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    known, threads_before = torch.are_deterministic_algorithms_enabled(), threads()
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(known)
        torch.set_num_threads(threads_before)


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception or its cause says that a device, whichever it is, has no more memory."""
    found = isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in str(error)
    return found or (error.__cause__ is not None and out_of_memory(error.__cause__))


def free_memory(device: torch.device) -> float:
    """Bytes that a device can still give; infinite where it does not tell."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    if device.type != "cpu":
        return float("inf")
    known = [float("inf")]
    with contextlib.suppress(OSError, AttributeError):
        found = re.search(r"^MemAvailable: *(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
        known += [1024.0 * int(found[1])] if found else []
    with contextlib.suppress(OSError, ValueError):  # "max" where a container has no limit
        known.append(float(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(known)


def release_memory(device: torch.device) -> None:
    """Gives cached blocks back after an allocation failed."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def in_halves(
    f: Callable[[slice], Sequence[Any]],
    n: int,
    device: torch.device,
    start: int = 0,
    lost: Callable[[Exception], Any] | None = None,
) -> list[Any]:
    """Applies ``f`` to the rows ``start`` to ``start + n`` and halves those that do not fit into memory.

    Args:
        f: maps a slice of rows to one entry for each row.
        n: number of rows.
        device: whose memory is released before a second try.
        start: the first row.
        lost: makes the entry of a row for which ``f`` raises even alone. With it, rows that fail together for
            any other reason are halved too.

    Returns:
        One entry for each row.

    Raises:
        Exception: without ``lost``, what ``f`` raises, unless several rows together ran out of memory.
    """
    try:
        return list(f(slice(start, start + n)))
    except Exception as error:
        if lost is None:
            if n == 1 or not out_of_memory(error):
                raise
        elif n == 1:
            return [lost(error)]
    release_memory(device)
    half = n // 2
    return in_halves(f, half, device, start, lost) + in_halves(f, n - half, device, start + half, lost)


def cores() -> int:
    """Processors that this process may use: those that it is bound to, or its container's quota if less."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(bound, _quota())))


def _quota() -> float:
    """Processors whose time a container may use; infinite without a limit."""
    for folder, file in (("", "cpu.max"), ("cpu", "cpu.cfs_quota_us")):
        with contextlib.suppress(OSError, ValueError):  # "max" where there is no limit
            words = Path(CGROUP, folder, file).read_text().split()
            period = words[1] if folder == "" else Path(CGROUP, folder, "cpu.cfs_period_us").read_text()
            if int(words[0]) > 0:  # -1 where there is no limit
                return int(words[0]) / int(period)
    return math.inf


@contextlib.contextmanager
def bounded_threads() -> Iterator[None]:
    """Computes with no more threads than `cores`; torch does not know a container's quota.

    It leaves a number that the user has set.
    """
    before = threads()
    if before > cores() and not {"OMP_NUM_THREADS", "MKL_NUM_THREADS"} & os.environ.keys():
        torch.set_num_threads(cores())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def waiting() -> str:
    """How the environment has threads wait for each other; empty where it says nothing."""
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
    return ", ".join(f"{name}={os.environ[name]}" for name in names if name in os.environ)


def threads() -> int:
    """Threads of one operation on the CPU; OMP_NUM_THREADS sets them."""
    return torch.get_num_threads()


def memory_limit() -> int:
    """Bytes of memory that this machine has, or this container, if that is less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in ("memory.max", "memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            limits.append(int(Path("/sys/fs/cgroup", file).read_text()))
    return min(limits)
