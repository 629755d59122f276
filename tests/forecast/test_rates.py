"""Times: a fit finds the true rates, a probe wins, and what nobody measured is refused or labelled."""

from dataclasses import replace

import pytest

from bench.forecast import rates
from bench.forecast.probe import Probe, Timing, keep
from bench.forecast.rates import Rates, TimedWork, find_target, find_times, fit, table
from bench.forecast.work import Work
from bench.system.device import DeviceError

SMALL, LARGE = Work(1e9, 1e8, 200), Work(4e11, 6e9, 500)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))


def test_a_fit_finds_the_rates_that_made_the_seconds():
    true = {"float32": Rates(1e-5, 2e-14, 1e-12), "float16": Rates(1e-5, 1e-15, 5e-13)}
    made = []
    for dtype, rate in true.items():
        for work in (SMALL, LARGE):
            made += [TimedWork(work, batch, rate.seconds(work, batch), dtype) for batch in (1, 8)]
    for dtype, found in fit(made).items():
        assert found == pytest.approx(true[dtype], rel=1e-6)


def test_the_table_is_fitted_within_its_factor():
    for name, profile in table().devices.items():
        found = table().rates(name)
        for one in profile.timings:
            said = found[one.dtype].seconds(table().networks[one.network][one.call], one.batch)
            assert one.seconds / rates.FITTED < said < one.seconds * rates.FITTED


def test_a_device_need_not_be_here():
    target = find_target("h100")
    assert target.here is None and "H100" in find_times(target, "float16", "").source


@pytest.mark.parametrize("name", ["h1000", "cuda:99", "", "None"])
def test_an_unknown_device_is_refused(name):
    with pytest.raises(DeviceError, match="h100"):
        find_target(name)


def test_what_nobody_measured_is_refused():
    with pytest.raises(DeviceError, match="bench probe --dtype float64"):
        find_times(find_target("h100"), "float64", "")


def test_the_default_of_another_processor_is_of_unknown_worth():
    target = find_target("cpu")
    assert find_times(replace(target, name="cpu (another)"), "float32", "").factor is None


def test_a_probe_of_the_network_wins_and_one_of_another_gives_rates():
    target = find_target("cpu")
    timings = (Timing("evaluation", 1, 1.0), Timing("evaluation", 4, 2.5), Timing("vjp", 1, 3.0))
    keep(Probe(target.name, "float32", "mine", "abc", "2026-01-01", "2", SMALL, LARGE, timings))
    own, other = find_times(target, "float32", "abc"), find_times(target, "float32", "xyz")
    assert [own.seconds("evaluation", SMALL, n) for n in (1, 2, 4, 8)] == [1.0, 1.5, 2.5, 5.0]
    assert own.factor < other.factor and "probe" in other.source
