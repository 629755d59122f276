"""Measurements and noise are functions of named streams, and of nothing else."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from bench.operators import OPERATORS
from bench.plan.build import prepare
from bench.plan.options import Options
from bench.plan.task import Task
from bench.run.inputs import SolverNoise, measure, prior_of, sample_noise, solver_inputs, solver_noise
from bench.suites.changes import override
from bench.suites.suite import PoissonRow, load_suite
from tests.tiny import build


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return load_suite(str(build(tmp_path_factory.mktemp("tiny"))))


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


def test_what_solvers_are_told_changes_no_measurement_and_every_key(suite):
    """Of one task; and a task that draws as another one has its very y."""
    first = suite.tasks[0]
    for change in ({"told_sigma": 0.2}, {"operator": "inpaint_random", "told": {"p": 0.3}}):
        row = first.model_copy(update={"operator": change.get("operator", first.operator)})
        told = row.model_copy(update={**change, "name": "told", "draws_of": first.name})
        (a, b) = (
            prepare(override(suite.model_copy(update={"tasks": (task,)}), ["ddrm"]), Options()).cells[0]
            for task in (row, told)
        )
        assert a.id != b.id
        jobs = b.jobs(lambda data, image: data.image_sha256(image))[:2]
        images = [job.image for job in jobs]
        true, wrong = measure(a.task, a.data, images), measure(b.task, b.data, images)
        assert torch.equal(true.measurement.y, wrong.measurement.y) and true.y_hashes == wrong.y_hashes
        (_, A, sigma), _, draws = solver_inputs(b, wrong, jobs)
        same = solver_inputs(a, true, jobs)[2]
        for _ in ("x_T", "a later draw"):
            assert torch.equal(draws.new([2]), same.new([2]))
        assert sigma == change.get("told_sigma", first.sigma)
        if "told" in change:
            assert A.measured.float().mean() == pytest.approx(0.7, abs=0.01)
            assert wrong.measurement.A.measured.float().mean() == pytest.approx(0.3, abs=0.01)


def test_counts_are_measured_alone_and_in_any_batch(suite):
    row = suite.tasks[0].model_copy(update={"sigma": None, "noise": PoissonRow(kind="poisson", rate=1.0)})
    (cell,) = prepare(override(suite.model_copy(update={"tasks": (row,)}), ["pinv"]), Options()).cells
    both, alone = measure(cell.task, cell.data, ["im0", "im1"]), measure(cell.task, cell.data, ["im1"])
    y, A, _ = both.measurement
    assert torch.equal(y[1:], alone.measurement.y) and both.y_hashes[1] == alone.y_hashes[0]
    counts = (255 * (y + 1) / 2)[A.measured.expand_as(y)]
    assert torch.allclose(counts, counts.round(), atol=1e-9) and counts.min() >= 0
    assert (y[~A.measured.expand_as(y)] == 0).all()


def test_samples_of_a_problem_share_one_stream():
    """Other solvers start from the same draw; the first rows of more samples are the same."""
    task = Task("t", "d", "inpaint_random", 0.1)
    few, many, other = (
        sample_noise(task, "x", 0, solver, n, torch.float64, "cpu")
        for solver, n in (("dps", 2), ("dps", 5), ("ddrm", 2))
    )
    first = few.new((3,))
    assert torch.equal(many.new((3,))[:2], first) and torch.equal(other.new((3,)), first)
    assert not (other.new((3,)) == few.new((3,))).any()


def test_a_prior_is_told_the_classes_of_the_images_at_hand():
    prior = SimpleNamespace(classes=10, condition=lambda labels: labels)
    cell = SimpleNamespace(prior=prior, data=SimpleNamespace(labels={"a": 3, "b": 7}))
    assert prior_of(cell, ["b", "a", "b"]) == [7, 3, 7]
    prior.classes = 0
    assert prior_of(cell, ["a"]) is prior
