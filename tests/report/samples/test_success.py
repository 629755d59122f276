"""How often a row succeeds, where a mean describes no image."""

from statistics import NormalDist

import numpy as np
import pytest

from bench.report.samples.success import is_split, section, successes
from bench.report.tables import build
from tests.made_run import record

RNG = np.random.default_rng


def table(psnr, operator="blur_gauss"):
    """A table of one row."""
    made = []
    for i, value in enumerate(psnr):
        made.append(record("best", 0, psnr=value, image=f"{i}", key=f"{i}", y_hash=f"{i}", operator=operator))
    return build(made, [])[0]


def test_two_groups_are_found_and_one_is_not():
    rng = RNG(0)
    one = 25 + 3 * rng.normal(size=64)
    two = np.concatenate([8 + rng.normal(size=24), 29 + 2 * rng.normal(size=40)])
    assert is_split(two, 20) and not is_split(one) and not is_split([1.0, 2.0, np.inf])
    skewed = [is_split(np.exp(RNG(seed).normal(size=64)), 10) for seed in range(50)]
    assert sum(skewed) <= 2, "skewness alone is one group"
    assert successes(table(one)) == {}


def test_rate_quartiles_and_wilson():
    """40 of 64 images succeed."""
    found = successes(table([8.0 + i / 50 for i in range(24)] + [29.0 + i / 50 for i in range(40)]))["best"]
    z, n, p = NormalDist().inv_cdf(0.975), 64, 40 / 64
    middle, half = p + z**2 / (2 * n), z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    bounds = [(middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)]
    assert (found.share, found.is_split) == (p, True) and [found.low, found.high] == pytest.approx(bounds)
    assert found.quartiles[0] < 10 and found.quartiles[1] > 29


def test_phase_retrieval_always_shows_it():
    page = "\n".join(section(table(25 + RNG(1).normal(size=20), "phase_retrieval")))
    assert (
        "how often it succeeds" in page
        and "| best | 100 %<br><sub>\\[84," in page
        and "two groups" not in page
    )
