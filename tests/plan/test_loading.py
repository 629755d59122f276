"""Data and priors are loaded once."""

import pytest

from bench.exact.problems import ExactImages
from bench.plan.loading import make_loader, once
from bench.plan.options import Options
from bench.suites.suite import load_suite


def test_a_function_is_called_once_whether_it_returns_or_raises():
    calls = []

    @once
    def load(name):
        calls.append(name)
        if name == "broken":
            raise ValueError("no such thing")
        return [name]

    assert load("a") is load("a")
    for _ in range(2):
        with pytest.raises(ValueError, match="no such thing"):
            load("broken")
    assert calls == ["a", "broken"]


def test_tasks_share_what_they_name_alike():
    suite = load_suite("exact")
    load = make_loader(suite, Options(dtype="float64"))
    by_task = {row.name: load(row) for row in suite.tasks}
    one, other = by_task["d8-m2-s0.2"], by_task["d2-m1-s0.2"]
    assert load(suite.tasks[1]).data is one.data and load(suite.tasks[1]).prior is one.prior
    assert (one.data.name, other.data.name) == ("exact-mixture8", "exact-mixture2")
    assert isinstance(one.data, ExactImages) and str(one.prior.dtype) == "torch.float64"
