"""What a run ran on: device, threads, versions, commit; clock and peak memory of the work itself."""

import contextlib
import ctypes
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import metadata
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
        torch.cuda.synchronize(device)  # by name: the current device is cuda:0, also where the work is on another
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
    """One thread and deterministic kernels: equal inputs give equal bits on this machine; an operation without such a kernel
    raises a RuntimeError.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts; without it cuBLAS may vary
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
    """What ``f`` makes of the rows ``start`` to ``start + n``, one entry each; rows that do not fit together are halved.

    Args:
        lost: gives the entry of a row for which ``f`` raises even alone; rows that fail together are halved too, then.

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


class Clock:
    """Seconds of a device's work, pausable; the device is synchronised whenever it starts or stops."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.seconds, self._since = device, 0.0, None

    def start(self) -> None:
        synchronise(self.device)
        self._since = time.perf_counter()

    def stop(self) -> None:
        synchronise(self.device)
        self.seconds += time.perf_counter() - self._since
        self._since = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """What happens inside does not count."""
        running = self._since is not None
        if running:
            self.stop()
        try:
            yield
        finally:
            if running:
                self.start()


class PeakMemory:
    """Peak memory of what runs between `start` and `read`, in MB (1e6 bytes).

    On CUDA: the peak of allocated memory, weights included. On the CPU under Linux: how far the resident memory of the
    process grew above its level at the start, after the allocator has given its free memory back; weights, code and ground
    truth are not in it. Elsewhere None.
    """

    def __init__(self, device: torch.device) -> None:
        self.device, self._level = device, None

    def start(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        elif self.device.type == "cpu" and sys.platform == "linux":
            self._level = _reset_peak()

    def read(self) -> float | None:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 1e6
        return None if self._level is None else max(_status("VmHWM") - self._level, 0) * 1024 / 1e6


def _status(entry: str) -> int:
    """A line of /proc/self/status, in KiB."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition(f"{entry}:")[2].split()[0])


def _reset_peak() -> int | None:
    """Gives free memory back and sets the peak to the present level, KiB; None where the system does not let us."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    except (OSError, AttributeError, IndexError, ValueError):
        return None


def versions() -> dict[str, str]:
    """Of everything that can change a number; of diffusers where it was loaded, for a prior of its kind."""
    found = {"python": sys.version.split()[0], "os": f"{platform.system()} {platform.release()} {platform.machine()}"}
    packages = ("diffusion-inverse-bench", "torch", "numpy", "azula", "lpips", "scikit-image", "pytorch-fid")
    for package in (*packages, *(["diffusers"] if "diffusers" in sys.modules else [])):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


@cache
def commit() -> str | None:
    """The git commit of the code, "-dirty" if it was changed since; None outside of a repository."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)  # noqa: S603 - fixed arguments
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Threads of one operation on the CPU; set by OMP_NUM_THREADS."""
    return torch.get_num_threads()
