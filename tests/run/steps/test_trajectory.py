"""Trajectories: the numbers of the record at every step, of each image, and never at the cost of a result."""

import time
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from bench.operators import make_operator
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.records.journal import read_records
from bench.run.inputs import Measured, measure, solver_inputs
from bench.run.progress import Observer
from bench.run.runner import Runner
from bench.run.solve import solve
from bench.run.steps.trajectory import Watch
from bench.solver import Measurement, Solver, Step
from bench.suites.changes import override
from bench.suites.suite import load_suite
from tests.ours import SOLVERS
from tests.tiny import build, scored_by_psnr

BAD = '''
from dataclasses import dataclass
from typing import Literal

from solvers.pinv import Pinv
from bench.solver import Step


@dataclass(frozen=True)
class Odd(Pinv):
    """Yields the pseudo-inverse once, beside an estimate that is none."""

    kind: Literal["none", "shape", "complex"] = "none"

    def solve(self, measurement, prior, noise):
        for step in super().solve(measurement, prior, noise):
            x = step.x
            yield Step(x, {"none": None, "shape": x[:1, :, 1:], "complex": x + 1j}[self.kind])
'''


class Notes(Observer):
    def __init__(self):
        super().__init__()
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "odd.py").write_text(BAD)
    return load_suite(str(scored_by_psnr(build(folder))))


def go(suite, folder, *solvers, **options):
    """Runs on the first task: (label, image) -> record, key -> curves, and what was said."""
    plan, observer = prepare(override(suite, solvers, ["box"], list(SOLVERS)), Options(**options)), Notes()
    Runner(plan, folder, observer).run()
    curves = {}
    for path in folder.glob("objects/trajectory/*/*.npz"):
        with np.load(path) as kept:
            curves[path.stem] = dict(kept)
    return {(r.label, r.image): r for r in read_records(folder)[0]}, curves, observer.notes


def test_curves_end_at_the_record_and_change_nothing_of_it(suite, tmp_path):
    """Whose last x is its x0, as DDRM's and that of the pseudo-inverse, which yields once."""
    solvers = ("ddrm", "pinv", "dps")
    plain, none, _ = go(suite, tmp_path / "plain", *solvers)
    kept, curves, notes = go(suite, tmp_path / "kept", *solvers, trajectory=True)
    assert none == {} and notes == [] and len(curves) == len(kept) == 12
    for name, record in kept.items():
        before = plain[name]
        same = ("key", "metrics", "nfe", "vjps", "operator_calls", "status")
        assert [getattr(record, field) for field in same] == [getattr(before, field) for field in same]
        own = curves[record.key]
        assert own.keys() == {"nfe", "vjps", "psnr", "misfit"}
        steps = 1 if name[0] == "pinv" else 4
        assert {len(values) for values in own.values()} == {steps}
        assert (own["nfe"][-1], own["vjps"][-1]) == (record.nfe, record.vjps)
        if name[0] in {"ddrm", "pinv"}:
            assert own["psnr"][-1] == pytest.approx(record.metrics["psnr"], abs=1e-3)
            assert own["misfit"][-1] == pytest.approx(record.metrics["misfit"], rel=1e-3, abs=1e-5)
    own = curves[kept["dps", "im0"].key]
    assert own["nfe"].tolist() == [1, 2, 3, 4] and own["vjps"].tolist() == [1, 2, 3, 4]


def test_curves_are_of_each_image_alone(suite, tmp_path):
    _, together, _ = go(suite, tmp_path / "a", "dps", trajectory=True, batch=4, dtype="float64")
    _, alone, _ = go(suite, tmp_path / "b", "dps", trajectory=True, batch=1, dtype="float64")
    assert together.keys() == alone.keys() and len(alone) == 4
    for key, own in alone.items():
        for name in own:
            np.testing.assert_allclose(together[key][name], own[name], rtol=1e-5)


def test_records_are_not_made_again_for_a_trajectory(suite, tmp_path):
    go(suite, tmp_path, "pinv")
    _, curves, _ = go(suite, tmp_path, "pinv", "ddrm", trajectory=True)
    assert len(curves) == 4


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("none", "x0 is NoneType, not a tensor"),
        ("shape", "x0 is of shape (1, 1, 15, 16), images are"),
        ("complex", "x0 is of torch.complex64, not real"),
    ],
)
def test_an_estimate_that_is_none_costs_the_trajectory_only(suite, tmp_path, kind, why):
    odd = suite.dataset.replace("images.toml", "odd.py")
    found, curves, notes = go(suite, tmp_path, f"{odd}:Odd.kind={kind}", trajectory=True, batch=2)
    assert {record.status for record in found.values()} == {"ok"} and curves == {}
    (note,) = notes
    assert "no trajectory of" in note and why in note and "\n" not in note


def test_images_that_are_lost_have_none(suite, tmp_path):
    mine = suite.dataset.replace("images.toml", "mine.py") + ":Mine"
    found, curves, _ = go(suite, tmp_path, f"{mine}.mode=nan_one", trajectory=True)
    assert curves.keys() == {record.key for record in found.values() if record.status == "ok"}
    assert len(curves) == 3


@pytest.mark.parametrize("sigma", [0.1, 0.0])
def test_misfit_of_complex_measurements_counts_real_and_imaginary_parts(sigma):
    A = make_operator("mri", (1, 16, 16), seeds=[0, 1])
    x = torch.rand(2, 1, 16, 16, dtype=torch.float64) * 2 - 1
    generator = torch.Generator().manual_seed(0)
    clean = A(x)
    parts = torch.view_as_complex(torch.randn(*clean.shape, 2, generator=generator, dtype=torch.float64))
    measured = Measured(x, Measurement(clean + sigma * parts, A, sigma), ["a", "b"], ["c", "d"])
    watch = Watch(measured, False, torch.device("cpu"), torch.float64)
    watch(x + 0.2, {"nfe": np.ones(2), "vjps": np.zeros(2)})
    first, second = watch.curves()
    for i, own in enumerate((first, second)):
        r = A[i : i + 1].masked(A[i : i + 1](x[i : i + 1] + 0.2)) - measured.measurement.y[i : i + 1]
        m = A.measured.expand_as(clean)[i].sum() * 2
        norm = r.abs().square().sum().sqrt() / m.sqrt()
        value = own["residual"] if sigma == 0 else own["misfit"] * sigma
        assert value[0] == pytest.approx(norm.item(), rel=1e-5)
        error = ((x[i] + 0.2).clamp(-1, 1) - x[i]).square().mean() / 4
        assert own["psnr"][0] == pytest.approx(-10 * error.log10().item(), rel=1e-5)


def test_of_particles_the_first_is_scored(suite):
    plan = prepare(override(suite, ["pinv"], ["box"]), Options())
    measured = measure(plan.cells[0].task, plan.cells[0].data, ["im0", "im1"])
    x0 = torch.stack((measured.x + 0.1, torch.zeros_like(measured.x)), 1)
    calls = {"nfe": np.ones(2), "vjps": np.zeros(2)}
    several, one = (Watch(measured, P, torch.device("cpu"), torch.float64) for P in (True, False))
    several(x0, calls)
    one(x0[:, 0], calls)
    for left, right in zip(several.curves(), one.curves(), strict=True):
        assert left.keys() == right.keys() and all((left[name] == right[name]).all() for name in left)


@dataclass(frozen=True)
class Four(Solver):
    steps: int = 4

    def solve(self, measurement, prior, noise):
        for _ in range(self.steps):
            x = noise.new(prior.shape)
            yield Step(x, x)


@pytest.mark.long
def test_watching_is_outside_of_the_clock_and_of_the_limit(suite):
    plan = prepare(override(suite, ["pinv"], ["box"]), Options())
    (cell,) = plan.cells
    measured = measure(cell.task, cell.data, ["im0"])
    jobs = [job for job in plan.missing(cell, set()) if job.image == "im0"]
    given, seen = solver_inputs(cell, measured, jobs), []

    def slow(x0, calls):
        time.sleep(0.6)
        seen.append(x0)

    outcome = solve(Four(), *given, limit=2.0, watch=slow)
    assert len(seen) == outcome.steps == 4
