"""Means over what two have in common."""

from bench.stats.comparisons import shared_means


def test_means_are_over_common_names_only():
    assert shared_means({"x": 1.0, "y": 3.0, "w": 5.0}, {"w": 7.0, "y": 5.0, "z": 9.0}) == (4.0, 6.0)
    assert shared_means({"x": 1.0}, {"y": 1.0}) is None
