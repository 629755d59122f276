"""What each distance sees of known errors, what it is known not to see, and the floor."""

import math

import numpy as np
import pytest
import torch

from bench.exact.distances import DISTANCES, REPETITIONS, floor, score
from bench.exact.distances.draws import draw
from tests.exact.distances.made import (
    grid_mixture,
    linear,
    perturbed,
)

BLIND = (-3, 3)


SEEN = (5, math.inf)


PERTURBATIONS = {
    "exact": ({}, dict.fromkeys(set(DISTANCES) - {"sw_floor", "w2", "kl"}, BLIND)),
    "within-mode variance x .8": (
        {"within": 0.8},
        {
            "hpd_ks": SEEN,
            "var_ratio_unmeasured": (-math.inf, -5),
            "mode_tv": BLIND,
            "mmd": BLIND,
            "sw": BLIND,
        },
    ),
    "within-mode variance x .5": (
        {"within": 0.5},
        {
            "hpd_ks": (20, math.inf),
            "mmd_small": SEEN,
            "ksd": SEEN,
            "var_ratio_unmeasured": (-math.inf, -5),
            "mmd": BLIND,
            "sw": BLIND,
        },
    ),
    "measured variance x .25": (
        {"measured": 0.25},
        {"hpd_ks": (3, math.inf), "var_ratio_unmeasured": BLIND, "sw": BLIND},
    ),
    "measured variance x 4": (
        {"measured": 4},
        {"hpd_ks": SEEN, "mmd_small": SEEN, "var_ratio_measured": (3, math.inf), "sw": BLIND},
    ),
    "mode weights TV .1": ({"tv": 0.1}, {"mmd_small": SEEN, "mode_tv": SEEN}),
    "mode weights TV .3": (
        {"tv": 0.3},
        {"mmd": SEEN, "mmd_small": SEEN, "mode_tv": SEEN, "sw": SEEN, "ksd": BLIND},
    ),
    "shift by .5": (
        {"shift": 0.5},
        {"ksd": (20, math.inf), "mmd_small": (2.5, math.inf), "mode_tv": BLIND, "sw": BLIND},
    ),
}


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_each_distance_sees_what_it_must_see(grid, grid_floor, name):
    change, expected = PERTURBATIONS[name]
    scores = [score(perturbed(grid, seed, **change), grid) for seed in range(3)]
    z = {n: (np.mean([s[n] for s in scores]) - grid_floor[n].mean) / grid_floor[n].std for n in expected}
    assert all(low < z[n] < high for n, (low, high) in expected.items()), z


def test_prior_scores_one_and_the_floor_contains_exact_samples(grid, grid_floor):
    narrow = linear(grid_mixture(), 2, 0.1)
    ignorant = score(draw(narrow.prior, 1000, "prior"), narrow)
    assert ignorant["mmd"] == pytest.approx(1, abs=0.03) and ignorant["mmd_small"] == pytest.approx(
        1, abs=0.03
    )
    scores = score(draw(grid.posterior, 1000, "solver"), grid)
    assert set(scores) == set(grid_floor) | {"sw_floor"} and set(scores) <= set(DISTANCES)
    assert sum(bound.low <= scores[n] <= bound.high for n, bound in grid_floor.items()) >= len(grid_floor) - 1
    assert grid_floor["mode_tv"].low == -math.inf and grid_floor["var_ratio_measured"].low < 1


def test_scores_depend_on_the_samples_alone(grid):
    x = draw(grid.posterior, 200, "solver")
    first = score(x, grid)
    assert score(x, grid) == first
    again = linear(grid_mixture(), 1, 0.5)
    assert score(x.flip(0), again) == pytest.approx(first, rel=1e-9, abs=1e-12)
    assert score(x.float(), grid) == pytest.approx(first, rel=1e-3, abs=1e-3)
    other = linear(grid_mixture(), 1, 0.5, "another name")
    assert score(x, other)["sw_floor"] != first["sw_floor"]
    assert not torch.equal(draw(grid.posterior, 5, "a"), draw(grid.posterior, 5, "b"))


def test_wrong_input_is_named(grid):
    x = draw(grid.posterior, 5, "solver")
    for bad in (x[:1], x[:, :7], torch.where(x > 0, x, torch.nan)):
        with pytest.raises(ValueError, match="at least two finite samples of 8 entries"):
            score(bad, grid)
    with pytest.raises(ValueError, match=f"at least {REPETITIONS} repetitions; got 20"):
        floor(grid, 10, 20)
    with pytest.raises(ValueError, match="use sigma > 0"):
        linear(grid_mixture(), 1, 0.0)
