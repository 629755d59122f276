"""Two mappings of scores over what both have."""

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
