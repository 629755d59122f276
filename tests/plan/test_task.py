"""Tasks: masks and kernels are shared by noise levels; what a user supplied enters keys."""

from dataclasses import replace

import pytest
import torch

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
