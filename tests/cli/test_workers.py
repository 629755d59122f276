"""A run in several processes: what is refused, and what is said where something was not made."""

from types import SimpleNamespace

import pytest

from bench.cli.run import check_workers
from bench.cli.workers import refuse_losses, worker_parts
from bench.run.engines.processes import Part
from bench.system.device import DeviceError

PLAN = SimpleNamespace(options=SimpleNamespace(device="cpu", shard=(2, 3)))


def runner(tmp_path, missing=()):
    return SimpleNamespace(plan=PLAN, folder=tmp_path, missing=lambda: [("a", []), ("b", list(missing))])


def test_parts_divide_the_shard_of_the_run(tmp_path):
    parts = worker_parts(runner(tmp_path), "2")
    assert [(part.device, part.shard) for part in parts] == [("cpu", (2, 6)), ("cpu", (5, 6))]


def test_what_is_no_number_and_no_device_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        check_workers("cpu,", PLAN.options)
    assert left.value.code == 2 and "--workers cpu,: expected a number" in capsys.readouterr().err
    with pytest.raises(DeviceError):
        worker_parts(runner(tmp_path), "cuda:99")


def test_a_part_that_died_and_what_was_not_made_are_told(tmp_path, capsys):
    refuse_losses(runner(tmp_path), [])
    with pytest.raises(SystemExit) as left:
        refuse_losses(runner(tmp_path), [Part("cpu", (1, 2), deaths=3)])
    told = "error: shard 1/2 on cpu died 3 times without a new record; run it alone to see why\n"
    assert left.value.code == 1 and capsys.readouterr().err == told
    with pytest.raises(SystemExit):
        refuse_losses(runner(tmp_path, ["b0"]), [])
    assert "1 reconstructions were not made" in capsys.readouterr().err
