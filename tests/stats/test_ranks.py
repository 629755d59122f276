"""Average ranks over tasks, with intervals over images."""

import numpy as np
import pytest
from scipy.stats import rankdata

from bench.stats.ranks import _rank, average_ranks, resample_counts


def task(scores):
    """Rows "0", "1", .. of scores, (images, rows)."""
    return {f"{j}": {f"{i}": float(value) for i, value in enumerate(row)} for j, row in enumerate(scores.T)}


def made(shifts, n=50, tasks=4, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return [
        3 * rng.normal(size=(n, 1)) + shifts + noise * rng.normal(size=(n, len(shifts))) for _ in range(tasks)
    ]


def test_ranks_are_those_of_the_means():
    scores = made(np.array([0.0, 0.3, 0.6, -1]))
    found = average_ranks([task(one) for one in scores], -1)
    expected = np.mean([rankdata(one.mean(axis=0)) for one in scores], axis=0)
    assert dict(zip(found.names, found.means, strict=True)) == {f"{i}": r for i, r in enumerate(expected)}
    assert list(found.means) == sorted(found.means) and (found.lows <= found.means).all()


def test_equal_scores_share_their_ranks():
    scores = np.random.default_rng(0).integers(0, 4, (50, 6)) / 3
    assert (_rank(scores) == rankdata(-scores, axis=-1)).all()
    assert list(_rank(np.array([1e9, 5.0, 1e9]))) == [1.5, 3, 1.5]


def test_clear_rows_are_separated_and_equal_ones_are_not():
    found = average_ranks([task(one) for one in made(np.array([4.0, 0.0, 0.0, -4.0]))], 1)
    assert (found.names[0], found.names[3]) == ("0", "3") and found.groups() == [(1, 2)]
    assert (found.means[0], found.lows[0], found.highs[0]) == (1, 1, 1)
    even = found.superiority("1", "2")
    assert found.superiority("0", "3").mean > 0.99 and even.low < 0.5 < even.high and even.n == 50
    assert even.mean + found.superiority("2", "1").mean == pytest.approx(1)


@pytest.mark.long
def test_equal_rows_are_rarely_separated():
    """The images are those of all tasks: what is resampled must be the images, not each task's alone."""
    wrong = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        own = rng.normal(size=(30, 6))
        scores = [own + 0.3 * rng.normal(size=(30, 6)) for _ in range(4)]
        wrong += average_ranks([task(one) for one in scores], 1).separated.any()
    assert wrong / 60 < 0.05 + 3 * (0.05 * 0.95 / 60) ** 0.5


def test_rows_must_be_the_same_and_share_images():
    a = task(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="of the same rows"):
        average_ranks([a, task(np.zeros((3, 3)))], 1)
    with pytest.raises(ValueError, match="no image has a score"):
        average_ranks([{"0": {"x": 1.0}, "1": {"y": 1.0}}], 1)


def test_infinite_scores_are_first():
    scores = made(np.array([0.0, 1.0]))[0]
    scores[:, 0] = np.inf
    assert average_ranks([task(scores)], 1).names == ("0", "1")


def test_resamples_hold_n_images_each():
    counts = resample_counts(20, 500)
    assert (counts.sum(axis=1) == 20).all() and counts.mean(axis=0) == pytest.approx(np.ones(20), abs=0.2)
    assert counts.var() == pytest.approx(1 - 1 / 20, abs=0.05)
