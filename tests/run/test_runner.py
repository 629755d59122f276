"""The runner: the same numbers whatever the batches and shards, honest counts, and failures that cost only
their own image."""

import errno
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from bench.metrics import networks
from bench.metrics.assets import AssetUnavailable
from bench.plan.build import make_cells, prepare
from bench.plan.loading import DataAndPrior
from bench.plan.options import Options
from bench.priors import network as network_module
from bench.priors.fast.probe import Fast, SurveyResult
from bench.priors.fast.ways import FastCall, Way
from bench.records.files import StoreError
from bench.records.journal import Journal, read_records
from bench.records.manifest import read_manifests
from bench.records.objects import find_file, spread
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.suites.changes import override
from bench.suites.suite import TaskRow, load_suite
from bench.system.clock import Clock, PeakMemory
from tests import ROOT
from tests.ours import SOLVERS
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


@pytest.mark.long
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_batches_and_shards_change_nothing(suite, tmp_path, dtype):
    suite = suite.model_copy(update={"metrics": ("psnr",)})
    whole, _ = go(suite, tmp_path / "whole", batch=4, dtype=dtype)
    alone, _ = go(suite, tmp_path / "alone", batch=1, dtype=dtype)
    for i in (3, 1, 2):
        merged, _ = go(suite, tmp_path / "shards", shard=(i, 3), dtype=dtype)
    assert whole.keys() == alone.keys() == merged.keys()
    assert len(whole) == len(suite.solvers) * 4
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


@pytest.mark.long
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
    assert len(first) == (len(suite.solvers) * 2 - 2) * 4, "DDRM and DDNM+ do not take motion blur"
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


def test_files_are_kept(reference, suite):
    records, folder = reference
    for record in records.values():
        assert (folder / "objects" / record.key[:2] / f"{record.key}.png").is_file()
        assert find_file([folder / "objects"], f"truth/{record.image_sha256}.png")
        assert find_file([folder / "objects"], f"measurement/{record.y_hash}.png")
    with np.load(folder / "objects" / spread(f"measurement/{record.y_hash}.npz")) as stored:
        assert np.all((stored["y"] != 0) <= stored["mask"]) and stored["mask"].mean() == 0.75
    assert len(list((folder / "objects" / "truth").iterdir())) == 4
    (run,) = read_manifests(folder)
    assert [row.label for row in run.rows] == [row.label for row in suite.solvers]
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


@pytest.mark.long
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


@pytest.mark.long
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


def test_peak_memory_sees_what_a_solver_allocates(suite, mine, tmp_path):
    memory = PeakMemory(torch.device("cpu"))
    memory.start()
    if memory.read() is None:
        pytest.skip("this system does not let a process reset its peak")
    records, _ = go(suite, tmp_path, [f"{mine}.mode=good,memory"])
    assert records["Mine[mode=memory]", "im0"].peak_memory_mb == pytest.approx(120, abs=12)
    assert records["Mine[mode=good]", "im0"].peak_memory_mb < 12


def test_clock_can_pause():
    clock = Clock(torch.device("cpu"))
    with clock.paused():
        time.sleep(0.01)
    clock.start()
    with clock.paused():
        time.sleep(0.2)
    clock.stop()
    assert clock.seconds < 0.1


def test_journal_is_readable_while_a_run_goes_on(suite, tmp_path):
    seen = []

    class Peek(Observer):
        def recorded(self, cell, record):
            seen.append(len(read_records(tmp_path)[0]))

    plan = prepare(override(suite, ["pinv"], ["box"]), Options(batch=2))
    Runner(plan, tmp_path, Peek()).run()
    assert seen == [1, 2, 3, 4]
    assert isinstance(Runner(plan, tmp_path, Peek()).journal, Journal)


START = """
import sys
import bench.run.runner, bench.plan.build, bench.api
heavy = ("solvers.laws", "bench.exact.laws", "scipy.stats")
print([name for name in sys.modules if name.startswith(heavy)])
"""


@pytest.mark.long
def test_a_run_starts_without_the_laws_and_scipy_stats():
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


class Notes(Observer):
    """Keeps what a run notes."""

    def __init__(self):
        self.said = []

    def note(self, text):
        self.said.append(text)


def test_a_fast_run_says_what_the_probe_found_and_has_keys_of_its_own(suite, tmp_path, monkeypatch):
    seen = []

    def find(network, given, precision, compiled):
        seen.append((tuple(given[0].shape), precision, compiled))
        found = [
            SurveyResult("evaluation", 10.0, 2.0, Way("bfloat16"), None),
            SurveyResult("vjp", 20.0, 1.0, None, None),
        ]
        return Fast(found, {"evaluation": FastCall(network, "evaluation", Way("bfloat16"))})

    monkeypatch.setattr(network_module, "probe", find)
    plan = prepare(override(suite, ["ddrm"], ["box"], list(SOLVERS), images=2), Options(fast=True))
    observer = Notes()
    Runner(plan, tmp_path / "fast", observer).run()
    assert seen == [((8, 1, 16, 16), "", True)], "once for the prior, with a whole batch"
    assert [line.partition(", ")[2] for line in observer.said] == [
        "evaluation: 10.0 ms become 5.0 ms (2.00 times as fast): bfloat16",
        "vjp: at best 1.00 times as fast, so nothing is changed",
    ]
    fast = read_records(tmp_path / "fast")[0]
    assert [(r.status, r.switches) for r in fast] == [("ok", ["evaluation bfloat16"])] * 2
    ordinary, _ = go(suite, tmp_path / "ordinary", ["ddrm"], images=2)
    assert not {r.key for r in fast} & {r.key for r in ordinary.values()}
    assert [r.switches for r in ordinary.values()] == [[], []]


def test_memory_is_measured_in_the_first_batch_of_a_cell_and_known_of_the_others(
    suite, tmp_path, monkeypatch
):
    starts = []
    monkeypatch.setattr(PeakMemory, "start", lambda memory: starts.append(memory))
    monkeypatch.setattr(PeakMemory, "read", lambda memory: 10.0 * len(starts))
    records, _ = go(suite, tmp_path, ["pinv", "ddrm"], batch=2)
    assert len(starts) == 2
    assert {(label, record.peak_memory_mb) for (label, _), record in records.items()} == {
        ("pinv", 10.0),
        ("ddrm", 20.0),
    }
