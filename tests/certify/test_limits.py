"""The variance of samplers in unmeasured directions tends to its closed-form limits."""

import pytest

from bench.certify.limits import limits
from bench.exact.laws.limits import Limit, refreshed, unmeasured_variance
from solvers.ddrm import DDRM


@pytest.mark.long
def test_variance_tends_to_its_limits():
    """At a fifth of the steps of `benchmarks/limits.py`, to five times its tolerance: a right variance of 1
    would be seen where the limit is below 0.95, as it is of most."""
    missed = [limit for limit in limits(steps=200) if not limit.reached]
    assert not missed


def test_a_limit_is_reached_within_its_tolerance():
    assert Limit("DDRM", 0.93, 0.933, 0.01).reached and not Limit("DDRM", 1.0, 0.933, 0.01).reached


def test_nothing_is_lost_where_nothing_is_refreshed():
    """The limit is the right variance then, and half of it where all noise is drawn anew."""
    assert (refreshed(0.0), refreshed(1.0)) == (1.0, 0.5)
    assert unmeasured_variance(DDRM(100, eta=0.0), 100) == pytest.approx(1, abs=0.05)
    assert unmeasured_variance(DDRM(100, eta=1.0), 100) == pytest.approx(0.5, abs=0.1)
