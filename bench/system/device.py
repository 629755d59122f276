"""Devices of this machine: which there are, how precisely they compute, what to do when their memory ends."""

import contextlib
import os
import platform
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

DTYPES = ("float32", "float64", "bfloat16", "float16")
"""float32: no TF32. bfloat16, float16: the network under autocast, everything else in float32."""


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
        reason = str(error).splitlines()[0]
        raise DeviceError(f"--device {name}: not usable here ({reason}); 'cpu' always is") from None
    return device


def device_name(device: torch.device) -> str:
    """As in "cpu (AMD EPYC 7763)" or "cuda (NVIDIA H100)": what seconds may be compared on."""
    model = {"cuda": lambda: torch.cuda.get_device_name(device), "cpu": _cpu_model}.get(device.type, str)()
    return f"{device.type} ({model})" if model else device.type


def _cpu_model() -> str:
    """As the system calls it; the architecture where it does not say."""
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*: *(.+?) *$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def synchronise(device: torch.device) -> None:
    """Waits until all work given to the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(
            device
        )  # by name: the current device is cuda:0, also where the work is on another
    elif device.type != "cpu":
        getattr(torch, device.type).synchronize()


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Convolutions and matrix products in true float32: no TF32, and kernels chosen without timing them."""
    matmul = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=False):
        try:
            yield
        finally:
            torch.backends.cuda.matmul.allow_tf32 = matmul


@contextlib.contextmanager
def reproducible() -> Iterator[None]:
    """One thread and deterministic kernels: equal inputs give equal bits on this machine; an operation
    without such a kernel raises a RuntimeError.
    """
    os.environ.setdefault(
        "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
    )  # read when CUDA starts; without it cuBLAS may vary
    known, threads_before = torch.are_deterministic_algorithms_enabled(), threads()
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(known)
        torch.set_num_threads(threads_before)


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception, or its cause, says that memory could not be had, on whatever device."""
    found = isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in str(error)
    return found or (error.__cause__ is not None and out_of_memory(error.__cause__))


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
    """What ``f`` makes of the rows ``start`` to ``start + n``, one entry each; rows that do not fit together
    are halved.

    Args:
        lost: gives the entry of a row for which ``f`` raises even alone; rows that fail together are halved
            too, then.

    Raises:
        Exception: without ``lost``, whatever ``f`` raises, but for the want of memory of several rows.
    """
    try:
        return list(f(slice(start, start + n)))
    except Exception as error:
        if lost is None and (n == 1 or not out_of_memory(error)):
            raise
        if n == 1:
            return [lost(error)]
    release_memory(device)
    return in_halves(f, n // 2, device, start, lost) + in_halves(f, n - n // 2, device, start + n // 2, lost)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Threads of one operation on the CPU; set by OMP_NUM_THREADS."""
    return torch.get_num_threads()
