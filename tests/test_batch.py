"""The images of a batch: which are chosen, and that each is charged with its own."""

import numpy as np
import pytest
import torch

from bench.batch import Tally, chosen


def test_images_are_chosen_as_tensors_choose_rows():
    rows = torch.arange(5)
    for images in (slice(1, 4, 2), torch.tensor([3, 0, 3]), torch.tensor([False, True, True, False, False])):
        assert chosen(images, 5).tolist() == rows[images].tolist()
    for wrong, says in ((2, "not 2"), ([0, 1], "not"), (torch.zeros(2, 2).long(), r"shape \(2, 2\)")):
        with pytest.raises(TypeError, match=says):
            chosen(wrong, 5)
    with pytest.raises(IndexError):
        chosen(torch.tensor([True, False]), 5)


def test_a_call_is_charged_to_its_images():
    tally, everyone = Tally(3), np.arange(3)
    tally.add("nfe", everyone, np.ones(6))
    assert tally["nfe"].tolist() == [2, 2, 2], "two particles an image"
    tally.add("nfe", np.array([2, 0]), [1, 1])
    assert tally["nfe"].tolist() == [3, 2, 3]
    tally.add("inner", everyone, [4, 0, 1])
    assert tally.total().tolist() == [7, 2, 4] and tally["vjps"].tolist() == [0, 0, 0]


@pytest.mark.parametrize("images", [np.arange(3), np.array([2, 0]), np.array([1, 1, 0]), np.arange(0)])
def test_rows_that_count_the_same_are_counted_as_any(images):
    one, other = Tally(3), Tally(3)
    for rows in (len(images), 2 * len(images), len(images) + 1):
        one.add("transform", images, np.full(rows, 0.5))
        other.add_rows("transform", images, rows, 0.5)
    assert other["transform"] == pytest.approx(one["transform"]) and list(other) == ["transform"]
    assert other.total() == pytest.approx(one.total()) and other["nfe"].tolist() == [0, 0, 0]


def test_rows_that_nobody_owns_are_shared():
    """A solver that takes some rows without telling which: the total is right, and each image has a part."""
    tally = Tally(3)
    tally.add("nfe", np.arange(3), np.ones(2))
    assert tally["nfe"] == pytest.approx([2 / 3] * 3)
