"""Rows over several tasks: average ranks, and how often one row beats another.

Intervals are of other images: they are resampled, the same ones for all rows and all tasks. They say nothing
of other tasks, of which there are too few to resample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bench.stats.intervals import Interval, mean_interval

RESAMPLES = 10000
BOUND = 1e9
"""Stands for an infinite score."""
Scores = Mapping[str, Mapping[str, float]]
"""Row -> image -> score, of one task."""


@dataclass(frozen=True)
class AverageRanks:
    """Average ranks of k rows over tasks, 1 being best.

    Attributes:
        names: (k,), the best average first.
        n_tasks: over how many tasks.
        means: (k,), average ranks; ``lows`` and ``highs`` are their 95 % intervals over resamples.
        separated: (k, k), whether two average ranks differ with 95 % certainty for all pairs together.
        wins: (images, k, k), the share of the tasks of an image in which row a beats row b there, ties
            counting half.
    """

    names: tuple[str, ...]
    n_tasks: int
    means: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    separated: np.ndarray
    wins: np.ndarray

    def superiority(self, a: str, b: str) -> Interval:
        """The probability of superiority: the share of images on which row a beats row b, over all tasks."""
        return mean_interval(self.wins[:, self.names.index(a), self.names.index(b)])

    def groups(self) -> list[tuple[int, int]]:
        """Largest runs of rows, (first, last), of which no two are separated; a row alone is none."""
        found: list[tuple[int, int]] = []
        for first in range(len(self.names)):
            last = first
            while last + 1 < len(self.names) and not self.separated[first : last + 1, last + 1].any():
                last += 1
            if last > first and (not found or last > found[-1][1]):
                found.append((first, last))
        return found


def average_ranks(tasks: Sequence[Scores], better: int) -> AverageRanks:
    """Ranks rows by their means in each task and averages the ranks.

    Args:
        tasks: all of the same rows; in each only the images count that all rows have.
        better: 1 where higher scores are better, -1 where lower ones are.

    Raises:
        ValueError: tasks of different rows, or without an image that all rows have.
    """
    names = list(tasks[0])
    matrices, known = [], []
    for task in tasks:
        images, matrix = _matrix(task, names, better)
        matrices.append(matrix)
        known.append(images)
    union = list(dict.fromkeys(image for images in known for image in images))
    place = {image: i for i, image in enumerate(union)}
    counts = resample_counts(len(union))
    ranks, resampled = np.zeros(len(names)), np.zeros((len(counts), len(names)))
    wins, n_tasks = np.zeros((len(union), len(names), len(names))), np.zeros(len(union))
    earlier, weights = list[int](), np.zeros(0)
    for images, matrix in zip(known, matrices, strict=True):
        places = [place[image] for image in images]
        if places != earlier:  # tasks are mostly of the same images
            earlier, weights = places, counts[:, places]
            weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)
        ranks += _rank(matrix.mean(axis=0)) / len(tasks)
        resampled += _rank(weights @ matrix) / len(tasks)
        wins[places] += _beats(matrix)
        n_tasks[places] += 1
    order = np.argsort(ranks, kind="stable")
    lows, highs = _bounds(ranks, resampled)
    return AverageRanks(
        names=tuple(names[i] for i in order),
        n_tasks=len(tasks),
        means=ranks[order],
        lows=lows[order],
        highs=highs[order],
        separated=_separated(ranks, resampled)[np.ix_(order, order)],
        wins=(wins / n_tasks[:, None, None])[:, order][:, :, order],
    )


def _matrix(task: Scores, names: Sequence[str], better: int) -> tuple[list[str], np.ndarray]:
    """The common images of a task, and their scores, (images, rows), higher ones better."""
    if set(task) != set(names):
        raise ValueError(
            f"ranks are averaged over tasks of the same rows; got {sorted(task)} and {sorted(names)}"
        )
    common = set.intersection(*(set(task[name]) for name in names))
    images = [image for image in task[names[0]] if image in common]
    if not images:
        raise ValueError(f"no image has a score of each of {', '.join(names)}")
    columns = []
    for name in names:
        columns.append(np.array([task[name][image] for image in images]))
    return images, np.clip(better * np.stack(columns, axis=1), -BOUND, BOUND)


def _rank(scores: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, the highest score first; equal ones share theirs."""
    import pandas as pd  # here, since it takes a fifth of a second

    ranks: np.ndarray = pd.DataFrame(np.atleast_2d(-scores)).rank(axis=1).to_numpy()
    return ranks.reshape(scores.shape)


def _beats(matrix: np.ndarray) -> np.ndarray:
    """(images, k, k): 1 where row a beats row b, and a half where they are equal."""
    a, b = matrix[:, :, None], matrix[:, None, :]
    return (a > b) + (a == b) / 2


def _bounds(value: np.ndarray, resampled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles over resamples, (resamples, ...), widened to hold the value: resampled ranks are closer."""
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    return np.minimum(low, value), np.maximum(high, value)


def _separated(ranks: np.ndarray, resampled: np.ndarray) -> np.ndarray:
    """Pairs whose order hardly any resample turns: 2.5 %, divided by the number of pairs (Bonferroni).

    Errors of resampled ranks would say less: where two rows are equal they do not tend to those of the ranks.
    """
    k = len(ranks)
    most = 0.05 / max(k * (k - 1), 1)
    found = np.zeros((k, k), bool)
    for a in range(k):
        turned = (resampled[:, a : a + 1] >= resampled).mean(axis=0)
        found[a] = (ranks[a] < ranks) & (turned <= most)
    return found | found.T


@lru_cache(maxsize=4)
def resample_counts(n: int, resamples: int = RESAMPLES) -> np.ndarray:
    """How often each of n images is in each of some resamples with replacement, (resamples, n).

    They come from the bits of Philox, since numpy's samplers may change.
    """
    bits = np.random.Philox(key=0).random_raw(resamples * n).reshape(resamples, n)
    drawn = (bits % np.uint64(n)).astype(np.int64) + n * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * n).reshape(resamples, n)
