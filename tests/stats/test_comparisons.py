"""Means over what two have in common, and the range of equal rows."""

import math

import pytest
from scipy.stats import studentized_range

from bench.stats.comparisons import range_of_normals, shared_means


def test_means_are_over_common_names_only():
    assert shared_means({"x": 1.0, "y": 3.0, "w": 5.0}, {"w": 7.0, "y": 5.0, "z": 9.0}) == (4.0, 6.0)
    assert shared_means({"x": 1.0}, {"y": 1.0}) is None


@pytest.mark.parametrize("n", [2, 3, 24, 100])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_range_of_normals_is_that_of_tukey(n, level):
    assert range_of_normals(n, level) == pytest.approx(studentized_range.ppf(level, n, math.inf), abs=1e-9)
