"""Tasks: masks and kernels are shared by noise levels; what a user supplied enters keys."""

from dataclasses import replace

import pytest
import torch

from bench.likelihood import Gaussian, Poisson
from bench.plan.task import Task, supplied

SHAPE = (1, 16, 16)


def masks(task, *images):
    return task.operators(SHAPE, images).parameters()["mask"]


def test_masks_are_a_function_of_seed_data_set_image_and_operator():
    task = Task("t", "d", "inpaint_random", 0.1)
    mask = masks(task, "a")
    for same in (replace(task, sigma=0.5), replace(task, name="u", title="T")):
        assert torch.equal(masks(same, "a"), mask)
    assert torch.equal(masks(task, "b", "a")[1:], mask), "whatever the batch"
    for other in (replace(task, seed=1), replace(task, dataset="e")):
        assert not torch.equal(masks(other, "a"), mask)
    assert not torch.equal(masks(task, "b"), mask)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="unknown operator"):
        Task("t", "d", "inpaint", 0.1).operators(SHAPE, ["a"])


def test_only_what_a_user_supplied_enters_keys(monkeypatch):
    A = Task("t", "d", "inpaint_random", 0.1).operators(SHAPE, ["a"])
    assert supplied(A) == {}
    monkeypatch.setattr(type(A), "supplied", lambda A: {"weights": "ab"})
    assert supplied(A) == {"supplied": {"weights": "ab"}}
    monkeypatch.setattr("bench.plan.task.source_sha256", lambda cls: "cd")
    assert supplied(A) == {"supplied": {"weights": "ab", "source": "cd"}}


def test_what_solvers_are_told_changes_nothing_that_measures():
    task = Task("t", "d", "blur_gauss", 0.1)
    told = replace(task, told_sigma=0.05, told={"std": 2.0})
    assert (told.likelihood, told.told_likelihood) == (Gaussian(0.1), Gaussian(0.05))
    assert told.misspecified == {"sigma": 0.05, "std": 2.0} and task.misspecified == {}
    x = torch.rand(1, *SHAPE, dtype=torch.float64)
    assert torch.equal(told.operators(SHAPE, ["a"])(x), task.operators(SHAPE, ["a"])(x))
    assert not torch.equal(told.told_operators(SHAPE, ["a"])(x), task.operators(SHAPE, ["a"])(x))
    random = Task("t", "d", "inpaint_random", 0.1, {"p": 0.5}, told={"p": 0.7})
    true, other = random.operators(SHAPE, ["a"]).measured, random.told_operators(SHAPE, ["a"]).measured
    assert (true | ~other).all(), "from the same seed"


def test_noise_that_is_not_gaussian_has_a_model_and_may_be_told_as_gaussian():
    task = Task("t", "d", "denoise", None, noise={"kind": "poisson", "rate": 2.0})
    assert task.likelihood == task.told_likelihood == Poisson(2.0)
    assert replace(task, told_sigma=0.1).told_likelihood == Gaussian(0.1)


def test_a_task_may_take_the_draws_of_another():
    task = Task("t", "d", "denoise", 0.1)
    other = replace(task, name="u")
    assert other.measurement_stream("a") != task.measurement_stream("a")
    assert replace(other, draws_of="t").measurement_stream("a") == task.measurement_stream("a")
