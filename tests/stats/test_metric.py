"""How a metric is printed is a value: equal where all of it is, and never changed."""

import math
from dataclasses import FrozenInstanceError, replace

import pytest

from bench.stats.metric import Metric, printed


def test_a_metric_is_a_value():
    metric = Metric("PSNR", 2, True, "on [0, 1]")
    assert {metric: 1}[Metric("PSNR", 2, True, "on [0, 1]")] == 1 and metric != replace(metric, rev=2)
    assert (metric.rev, metric.scale) == (1, 1.0), "by default the first revision, printed as it is"
    with pytest.raises(FrozenInstanceError):
        metric.rev = 2


@pytest.mark.parametrize("value", [-0.0, -0.0004, 0.0, 0.0004])
def test_what_is_rounded_to_zero_has_no_sign(value):
    column = Metric("SSIM", 3, True)
    assert column.show(value) == column.show(value, "+") == printed(value, ".3f") == "0.000"
    assert replace(column, scale=1000.0).show(-0.0004) == "−0.400"


def test_a_number_has_a_true_minus_and_infinity_a_sign():
    shown = [printed(value, ".1f", "+") for value in (-1.25, 1.25, math.inf, -math.inf)]
    assert shown == ["−1.2", "+1.2", "+∞", "−∞"]
