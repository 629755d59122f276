"""Means over what two have in common, and differences of equal rows."""

import pytest
from scipy.stats import norm, studentized_range

from bench.stats.comparisons import apart_by_chance, shared_means


def test_means_are_over_common_names_only():
    assert shared_means({"x": 1.0, "y": 3.0, "w": 5.0}, {"w": 7.0, "y": 5.0, "z": 9.0}) == (4.0, 6.0)
    assert shared_means({"x": 1.0}, {"y": 1.0}) is None


def test_two_rows_are_apart_as_one_difference_and_more_rows_by_at_least_their_range():
    assert apart_by_chance(2) == pytest.approx(norm.ppf(0.975))
    for n in (3, 10, 24):
        exact = studentized_range.ppf(0.95, n, 1e9) / 2**0.5
        assert exact <= apart_by_chance(n) <= 1.05 * exact
