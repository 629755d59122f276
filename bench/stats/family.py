"""All pairs of a table's rows, compared at once: one family of tests for marks, ranks and intervals.

A row that is compared with a best row picked from the same data is found worse far too often. Here every
difference of two rows has an interval that is as wide as the largest studentised difference of the table asks
for, so that with 95 % certainty no interval of the table misses its difference (Westfall and Young 1993).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.special import ndtri

from bench.stats.intervals import FEWEST, Interval

FLIPS = 4000
"""Random sign patterns over the images; all patterns where there are no more."""
LEVEL = 0.95
POWER = 0.8
"""How often the smallest difference that is said to be seen is found."""
CHUNK = 2**22
"""Most means held at once (32 MB)."""


@dataclass(frozen=True)
class Family:
    """The differences of all pairs of k rows over their common images, higher scores being better.

    Attributes:
        names: (k,), the rows.
        means: (k, k), mean of row a - row b over the images of both; NaN where they share too few.
        errors: (k, k), its standard error; infinite where each row is infinitely far above the other on some
            image.
        shared: (k, k), the number of those images.
        infinite: (k, k), 1 where row a is infinitely far above row b on some image, -1 where it is below, 0
            elsewhere; mean and error are then those of bounded differences.
        critical: the largest studentised difference that chance gives in 95 % of tables without differences.
    """

    names: tuple[str, ...]
    means: np.ndarray
    errors: np.ndarray
    shared: np.ndarray
    infinite: np.ndarray
    critical: float

    def difference(self, a: str, b: str) -> Interval | None:
        """The mean of a - b with its simultaneous interval; None where the rows share too few images."""
        i, j = self.names.index(a), self.names.index(b)
        mean, error = float(self.means[i, j]), float(self.errors[i, j])
        if np.isnan(mean):
            return None
        if np.isinf(error):
            return Interval(np.nan, -np.inf, np.inf, int(self.shared[i, j]))
        width = self.critical * error
        low, high = mean - width, mean + width
        if sign := int(self.infinite[i, j]):
            mean = sign * np.inf
            low, high = (low, mean) if sign > 0 else (mean, high)
        return Interval(mean, low, high, int(self.shared[i, j]))

    @cached_property
    def beaten(self) -> np.ndarray:
        """(k, k), whether row a is shown to be better than row b; never where b is infinitely better."""
        with np.errstate(invalid="ignore"):
            return (self.means - self.critical * self.errors > 0) & (self.infinite >= 0)

    def place(self, name: str) -> tuple[int, int]:
        """The best and the worst place that the data leave to a row, 1 being first.

        With 95 % certainty all ranges of the table hold the places of the true means.
        """
        i = self.names.index(name)
        return 1 + int(self.beaten[:, i].sum()), len(self.names) - int(self.beaten[i].sum())

    def within(self, name: str, other: str, margin: float) -> bool:
        """Whether two rows are shown to differ by less than the margin: their interval lies inside of it."""
        found = self.difference(name, other)
        return found is not None and -margin < found.low and found.high < margin

    @property
    def seen(self) -> float:
        """The difference that would be found in four of five such tables.

        It is that of a pair with the median error. Pairs with infinite differences have none; NaN where no
        other is compared.
        """
        upper = np.triu_indices(len(self.names), 1)
        errors = self.errors[upper][(self.infinite[upper] == 0) & np.isfinite(self.errors[upper])]
        if not len(errors):
            return float("nan")
        return float((self.critical + ndtri(POWER)) * np.median(errors))


def compare_all(rows: Mapping[str, Mapping[str, float]], better: int = 1) -> Family:
    """Compares all pairs of rows, each pair over the images that both have.

    Under the hypothesis that two rows are equally good the difference on an image is as likely negative as
    positive. The signs of an image are flipped for all pairs together, which keeps how pairs depend on each
    other. The patterns are fixed, so that equal records give equal tables. Pairs that share fewer than
    `FEWEST` images are left out.

    Args:
        rows: row name -> image -> score. Infinite scores count: where just one of two rows has one, it is
            beyond the largest finite difference of the pair.
        better: 1 where higher scores are better, -1 where lower ones are.

    Three rows over twelve images, one of them half a unit behind:

    >>> noise = np.random.default_rng(0).normal(size=(3, 12)) / 5
    >>> shift = {"a": 0.0, "b": 0.0, "c": -0.5}
    >>> rows = {}
    >>> for name, row in zip(shift, noise, strict=True):
    ...     rows[name] = {f"{i}": shift[name] + value for i, value in enumerate(row)}
    >>> family = compare_all(rows)
    >>> [family.place(name) for name in "abc"]
    [(1, 2), (1, 2), (3, 3)]
    """
    names = tuple(rows)
    images = list(dict.fromkeys(image for row in rows.values() for image in row))
    scores = np.full((len(images), len(names)), np.nan)
    for j, row in enumerate(rows.values()):
        for i, image in enumerate(images):
            scores[i, j] = better * row.get(image, np.nan)
    first, second = np.triu_indices(len(names), 1)
    differences = _differences(scores, first, second)
    pairs = Pairs(_bounded(differences))
    above, below = (differences == np.inf).any(axis=0), (differences == -np.inf).any(axis=0)
    pairs.error[above & below] = np.inf  # nothing is shown

    def square(upper: np.ndarray, sign: int = 1) -> np.ndarray:
        """Values of pairs, (pairs,), as a matrix over the rows, times the sign below the diagonal."""
        matrix = np.zeros((len(names), len(names)), upper.dtype)
        matrix[first, second], matrix[second, first] = upper, sign * upper
        return matrix

    return Family(
        names=names,
        means=square(pairs.mean, -1),
        errors=square(pairs.error),
        shared=square(pairs.n),
        infinite=square(above.astype(int) - below, -1),
        critical=pairs.critical(sign_patterns(len(images))),
    )


def _differences(scores: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Differences of pairs of columns, (n, k) -> (n, pairs); NaN where one of the two is missing."""
    with np.errstate(invalid="ignore"):
        found = scores[:, first] - scores[:, second]
    same = np.isinf(scores[:, first]) & (scores[:, first] == scores[:, second])
    found[same] = 0.0
    return found


def _bounded(differences: np.ndarray) -> np.ndarray:
    """Differences whose infinite ones are twice the largest finite one of their pair, (n, pairs)."""
    bounded = differences.copy()
    for column in bounded.T:
        infinite = np.isinf(column)
        if infinite.any():
            finite = np.abs(column[np.isfinite(column)])
            beyond = 2 * float(finite.max(initial=0.0)) or 1.0
            column[infinite] = np.copysign(beyond, column[infinite])
    return bounded


class Pairs:
    """Means, errors and studentised differences of pairs.

    Args:
        differences: (n, pairs), NaN where an image is not of both rows.
    """

    def __init__(self, differences: np.ndarray) -> None:
        known = np.isfinite(differences)
        n = known.sum(axis=0)
        self.values = np.where(known, differences, 0.0)[:, n >= FEWEST]
        self.kept = n >= FEWEST
        self.n = n
        self.mean, self.error = np.full(len(n), np.nan), np.full(len(n), np.nan)
        self._n = n[self.kept]
        self._square = (self.values**2).sum(axis=0) / np.maximum(self._n, 1)
        mean = self.values.sum(axis=0) / np.maximum(self._n, 1)
        self.mean[self.kept], self.error[self.kept] = mean, self._error(mean)

    def _error(self, mean: np.ndarray) -> np.ndarray:
        """Standard errors of means of differences whose squares are the same: signs do not change squares."""
        variance = np.maximum(self._square - mean**2, 0.0) / (self._n - 1)
        return np.sqrt(variance)

    def critical(self, signs: np.ndarray) -> float:
        """The 95 % quantile of the largest studentised difference over sign patterns, (patterns, n).

        Infinite without a pair. Otherwise at least 95 % of the patterns stay at or below it. A studentised
        mean grows with the mean over the root mean square, which one product gives for all patterns.
        """
        if not self.kept.any():
            return float("inf")
        roots = np.sqrt(self._square)
        shares = self.values / np.where(roots > 0, roots, 1.0) / self._n
        largest = np.zeros(len(signs))
        for n in np.unique(self._n):
            own = shares[:, self._n == n]
            step = max(1, CHUNK // own.shape[1])
            for start in range(0, len(signs), step):
                part = signs[start : start + step] @ own
                most = np.minimum(np.maximum(part.max(axis=1), -part.min(axis=1)), 1.0)
                with np.errstate(divide="ignore"):
                    studentised = most * np.sqrt((n - 1) / (1 - most**2))
                here = largest[start : start + step]
                np.maximum(here, studentised, out=here)
        return float(np.quantile(largest, LEVEL, method="inverted_cdf"))


@lru_cache(maxsize=4)
def sign_patterns(n: int) -> np.ndarray:
    """Signs of n images, (patterns, n) of +1 and -1: all that differ by more than a common sign, or `FLIPS`.

    They come from the bits of Philox, since numpy's samplers may change. The first pattern changes nothing.
    """
    if 2 ** max(n - 1, 0) <= FLIPS:
        bits = np.arange(2 ** max(n - 1, 0), dtype=np.uint64)[:, None] >> np.arange(n, dtype=np.uint64)
    else:
        words = -(-n // 64)
        drawn = np.random.Philox(key=0).random_raw(FLIPS * words).reshape(FLIPS, words)
        places = np.arange(n, dtype=np.uint64)
        bits = drawn[:, (places // np.uint64(64)).astype(int)] >> (places % np.uint64(64))
        bits[0] = 0
    return 1.0 - 2.0 * (bits & np.uint64(1)).astype(np.float64)


def compare_pairs(rows: Mapping[str, Mapping[str, float]]) -> dict[str, Interval]:
    """Means of given paired differences, with intervals that hold for all rows at once.

    As in `compare_all`, for rows that are each compared with one other: itself before a change, say.

    Args:
        rows: row name -> image -> difference; infinite ones count as in `compare_all`.

    Returns:
        Bounds are NaN for rows of fewer than `FEWEST` images; rows without images are left out.

    >>> compare_pairs({"same": dict.fromkeys("abcdef", 0.0)})["same"]
    Interval(mean=0.0, low=0.0, high=0.0, n=6)
    """
    known = {name: found for name, found in rows.items() if found}
    images = list(dict.fromkeys(image for found in known.values() for image in found))
    differences = np.full((len(images), len(known)), np.nan)
    for j, found in enumerate(known.values()):
        for i, image in enumerate(images):
            differences[i, j] = found.get(image, np.nan)
    pairs = Pairs(_bounded(differences))
    critical = pairs.critical(sign_patterns(len(images)))
    intervals = {}
    for j, name in enumerate(known):
        with np.errstate(invalid="ignore"):
            mean = float(np.nanmean(differences[:, j]))
        middle, error = float(pairs.mean[j]), float(pairs.error[j])
        width = critical * error if error else error
        low, high = middle - width, middle + width
        if np.isinf(mean):
            low, high = min(low, mean), max(high, mean)
        intervals[name] = Interval(mean, low, high, int(pairs.n[j]))
    return intervals
