"""Two mappings of scores over what both have, and how far apart equal rows may be."""

import math
from collections.abc import Mapping


def shared_means(a: Mapping[str, float], b: Mapping[str, float]) -> tuple[float, float] | None:
    """The means of two mappings over the names that both have; None where there is none.

    >>> shared_means({"x": 1.0, "y": 3.0}, {"y": 5.0, "z": 9.0})
    (3.0, 5.0)
    """
    both = [name for name in a if name in b]
    if not both:
        return None
    return sum(a[name] for name in both) / len(both), sum(b[name] for name in both) / len(both)


def apart_by_chance(n: int) -> float:
    """How many of its standard errors a difference may be from 0, in 95 % of tables of n equal rows, n >= 2.

    That is the normal quantile for all pairs of rows at once (Bonferroni).

    >>> f"{apart_by_chance(2):.2f} {apart_by_chance(10):.2f}"
    '1.96 3.26'
    """
    from scipy.special import ndtri  # here, since a run needs no scipy before its first step

    return float(-ndtri(0.025 / math.comb(n, 2)))
