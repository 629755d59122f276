"""A run in several processes: what is refused, and what is said where something was not made."""

from types import SimpleNamespace

import pytest

from bench.cli.run import check_workers
from bench.cli.workers import missing_jobs, refuse_losses, worker_parts
from bench.run.engines.processes import Part
from bench.system.device import DeviceError


class Plan:
    """A plan of two cells of three jobs each; jobs are their keys."""

    cells = ("a", "b")
    options = SimpleNamespace(device="cpu", shard=(2, 3))

    def missing(self, cell, done):
        return [key for key in (f"{cell}{i}" for i in range(3)) if key not in done]


def runner(tmp_path, done):
    return SimpleNamespace(plan=Plan(), folder=tmp_path, done=lambda records: done)


def test_parts_divide_the_shard_of_the_run(tmp_path):
    parts = worker_parts(runner(tmp_path, set()), "2")
    assert [(part.device, part.shard) for part in parts] == [("cpu", (2, 6)), ("cpu", (5, 6))]


def test_what_is_no_number_and_no_device_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        check_workers("cpu,", Plan.options)
    assert left.value.code == 2 and "--workers cpu,: expected a number" in capsys.readouterr().err
    with pytest.raises(DeviceError):
        worker_parts(runner(tmp_path, set()), "cuda:99")


def test_missing_jobs_are_told_by_cell():
    assert missing_jobs(Plan(), {"a0", "b1"}) == [("a", ["a1", "a2"]), ("b", ["b0", "b2"])]


def test_a_part_that_died_and_what_was_not_made_are_told(tmp_path, capsys):
    every = {f"{cell}{i}" for cell in "ab" for i in range(3)}
    refuse_losses(runner(tmp_path, every), [])
    with pytest.raises(SystemExit) as left:
        refuse_losses(runner(tmp_path, every), [Part("cpu", (1, 2), deaths=3)])
    told = "error: shard 1/2 on cpu died 3 times without a new record; run it alone to see why\n"
    assert left.value.code == 1 and capsys.readouterr().err == told
    with pytest.raises(SystemExit):
        refuse_losses(runner(tmp_path, every - {"a0"}), [])
    assert "1 reconstructions were not made" in capsys.readouterr().err
