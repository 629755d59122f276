"""The probe takes what gains, leaves the rest, and refuses what is wrong or fails."""

import pytest
import torch

from bench.priors.fast import probe as module
from bench.priors.fast.probe import WayTrial, probe
from bench.priors.fast.ways import Way

SECONDS = {Way(): 1.0, Way("bfloat16"): 0.5, Way("bfloat16", compiled=True): 0.4}


@pytest.fixture(autouse=True)
def timed(monkeypatch):
    """Times by a table, and compilation that does nothing."""
    monkeypatch.setattr(WayTrial, "seconds", lambda trial: SECONDS[trial.fast.way])
    monkeypatch.setattr(torch, "compile", lambda network, **_: network)


def make_given():
    torch.manual_seed(0)
    return torch.randn(2, 1, 8, 8), torch.full((1,), 500.0)


class Network(torch.nn.Module):
    def __init__(self, fails="", wrong=False):
        super().__init__()
        self.kernel = torch.nn.Conv2d(1, 1, 3, padding=1).requires_grad_(False)
        self.fails, self.wrong = fails, wrong

    def forward(self, x, index):
        lower = torch.is_autocast_enabled("cpu")
        if self.fails == ("lower" if lower else "ordinary"):
            raise RuntimeError("no kernel")
        out = self.kernel(x)
        return out * 1.2 if self.wrong and lower else out


def test_the_fastest_way_is_taken_and_named():
    fast = probe(Network(), make_given())
    assert fast.words == tuple(f"{c} {w}" for c in ("evaluation", "vjp") for w in ("compiled", "bfloat16"))
    assert [found.gain for found in fast.found] == [2.5, 2.5]
    assert "1000.0 ms become 400.0 ms (2.50 times as fast): compiled and bfloat16" in str(fast.found[0])
    assert fast.lower is torch.bfloat16


@pytest.mark.parametrize("network", [Network(fails="lower"), Network(wrong=True)])
def test_what_fails_or_gives_another_result_is_not_taken(network, monkeypatch):
    monkeypatch.setitem(SECONDS, Way(compiled=True), 0.95)
    fast = probe(network, make_given())
    assert not fast.calls and fast.words == () and fast.lower is None
    assert "at best 1.05 times as fast, so nothing is changed; compilation took" in str(fast.found[0])


def test_a_network_that_cannot_be_called_is_left_alone():
    fast = probe(Network(fails="ordinary"), make_given())
    assert fast.found == [] and fast.calls == {}


def test_only_the_precision_that_was_asked_for_is_tried(monkeypatch):
    tried = []
    attempt = module.Survey.attempt
    monkeypatch.setattr(
        module.Survey, "attempt", lambda s, way, worth=1.0: tried.append(way) or attempt(s, way, worth)
    )
    probe(Network(), make_given(), "bfloat16", compiled=False)
    assert tried == []
    x, index = make_given()
    probe(Network().double(), (x.double(), index), compiled=False)
    assert tried == []
