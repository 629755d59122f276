"""What goes wrong beside the solver: measuring and scoring cost the images that they are about, and the run
goes on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.metrics import networks
from bench.operators.masks import InpaintBox
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.records.files import StoreError
from bench.records.journal import read_records
from bench.run.failures import ScoringError, failure, scoring
from bench.run.gallery import Gallery
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.suites.changes import override
from bench.suites.suite import load_suite
from bench.system.device import in_halves
from tests.tiny import build

CPU = torch.device("cpu")
WHITE = "im3"
"""The last of the four images of the suite."""


@pytest.fixture
def suite(tmp_path):
    return load_suite(str(build(tmp_path / "world")))


class AtStart(Observer):
    """Does something when all is planned and nothing is measured."""

    def __init__(self, act):
        self.act = act

    def start(self, cells, workers=1):
        self.act()


def go(suite, folder, at_start=lambda: None, **options):
    """Runs the pseudo-inverse on two tasks, and gives the records by (task, image) and the counts."""
    plan = prepare(override(suite, ["pinv"], ["box", "box2"], ["pinv"]), Options(**options))
    counts = Runner(plan, folder, AtStart(at_start)).run()
    return {(r.task, r.image): r for r in read_records(folder)[0]}, counts


def is_white(x):
    return (x.flatten(1).mean(1) > 0.5).any()


def raising(error):
    def f(x_hat, x):
        if is_white(x):
            raise error
        return torch.full((len(x),), 0.25)

    return f


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory"),
            "out_of_memory",
            "scoring (lpips): OutOfMemoryError: CUDA out of memory",
        ),
        (
            ValueError("no such trunk"),
            "failed",
            "scoring (lpips): ValueError: no such trunk (test_failures.py:",
        ),
    ],
)
def test_an_image_that_cannot_be_scored_is_recorded_and_the_run_goes_on(
    suite, tmp_path, monkeypatch, error, status, reason
):
    monkeypatch.setattr(networks, "Lpips", lambda *_: raising(error))
    records, counts = go(suite, tmp_path / "out")
    assert counts == {"ok": 6, status: 2}
    for task in ("box", "box2"):
        lost = records[task, WHITE]
        assert (lost.status, lost.metrics) == (status, {}) and lost.reason.startswith(reason)
        assert len(lost.reason.splitlines()) == 1 and lost.y_hash and lost.nfe == 0 and lost.batch == 4
        assert all(records[task, f"im{k}"].metrics["lpips"] == 0.25 for k in range(3))
    monkeypatch.setattr(networks, "Lpips", lambda *_: lambda x_hat, x: torch.zeros(len(x)))
    assert go(suite, tmp_path / "out", retry=True)[1] == {"ok": 2}


@pytest.mark.parametrize("which", ["reconstruction", "truth"])
def test_features_that_do_not_fit_cost_their_image(suite, tmp_path, monkeypatch, which):
    """The truth's features are shared by all cells: without them an image has none of its own either."""

    class Inception:
        def __init__(self, *_):
            self.calls = 0

        def __call__(self, x):
            if is_white(x) and (which == "truth") == bool((x == 1).flatten(1).all(1).any()):
                raise torch.OutOfMemoryError("CUDA out of memory")
            return torch.zeros(len(x), 4)

    monkeypatch.setattr(networks, "Inception", Inception)
    records, counts = go(suite.model_copy(update={"features": True}), tmp_path / "out")
    assert counts == {"ok": 6, "out_of_memory": 2}
    assert records["box", WHITE].reason.startswith("scoring (features): OutOfMemoryError")
    kept = {path.stem for path in (tmp_path / "out" / "features").glob("??/*.npy")}
    assert kept == {r.key for r in records.values() if r.status == "ok"}
    truths = {path.stem for path in (tmp_path / "out" / "features" / "truth").rglob("*.npy")}
    assert truths == {r.image_sha256 for r in records.values() if r.status == "ok"}


@pytest.mark.parametrize(
    ("error", "status"),
    [(torch.OutOfMemoryError("CUDA out of memory"), "out_of_memory"), (ValueError("of its own"), "failed")],
)
def test_an_operator_that_raises_while_measuring_costs_its_image(suite, tmp_path, monkeypatch, error, status):
    plain = InpaintBox.__call__

    def measure(self, x):
        if is_white(x):
            raise error
        return plain(self, x)

    records, counts = go(
        suite, tmp_path / "out", lambda: monkeypatch.setattr(InpaintBox, "__call__", measure)
    )
    assert counts == {"ok": 6, status: 2}
    lost = records["box", WHITE]
    assert lost.status == status and lost.reason.startswith(f"measuring: {type(error).__name__}: {error} (")
    assert (lost.y_hash, lost.image_sha256, lost.batch) == (None, None, 1)


@pytest.mark.parametrize(
    "damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"not a picture")]
)
def test_an_image_file_that_is_lost_during_a_run_is_one_clear_line(suite, tmp_path, damage):
    """All files are there when the run starts; one is not when it is measured."""
    path = tmp_path / "world" / "images" / f"{WHITE}.png"
    records, counts = go(suite, tmp_path / "out", lambda: damage(path), batch=2)
    assert counts == {"ok": 6, "failed": 2}
    [reason] = {r.reason for r in records.values() if r.status == "failed"}
    assert reason.startswith(f"measuring: {path}: not a readable image (") and reason.endswith(
        "replace or remove it"
    )


def test_an_operator_that_cannot_show_its_measurement_costs_its_image(suite, tmp_path, monkeypatch):
    def display(self, y):
        raise RuntimeError("nothing to see")

    monkeypatch.setattr(InpaintBox, "display", display)
    records, counts = go(suite, tmp_path / "out", pictures=1)
    assert counts == {"ok": 6, "failed": 2}
    assert records["box", "im0"].reason.startswith(
        "scoring (pictures): RuntimeError: nothing to see (test_failures.py:"
    )


def test_a_full_disk_still_ends_the_run(suite, tmp_path, monkeypatch):
    def full(*_):
        raise StoreError("No space left on device")

    monkeypatch.setattr(Gallery, "reconstruction", full)
    with pytest.raises(StoreError, match="No space left"):
        go(suite, tmp_path / "out")


def test_rows_that_fail_alone_have_an_entry_of_their_own():
    def f(rows):
        if rows.start <= 2 < rows.stop:
            raise ValueError("the third")
        return range(rows.start, rows.stop)

    assert in_halves(f, 5, CPU, lost=str) == [0, 1, "the third", 3, 4]


def test_a_failure_is_told_by_its_cause():
    with pytest.raises(ScoringError) as caught, scoring("psnr"):
        raise RuntimeError(
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes\nand more"
        )
    found = failure(caught.value)
    assert found.status == "out_of_memory" and found.reason.count("\n") == 0
    assert found.reason.startswith("scoring (psnr): RuntimeError: DefaultCPUAllocator")
    with pytest.raises(StoreError), scoring("psnr"):
        raise StoreError("full")


SPOILER = """
from dataclasses import dataclass
import torch
from bench.solver import Solver, Step

@dataclass(frozen=True)
class Spoiler(Solver):
    paper = ""

    def solve(self, measurement, prior, noise):
        y, A, sigma = measurement
        inner = getattr(prior, "prior", prior)
        for weight in inner.network.parameters():
            weight.data.mul_(1.5)
        yield Step(y, y)
"""


def test_a_solver_that_changes_the_weights_fails_and_later_rows_are_as_without_it(suite, tmp_path):
    (tmp_path / "spoiler.py").write_text(SPOILER)
    found = {}
    for name, rows in (("with", [f"{tmp_path}/spoiler.py", "ddrm"]), ("without", ["ddrm"])):
        plan = prepare(override(suite, rows, ["box"], ["ddrm"]), Options())
        cells = sorted(plan.cells, key=lambda cell: cell.label != "Spoiler")
        Runner(replace(plan, cells=cells), tmp_path / name, Observer()).run()
        found[name] = read_records(tmp_path / name)[0]
    reasons = {r.reason for r in found["with"] if r.status == "failed"}
    assert len(reasons) == 1 and "Spoiler changed prior 'tiny' (network." in reasons.pop()
    psnr = [{r.image: r.metrics["psnr"] for r in rows if r.label == "ddrm"} for rows in found.values()]
    assert psnr[0] == psnr[1] and len(psnr[0]) == 4


READER = """
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
import numpy as np
from bench.solver import Solver, Step

@dataclass(frozen=True)
class Reader(Solver):
    paper = ""
    {files}

    def solve(self, measurement, prior, noise):
        y, A, sigma = measurement
        k = float(np.load(Path(__file__).with_name("k.npy")))
        yield Step(k * A.guess(y), y)
"""


def test_a_file_that_a_solver_reads_is_part_of_its_key_or_refused(suite, tmp_path):
    (tmp_path / "reader.py").write_text(READER.format(files=""))
    np.save(tmp_path / "k.npy", 0.5)

    def run():
        plan = prepare(override(suite, [f"{tmp_path}/reader.py"], ["box"], []), Options())
        counts = Runner(plan, tmp_path / "out", Observer()).run()
        return counts, read_records(tmp_path / "out")[0]

    counts, found = run()
    assert counts == {"failed": 4}
    assert "Reader reads" in found[0].reason and 'say `files = ("k.npy",)`' in found[0].reason
    (tmp_path / "reader.py").write_text(READER.format(files='files: ClassVar = ("k.npy",)'))
    assert run()[0] == {"ok": 4} and run()[0] == {}
    np.save(tmp_path / "k.npy", 0.25)
    counts, found = run()
    assert counts == {"ok": 4}
    assert len({r.cell for r in found if r.status == "ok"}) == 2, "old and new are not averaged"
    (tmp_path / "k.npy").unlink()
    with pytest.raises(ValueError, match=r"Reader.files names 'k.npy', but there is no"):
        run()
