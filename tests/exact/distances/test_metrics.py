"""The metrics of an exact suite's samples."""

from itertools import pairwise

from bench.exact.distances import DISTANCES
from bench.exact.distances.metrics import BANDS, METRICS


def test_every_distance_and_every_band_has_a_column():
    assert list(METRICS)[: len(DISTANCES)] == list(DISTANCES)
    bands = [metric.label for name, metric in METRICS.items() if name.startswith("var_band_")]
    assert bands == [f"variance, |f| {low}-{high}" for low, high in pairwise(BANDS[:-1])] + [
        "variance, |f| 14+"
    ]
    assert len({metric.label for metric in METRICS.values()}) == len(METRICS)


def test_nothing_is_ranked_that_rewards_lost_variance():
    """One sample's error is least for the posterior mean, which has no variance at all."""
    for name in ("rmse_sample", "psnr_sample"):
        assert METRICS[name].higher_is_better is None
