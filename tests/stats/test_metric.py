"""How a metric is printed is a value: equal where all of it is, and never changed."""

from dataclasses import FrozenInstanceError, replace

import pytest

from bench.stats.metric import Metric


def test_a_metric_is_a_value():
    metric = Metric("PSNR", 2, True, "on [0, 1]")
    assert {metric: 1}[Metric("PSNR", 2, True, "on [0, 1]")] == 1 and metric != replace(metric, rev=2)
    assert (metric.rev, metric.scale) == (1, 1.0), "by default the first revision, printed as it is"
    with pytest.raises(FrozenInstanceError):
        metric.rev = 2
