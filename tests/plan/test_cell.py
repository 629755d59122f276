"""Cells and jobs: what a key is a function of."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from bench.plan.cell import Cell, Job, class_labels
from bench.plan.task import Task
from bench.records.keys import digest
from solvers.dps import DPS
from solvers.pinv import Pinv


@dataclass
class Labelled:
    labels: dict = field(default_factory=lambda: {"a": 3, "b": 7})


CONFIG = {"solver": {"name": "dps"}, "task": {"name": "t"}}


def cell(solver=None, classes=0, **changes):
    task = Task("t", "data", "denoise", 0.1)
    prior = SimpleNamespace(classes=classes)
    made = Cell(task, Labelled(), prior, "dps", "dps", solver or DPS(), None, ("a", "b"), 2, CONFIG)
    return replace(made, **changes)


def sha256(data, image):
    return f"pixels of {image}"


def test_there_is_a_job_for_every_image_and_sample():
    jobs = cell().jobs(sha256)
    assert [(job.image, job.sample) for job in jobs] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert jobs[3].key == digest({**CONFIG, "image": ["data", "b", "pixels of b"], "sample": 1})
    assert len({job.key for job in jobs}) == 4


def test_a_cell_that_cannot_be_solved_has_one_job():
    (job,) = cell(reason="no").jobs(sha256)
    assert job == Job("*", 0, digest({**CONFIG, "image": ["data", "*", None], "sample": 0}))


def test_the_class_is_part_of_the_key_where_the_prior_is_told_it():
    told = cell(classes=10)
    assert told.privileged and told.key("a", "x", 0) != cell().key("a", "x", 0)
    assert told.key("a", "x", 0) == digest({**CONFIG, "class": 3, "image": ["data", "a", "x"], "sample": 0})
    assert told.key("*", None, 0) == cell().key("*", None, 0)
    baseline = cell(Pinv(), classes=10)
    assert not baseline.privileged and baseline.key("a", "x", 0) == cell().key("a", "x", 0)


def test_steps_are_those_that_a_solver_states():
    assert cell().steps == DPS().steps and cell(Pinv()).steps == 1


def test_code_and_labels_are_known_only_where_they_are_stated():
    user = cell(config={**CONFIG, "task": {"name": "t", "supplied": {"source": "ab"}}})
    assert (user.operator_sha256, cell().operator_sha256) == ("ab", None)
    assert class_labels(Labelled()) == {"a": 3, "b": 7} and class_labels(object()) == {}


@pytest.mark.parametrize("change", [{"label": "x"}, {"samples": 5}, {"images": ("a",)}, {"preset": "p"}])
def test_what_is_no_setting_moves_no_key(change):
    assert cell(**change).id == cell().id
