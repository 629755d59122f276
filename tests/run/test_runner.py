"""The runner: the same numbers whatever the batches and shards, honest counts, and failures that cost only
their own image."""

import errno
import os
import re
import time
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data import load_dataset
from bench.metrics import networks
from bench.metrics.assets import AssetUnavailable
from bench.noise import StreamNoise
from bench.operators import OPERATORS, make_operator
from bench.plan.build import make_cells, prepare
from bench.plan.loading import DataAndPrior
from bench.plan.options import Options
from bench.plan.task import Task
from bench.prior import CountingPrior
from bench.records.files import StoreError
from bench.records.journal import Journal, read_records
from bench.records.manifest import read_manifests
from bench.run.inputs import SolverNoise, measure, solver_noise
from bench.run.progress import Estimator, Observer, duration
from bench.run.runner import Runner
from bench.run.score import Scorer
from bench.run.solve import solve, warm_up
from bench.solver import Measurement, Solver, Step
from bench.suites.changes import override
from bench.suites.suite import TaskRow, load_suite
from bench.system.clock import Clock, PeakMemory
from solvers import SOLVERS
from tests.tiny import build

TOLERANCE = {"float32": 2e-3, "float64": 1e-8}
"""dB of PSNR: what rounding in another order may do to a reconstruction. Coupling between images changes
whole dB."""


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return load_suite(str(build(tmp_path_factory.mktemp("world"))))


@pytest.fixture(scope="module")
def mine(suite):
    return suite.dataset.replace("images.toml", "mine.py") + ":Mine"


def go(suite, folder, solvers=(), tasks=("box",), images=None, **options):
    """Runs, and returns the records by (label, image) and the counts by status."""
    plan = prepare(override(suite, solvers, tasks, list(SOLVERS), images=images), Options(**options))
    counts = Runner(plan, folder, Observer()).run()
    records, bad = read_records(folder)
    assert bad == 0
    return {(r.label, r.image): r for r in records}, counts


@pytest.fixture(scope="module")
def reference(suite, tmp_path_factory):
    """All solvers, all images in one batch."""
    folder = tmp_path_factory.mktemp("reference")
    return go(suite, folder)[0], folder


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_batches_and_shards_change_nothing(suite, tmp_path, dtype):
    suite = suite.model_copy(update={"metrics": ("psnr",)})
    whole, _ = go(suite, tmp_path / "whole", batch=4, dtype=dtype)
    alone, _ = go(suite, tmp_path / "alone", batch=1, dtype=dtype)
    for i in (3, 1, 2):
        merged, _ = go(suite, tmp_path / "shards", shard=(i, 3), dtype=dtype)
    assert whole.keys() == alone.keys() == merged.keys()
    assert len(whole) == len(SOLVERS) * 4
    for name, record in whole.items():
        for other in (alone[name], merged[name]):
            assert (other.key, other.y_hash, other.nfe, other.status) == (
                record.key,
                record.y_hash,
                record.nfe,
                "ok",
            )
            assert other.metrics["psnr"] == pytest.approx(record.metrics["psnr"], abs=TOLERANCE[dtype]), name
            assert other.metrics["misfit"] == pytest.approx(record.metrics["misfit"], rel=1e-3, abs=1e-5), (
                name
            )


class Backwards:
    """The same images, the first four of them in the opposite order."""

    def __init__(self, data):
        self.data, self.ids = data, [*data.ids[3::-1], *data.ids[4:]]

    def __getattr__(self, name):
        return getattr(self.data, name)


def reconstructions(plan, folder):
    """Key -> (16, 16), 0 ... 255."""
    assert Runner(plan, folder, Observer()).run().keys() <= {"ok", "skipped"}
    keys = [r.key for r in read_records(folder)[0] if r.status == "ok"]
    return {
        key: np.asarray(Image.open(folder / "objects" / key[:2] / f"{key}.png")).astype(int) for key in keys
    }


def test_the_order_of_images_changes_no_picture(suite, tmp_path):
    """Also where the operator is inverted by conjugate gradients: each image has its own steps and its own
    end.

    In float64 and with an early end: after some fifty iterations without damping, conjugate gradients have
    lost the orthogonality of their directions, and a difference in the last bit decides when they end.
    """
    motion = TaskRow(name="motion", operator="blur_motion", params={"rcond": 0.05}, sigma=0.05)
    suite = suite.model_copy(update={"tasks": (suite.tasks[0], motion), "metrics": ("psnr",)})
    plan = prepare(suite, Options(batch=3, dtype="float64"))
    world = DataAndPrior(Backwards(plan.cells[0].data), plan.cells[0].prior)
    other = replace(plan, cells=make_cells(suite, lambda _: world, plan.options.numerics))
    first, second = reconstructions(plan, tmp_path / "a"), reconstructions(other, tmp_path / "b")
    assert first.keys() == second.keys()
    assert len(first) == (len(SOLVERS) * 2 - 2) * 4, "DDRM and DDNM+ do not take motion blur"
    assert max(abs(first[key] - second[key]).max() for key in first) <= 1, (
        "one level: a value may round either way"
    )


def test_every_solver_sees_the_same_measurements(reference):
    hashes = {
        image: {r.y_hash for (_, i), r in reference[0].items() if i == image} for _, image in reference[0]
    }
    assert [len(found) for found in hashes.values()] == [1] * 4
    assert len(set.union(*hashes.values())) == 4


def test_costs_are_counted(reference):
    costs = {label: (r.nfe, r.vjps) for (label, _), r in reference[0].items()}
    without_vjp = dict.fromkeys(("red_diff", "ddrm", "ddnm", "diffpir", "daps"), (4, 0))
    assert costs == {"pinv": (0, 0)} | without_vjp | dict.fromkeys(("dps", "pigdm", "mcg"), (4, 4))
    record = reference[0]["dps", "im0"]
    assert record.operator_calls == 8, "a forward and an adjoint per step"
    assert record.seconds > 0
    assert record.batch == 4


def test_files_are_kept(reference):
    records, folder = reference
    for record in records.values():
        assert (folder / "objects" / record.key[:2] / f"{record.key}.png").is_file()
        assert (folder / "objects" / "truth" / f"{record.image_sha256}.png").is_file()
        assert (folder / "objects" / "measurement" / f"{record.y_hash}.png").is_file()
    with np.load(folder / "objects" / "measurement" / f"{record.y_hash}.npz") as stored:
        assert np.all((stored["y"] != 0) <= stored["mask"]) and stored["mask"].mean() == 0.75
    assert len(list((folder / "objects" / "truth").iterdir())) == 4
    (run,) = read_manifests(folder)
    assert [row.label for row in run.rows] == list(SOLVERS)
    assert run.images == ("im0", "im1", "im2", "im3")
    assert {row.cells["box"] for row in run.rows} == {record.cell for record in records.values()}


def test_the_manifest_says_what_is_planned(suite, tmp_path):
    """A row that is meant for fewer images says so; the shards of a run ask for the same."""
    pinv, ddrm = (row for row in suite.solvers if row.solver in {"pinv", "ddrm"})
    suite = suite.model_copy(update={"solvers": (pinv, ddrm.model_copy(update={"images": 2}))})
    for i in (1, 2):
        go(suite, tmp_path, shard=(i, 2))
    (run,) = read_manifests(tmp_path)
    assert [(row.label, row.images) for row in run.rows] == [("pinv", None), ("ddrm", 2)]
    assert len(read_records(tmp_path)[0]) == 4 + 2


def test_records_say_which_code_and_data_they_are_of(suite, mine, tmp_path):
    records, _ = go(suite, tmp_path, ["pinv", mine], images=1)
    ours, theirs = records["pinv", "im0"], records["Mine", "im0"]
    assert (ours.solver_rev, ours.operator_rev, ours.source_sha256) == (1, 1, None)
    assert re.fullmatch("[0-9a-f]{64}", theirs.source_sha256)
    assert ours.image_sha256 == theirs.image_sha256 == load_dataset(suite.dataset).image_sha256("im0")
    assert re.fullmatch(r"cpu \(.+\)", ours.device)


def test_the_operators_revision_names_the_measurement(suite, monkeypatch):
    plan = prepare(override(suite, ["pinv"], ["box"]), Options())
    (cell,) = plan.cells
    before = measure(cell.task, cell.data, ["im0"]).y_hashes
    monkeypatch.setattr(OPERATORS["inpaint_box"], "rev", 2)
    assert measure(cell.task, cell.data, ["im0"]).y_hashes != before


def test_what_the_user_supplied_names_the_measurement_and_the_record(suite, monkeypatch):
    chosen = override(suite, ["pinv"], ["box"])
    (before,) = prepare(chosen, Options()).cells
    monkeypatch.setattr(OPERATORS["inpaint_box"], "supplied", lambda A: {"weights": "other"})
    (after,) = prepare(chosen, Options()).cells
    assert before.id != after.id
    measured = measure(after.task, after.data, ["im0"]).y_hashes
    monkeypatch.setattr(OPERATORS["inpaint_box"], "supplied", lambda A: {})
    assert measure(before.task, before.data, ["im0"]).y_hashes != measured


def test_nothing_is_computed_twice_and_seeds_differ(suite, reference, tmp_path):
    records, counts = go(suite, tmp_path, ["pinv"])
    assert counts["ok"] == 4
    assert go(suite, tmp_path, ["pinv"])[1] == {}
    assert go(suite, tmp_path, ["pinv"], tasks=("box2",))[1]["ok"] == 4
    other = suite.model_copy(update={"seed": 1})
    assert go(other, tmp_path, ["pinv"])[1]["ok"] == 4
    assert suite.seed == 0, "the reference uses the seed that an `or` would lose"
    again = {r.image: r.y_hash for r in read_records(tmp_path)[0] if r.seed == 0 and r.task == "box"}
    assert again == {image: r.y_hash for (label, image), r in reference[0].items() if label == "pinv"}
    assert records["pinv", "im0"].y_hash != next(r.y_hash for r in read_records(tmp_path)[0] if r.seed == 1)


def test_samples_differ_in_noise_but_not_in_y(suite, tmp_path):
    go(suite.model_copy(update={"samples": 2, "images": 1}), tmp_path, ["ddrm"])
    a, b = sorted(read_records(tmp_path)[0], key=lambda r: r.sample)
    assert (a.sample, b.sample) == (0, 1)
    assert a.y_hash == b.y_hash
    assert a.key != b.key
    assert a.metrics["psnr"] != b.metrics["psnr"]


def test_precision_is_part_of_the_key(suite, reference, tmp_path):
    single = reference[0]["dps", "im0"]
    for dtype, tolerance in (("float64", 1e-3), ("bfloat16", 0.5)):
        (record,) = go(suite.model_copy(update={"images": 1}), tmp_path / dtype, ["dps"], dtype=dtype)[
            0
        ].values()
        assert record.key != single.key
        assert record.y_hash == single.y_hash
        assert 0 < abs(record.metrics["psnr"] - single.metrics["psnr"]) < tolerance


@pytest.mark.parametrize(
    ("mode", "statuses", "reason"),
    [
        ("good", "ok ok ok ok", None),
        ("raise", "ok ok ok failed", "RuntimeError: white image (mine.py:"),
        ("exit", "ok ok ok failed", "SystemExit: 0 (mine.py:"),
        ("nan", "diverged diverged diverged diverged", "not finite at step 2 of 3"),
        ("nan_one", "ok ok ok diverged", "not finite at step 2 of 3"),
        ("oom", "ok ok ok ok", None),
        (
            "shape",
            "failed failed failed failed",
            "solve yielded x of shape (1, 1, 15, 16); expected (1, 1, 16, 16)",
        ),
        ("tensor", "failed failed failed failed", "solve yielded Tensor; expected bench.solver.Step(x, x0)"),
        ("empty", "failed failed failed failed", "Mine.solve yielded nothing"),
    ],
)
def test_misbehaviour_costs_its_own_images(suite, mine, tmp_path, mode, statuses, reason):
    records, _ = go(suite, tmp_path, [f"{mine}.mode={mode}"])
    label = f"Mine[mode={mode}]"
    assert " ".join(records[label, f"im{k}"].status for k in range(4)) == statuses
    last = records[label, "im3"]
    assert reason is None or last.reason.startswith(reason)
    assert last.batch == {"good": 4, "nan": 4, "nan_one": 4}.get(mode, 1)
    if mode == "oom":  # halved down to one image each, with the numbers of an image alone
        (tmp_path / "alone").mkdir()
        alone, _ = go(suite, tmp_path / "alone", [f"{mine}.mode=good"], batch=1)
        for k in range(4):
            assert records[label, f"im{k}"].metrics == alone["Mine[mode=good]", f"im{k}"].metrics
    assert records[label, "im0"].metrics.get("psnr") is None or records[label, "im0"].status == "ok"
    _, again = go(suite, tmp_path, [f"{mine}.mode={mode}"], retry=True)
    assert sum(again.values()) == statuses.count("failed")


def test_time_limit_is_part_of_the_key(suite, mine, tmp_path):
    records, counts = go(suite, tmp_path, [f"{mine}.mode=slow"], limit=0.085)
    assert counts == {"timeout": 4}
    assert records["Mine[mode=slow]", "im0"].reason == "more than 0.085 s per image, after 2 steps"
    assert go(suite, tmp_path, [f"{mine}.mode=slow"], limit=10.0)[1] == {"ok": 4}


def test_full_disk_keeps_what_was_recorded(suite, tmp_path, monkeypatch):
    write, writes = os.write, []

    def full(fd, data):
        writes.append(fd)
        if len(writes) > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data)

    with monkeypatch.context() as patch, pytest.raises(StoreError, match="No space left on device"):
        patch.setattr(os, "write", full)
        go(suite, tmp_path, ["pinv", "ddrm"])
    assert len(read_records(tmp_path)[0]) == 5
    assert sum(go(suite, tmp_path, ["pinv", "ddrm"])[1].values()) == 3


def test_metrics_that_were_unavailable_are_filled_in(suite, tmp_path, monkeypatch):
    def missing(*_):
        raise AssetUnavailable("run `bench fetch metrics`")

    monkeypatch.setattr(networks, "Lpips", missing)
    records, _ = go(suite, tmp_path, ["pinv"])
    assert records["pinv", "im0"].unavailable == {"lpips": "run `bench fetch metrics`"}
    assert go(suite, tmp_path, ["pinv"])[1] == {}
    monkeypatch.setattr(networks, "Lpips", lambda *_: lambda x_hat, x: torch.full((len(x),), 0.25))
    records, counts = go(suite, tmp_path, ["pinv"])
    assert counts == {"ok": 4}
    assert [r.metrics["lpips"] for r in records.values()] == [0.25] * 4
    assert go(suite, tmp_path, ["pinv"])[1] == {}


def test_images_too_small_for_ssim_go_without(monkeypatch):
    scorer = Scorer(torch.device("cpu"), None, (1, 8, 8))
    assert "ssim" in scorer.unavailable
    assert "ssim" not in scorer.names(0.1)
    x = torch.zeros(2, 1, 8, 8, dtype=torch.float64)
    A = make_operator("denoise", (1, 8, 8), range(2))
    assert {tuple(row) for row in scorer(x, x, Measurement(x, A, 0.1))} == {tuple(scorer.names(0.1))}


def test_warm_up_is_short_for_a_solver_that_yields_late(suite):
    @dataclass(frozen=True)
    class Late(Solver):
        def solve(self, measurement, prior, noise):
            x = noise.new(prior.shape)
            for k in range(50, 0, -1):
                x = prior.denoise(x, prior.schedule.level(k))
            yield Step(x, x)

    plan, calls = prepare(override(suite, ["pinv"], ["box"]), Options()), Counter()
    task = plan.cells[0].task
    measurement = measure(task, plan.cells[0].data, ["im0"]).measurement
    warm_up(
        Late(),
        measurement,
        CountingPrior(plan.cells[0].prior, calls),
        solver_noise(task, ["im0"], [0], "late"),
    )
    assert calls == {"nfe": 2}


def test_peak_memory_sees_what_a_solver_allocates(suite, mine, tmp_path):
    memory = PeakMemory(torch.device("cpu"))
    memory.start()
    if memory.read() is None:
        pytest.skip("this system does not let a process reset its peak")
    records, _ = go(suite, tmp_path, [f"{mine}.mode=good,memory"])
    assert records["Mine[mode=memory]", "im0"].peak_memory_mb == pytest.approx(120, abs=12)
    assert records["Mine[mode=good]", "im0"].peak_memory_mb < 12


def test_solvers_do_not_pay_for_noise(suite):
    plan = prepare(override(suite, ["ddrm"], ["box"]), Options())
    (cell,) = plan.cells
    noise = solver_noise(cell.task, ["im0"], [0], "ddrm")

    class SlowNoise(StreamNoise):
        def new(self, shape):
            time.sleep(0.5)
            return super().new(shape)

    measurement = measure(cell.task, cell.data, ["im0"]).measurement
    given = measurement._replace(y=measurement.y.float(), A=measurement.A.to(dtype=torch.float32))
    start = time.perf_counter()
    outcome = solve(cell.solver, given, cell.prior, SlowNoise(noise.keys))
    wall = time.perf_counter() - start
    assert outcome.seconds < wall - 4 * 0.5
    assert outcome.steps == outcome.nfe == 4


def test_clock_can_pause():
    clock = Clock(torch.device("cpu"))
    with clock.paused():
        time.sleep(0.01)
    clock.start()
    with clock.paused():
        time.sleep(0.2)
    clock.stop()
    assert clock.seconds < 0.1


def test_streams_are_shared_where_they_should_be():
    task = Task("t", "d", "inpaint_random", 0.1)
    draw = lambda noise: (noise.new((2, 3)), noise.new((2, 3)))  # noqa: E731
    a0, a1 = draw(solver_noise(task, ["x", "y"], [0, 0], "dps"))
    b0, b1 = draw(solver_noise(task, ["x", "y"], [0, 0], "ddrm"))
    c0, c1 = draw(solver_noise(replace(task, name="u"), ["x", "y"], [0, 0], "dps"))
    assert torch.equal(a0, b0)
    assert torch.equal(a0, c0)
    assert not (a1 == b1).any()
    assert not (a1 == c1).any()
    assert not (a0[0] == a0[1]).any()
    assert not (a0 == a1).any()
    second = solver_noise(task, ["x", "y"], [0, 0], "dps")[1:]
    assert isinstance(second, SolverNoise)
    assert torch.equal(torch.stack(draw(second)), torch.stack([a0[1:], a1[1:]]))
    assert not (draw(solver_noise(task, ["x"], [1], "dps"))[0] == a0[:1]).any()


def test_measurements_are_of_one_image_and_noise_levels_are_paired(suite):
    plan = prepare(override(suite, ["pinv"]), Options())
    quiet, loud = (cell.task for cell in plan.cells)
    a, b = measure(quiet, plan.cells[0].data, ["im0", "im1"]), measure(loud, plan.cells[0].data, ["im1"])
    alone = measure(quiet, plan.cells[0].data, ["im1"])
    assert torch.equal(a.measurement.y[1:], alone.measurement.y)
    assert a.y_hashes[1] == alone.y_hashes[0] != b.y_hashes[0]
    mask = alone.measurement.A.measured
    assert torch.equal(mask, b.measurement.A.measured)
    assert (alone.measurement.y[~mask.expand_as(alone.measurement.y)] == 0).all()
    residual = (a.measurement.y - a.measurement.A(a.x))[a.measurement.A.measured.expand_as(a.measurement.y)]
    assert residual.std() == pytest.approx(0.05, rel=0.15)


def test_journal_is_readable_while_a_run_goes_on(suite, tmp_path):
    seen = []

    class Peek(Observer):
        def recorded(self, cell, record):
            seen.append(len(read_records(tmp_path)[0]))

    plan = prepare(override(suite, ["pinv"], ["box"]), Options(batch=2))
    Runner(plan, tmp_path, Peek()).run()
    assert seen == [1, 2, 3, 4]
    assert isinstance(Runner(plan, tmp_path, Peek()).journal, Journal)


def test_estimates_are_by_row(reference, suite):
    plan = prepare(override(suite, ["dps", "ddrm"], ["box"]), Options())
    ddrm, dps = sorted(plan.cells, key=lambda cell: cell.label)
    record = replace(reference[0]["ddrm", "im0"], seconds=2.0, nfe=4, vjps=0)
    estimator = Estimator([record, replace(record, label="dps", seconds=8.0, vjps=4)])
    assert estimator.left([(ddrm, 3), (dps, 2)]) == 3 * 2 + 2 * 8
    assert Estimator([]).left([(ddrm, 1)]) is None
    assert Estimator([replace(record, label="other")]).left([(ddrm, 1)]) == 2.0
    assert [duration(s) for s in (None, 4.2, 200, 7500)] == ["?", "4 s", "3 min 20 s", "2 h 05 min"]
