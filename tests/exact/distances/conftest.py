"""Fixtures of the distances' tests."""

import pytest

from bench.exact.distances import floor
from tests.exact.distances.made import grid_mixture, linear


@pytest.fixture(scope="module")
def grid():
    return linear(grid_mixture(), 1, 0.5)


@pytest.fixture(scope="module")
def grid_floor(grid):
    return floor(grid, 1000)
