"""Clocks and memory meters for a device's work."""

import contextlib
import ctypes
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from bench.system.device import synchronise


class Clock:
    """Adds up the seconds of a device's work.

    On CUDA the device itself notes when it comes to each start and stop, so that nobody waits for it before
    the seconds are asked for. Other devices are waited for whenever the clock starts or stops.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._events, self._waits = device.type == "cuda", device.type != "cpu"
        self._seconds = 0.0
        self._since: Any = None
        self._spans: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    @property
    def seconds(self) -> float:
        """Measured so far, up to the last `stop`; waits for the device."""
        if self._spans:
            synchronise(self.device)
        return self.known_seconds

    @property
    def known_seconds(self) -> float:
        """What is known of them now, without waiting."""
        while self._spans and self._spans[0][1].query():
            start, end = self._spans.pop(0)
            self._seconds += start.elapsed_time(end) / 1e3
        return self._seconds

    def start(self) -> None:
        self._since = self._now()

    def stop(self) -> None:
        assert self._since is not None, "the clock runs"
        now = self._now()
        if self._events:
            self._spans.append((self._since, now))
        else:
            self._seconds += now - self._since
        self._since = None

    def _now(self) -> Any:
        """An event among the device's work, or the time when that is done."""
        if self._events:
            event = torch.cuda.Event(enable_timing=True)
            event.record(torch.cuda.current_stream(self.device))
            return event
        if self._waits:
            synchronise(self.device)
        return time.perf_counter()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave what happens inside the context out of the count."""
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

    On CUDA this is the peak of allocated memory, weights included. On the CPU under Linux it is how far the
    resident memory of the process grew above its level at the start, after the allocator has given its free
    memory back; weights, code and ground truth are not in it. Elsewhere it is None. What follows a start is
    slower by that until the memory is there again.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._level: int | None = None

    def start(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        elif self.device.type == "cpu" and sys.platform == "linux":
            self._level = _reset_peak()

    def read(self) -> float | None:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 1e6
        if self._level is None:
            return None
        return max(_status("VmHWM") - self._level, 0) * 1024 / 1e6


def _status(entry: str) -> int:
    """The value of a line of /proc/self/status, in KiB."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition(f"{entry}:")[2].split()[0])


def _reset_peak() -> int | None:
    """Gives free memory back and resets the peak; the present level in KiB, or None where that fails."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    except (OSError, AttributeError, IndexError, ValueError):
        return None
