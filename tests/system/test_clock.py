"""Clocks wait for their device and can pause; memory meters see what is allocated between two looks."""

import time

import numpy as np
import pytest
import torch

from bench.system import clock as module
from bench.system.clock import Clock, PeakMemory

CPU = torch.device("cpu")


def test_a_clock_adds_up_what_is_not_paused(monkeypatch):
    now = iter([0.0, 2.0, 10.0, 13.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    clock = Clock(CPU)
    with clock.paused():
        pass  # it does not run yet: nothing is read
    clock.start()
    with clock.paused():
        pass
    clock.stop()
    assert clock.seconds == (2 - 0) + (13 - 10)


def test_a_pause_ends_with_an_error_too():
    clock = Clock(CPU)
    clock.start()
    with pytest.raises(RuntimeError), clock.paused():
        raise RuntimeError
    time.sleep(0.01)
    clock.stop()
    assert clock.seconds >= 0.01


def test_other_devices_are_waited_for_at_both_ends(monkeypatch):
    waited = []
    monkeypatch.setattr(module, "synchronise", waited.append)
    clock = Clock(torch.device("mps"))
    clock.start()
    clock.stop()
    assert waited == [torch.device("mps")] * 2


def test_cuda_is_waited_for_only_when_the_seconds_are_asked_for(monkeypatch):
    """Its events stand at 1, 3, 10, 14 s of the device; those up to 3 s are done when it is first asked."""
    done, times, waited = [3.0], iter([1.0, 3.0, 10.0, 14.0]), []

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self, stream):
            self.at = next(times)

        def query(self):
            return self.at <= done[0]

        def elapsed_time(self, end):
            return 1e3 * (end.at - self.at)

    def wait(device):
        waited.append(device)
        done[0] = 20.0

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: None)
    monkeypatch.setattr(module, "synchronise", wait)
    clock = Clock(torch.device("cuda:1"))
    for _ in range(2):
        clock.start()
        clock.stop()
    assert clock.known_seconds == 2 and not waited
    assert clock.seconds == 6 and waited == [torch.device("cuda:1")]
    assert clock.seconds == 6 and len(waited) == 1


def test_peak_memory_is_what_was_held_at_once():
    memory = PeakMemory(CPU)
    memory.start()
    if memory.read() is None:
        pytest.skip("this system does not let a process reset its peak")
    for _ in range(3):
        np.ones(10_000_000).sum()  # 80 MB, given back each time
    assert memory.read() == pytest.approx(80, abs=12)
    memory.start()
    assert memory.read() < 12, "a new start forgets the old peak"


def test_other_devices_have_no_meter():
    memory = PeakMemory(torch.device("meta"))
    memory.start()
    assert memory.read() is None
