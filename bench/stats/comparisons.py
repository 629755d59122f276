"""Two mappings of scores over what both have, and how far apart equal rows may be."""

from collections.abc import Mapping
from functools import cache

import numpy as np
from scipy.special import ndtr


def shared_means(a: Mapping[str, float], b: Mapping[str, float]) -> tuple[float, float] | None:
    """The means of two mappings over the names that both have; None where there is none.

    >>> shared_means({"x": 1.0, "y": 3.0}, {"y": 5.0, "z": 9.0})
    (3.0, 5.0)
    """
    both = [name for name in a if name in b]
    if not both:
        return None
    return sum(a[name] for name in both) / len(both), sum(b[name] for name in both) / len(both)


@cache
def range_of_normals(n: int, level: float = 0.95) -> float:
    """The quantile of the range of n standard normal variates, n >= 2: Tukey's studentised range.

    It halves the interval in which the quantile lies. `scipy.stats.studentized_range` gives the same, and
    takes half a second to import.

    >>> f"{range_of_normals(2):.4f} {range_of_normals(10):.4f}"
    '2.7718 4.4741'
    """
    z, step = np.linspace(-9, 9, 2001, retstep=True)
    density = n * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * step
    low, high = 0.0, 18.0
    while high - low > 1e-12:
        q = (low + high) / 2
        share = float(np.sum(density * (ndtr(z) - ndtr(z - q)) ** (n - 1)))
        low, high = (q, high) if share < level else (low, q)
    return high
