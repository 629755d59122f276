"""Batches that fit: by arithmetic, and in a run's plan."""

from dataclasses import replace

import pytest

from bench.forecast import memory
from bench.forecast.memory import fitting, largest, room_on
from bench.forecast.rates import find_target
from bench.forecast.work import count
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests.tiny import build, tiny_prior


def test_weights_come_off_and_images_divide_the_rest():
    work = replace(count(tiny_prior()), weights=100.0, evaluation_peak=10.0, vjp_peak=40.0)
    assert largest(work, False, 185, "float32") == 8
    assert largest(work, True, 185, "float32") == 2
    assert largest(work, True, 185, "float16") == 0
    assert largest(work, True, 285, "float64") == 1


def test_the_room_of_a_device_that_is_not_here_is_its_memory():
    assert room_on(find_target("h100")) == pytest.approx(0.9 * 85e9)
    assert 0 < room_on(find_target("cpu")) < 1e14


def test_a_run_takes_the_batch_that_fits(tmp_path, monkeypatch):
    plan = prepare(override(load_suite(str(build(tmp_path))), ["dps"], ["box"]), Options())
    assert fitting(plan) == plan
    peak = count(plan.cells[0].prior).vjp_peak
    for free, batch in ((3.5 * peak, 3), (0.5 * peak, 1), (99 * peak, 8)):
        monkeypatch.setattr(memory, "free_memory", lambda _, free=free: free / memory.USABLE)
        assert fitting(plan).options.batch == batch
