"""The sliced distance of a known shift."""

import pytest
import torch

from bench.exact.distances import score
from bench.exact.distances.draws import draw
from tests.exact.distances.made import F64


def test_sliced_distance_of_a_shift(grid):
    x = draw(grid.posterior, 1000, "solver")
    shift = torch.linspace(1, 3, 8, dtype=F64)
    moved = score(x + shift, grid)
    assert moved["sw"] * moved["sw_floor"] == pytest.approx((shift.square().sum() / 8).sqrt().item(), rel=0.1)
