"""Probes: 40 calls, random weights of the right shapes, and files that are kept and read again."""

import math

import torch

from bench.forecast import probe as probing
from bench.forecast.work import count
from bench.priors import load_prior
from tests.tiny import tiny_prior

CPU = torch.device("cpu")


class Counted:
    """Counts how often a network is called."""

    def __init__(self, network):
        self.n = 0
        network.register_forward_pre_hook(self)

    def __call__(self, *_):
        self.n += 1


def test_a_probe_makes_40_calls_and_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    prior = tiny_prior()
    calls, work = Counted(prior.network), count(prior)
    found = probing.probe(prior, work, "float32")
    assert calls.n == 40
    assert {(one.call, one.batch) for one in found.timings} == {
        (call, batch) for call in ("evaluation", "vjp") for batch in (1, 2, 4, 8)
    }
    path = probing.keep(found)
    assert probing.kept(found.device, "float32") == [found]
    assert probing.kept(found.device, "float64") == []
    path.write_text("damaged")
    assert probing.kept(found.device, "float32") == []


def test_a_slow_network_is_called_once_at_least(monkeypatch):
    monkeypatch.setattr(probing, "LIMIT", 0.0)
    prior = tiny_prior()
    calls, work = Counted(prior.network), count(prior)
    found = probing.probe(prior, work, "float32")
    assert [(one.call, one.batch) for one in found.timings] == [("evaluation", 1), ("vjp", 1)]
    assert calls.n == 2


def test_random_weights_keep_the_shapes_and_finite_values():
    made, real = probing.network_to_probe("fashion32", torch.float32, CPU, None), load_prior("fashion32")
    assert probing.architecture_of(made) == probing.architecture_of(real)
    x = made.denoise(torch.randn(2, *made.shape), made.schedule.level(500))
    assert math.isfinite(x.abs().max())
