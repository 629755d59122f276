"""Ways of calling a network, and what a call does with shapes and with captures that fail."""

from typing import ClassVar

import pytest
import torch

from bench.priors.fast import ways
from bench.priors.fast.ways import FastCall, Way


class Square(torch.nn.Module):
    def forward(self, x, index):
        return x * x + index


INDEX = torch.zeros(1)


def test_a_way_names_what_it_does():
    assert Way().words == ()
    assert Way("float16", compiled=True, graphs=True).words == ("compiled", "graphs", "float16")


def test_precisions_hold_inside_only():
    a = torch.ones(2, 2)
    with Way("bfloat16").active(a.device):
        assert (a @ a).dtype == torch.bfloat16
    assert (a @ a).dtype == torch.float32
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    with Way("tf32").active(a.device):
        assert torch.backends.cudnn.allow_tf32 and torch.backends.cuda.matmul.allow_tf32
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == before


def test_only_the_first_shape_is_compiled():
    compiled = []

    def backend(graph, inputs):
        compiled.append(inputs)
        return graph.forward

    fast = FastCall(Square(), "evaluation", Way(compiled=True), backend)
    for n in (4, 3, 4, 2):
        x = torch.full((n, 2), 3.0)
        torch.testing.assert_close(fast(x, INDEX), x * x)
    assert len(compiled) == 1


class Captured:
    """Stands for a graph."""

    made: ClassVar[list] = []

    def __init__(self, network, given):
        self.network = network
        self.made.append(len(given[0]))

    def __call__(self, *given):
        return self.network(*given) + 100


@pytest.fixture
def captured(monkeypatch):
    monkeypatch.setattr(ways, "EvaluationGraph", Captured)
    monkeypatch.setattr(Captured, "made", [])
    return Captured.made


def test_a_shape_is_captured_when_it_comes_twice_in_a_row(captured):
    fast = FastCall(Square(), "evaluation", Way(graphs=True))
    replayed = [fast(torch.zeros(n, 2), INDEX).max().item() == 100 for n in (4, 3, 4, 4, 3, 4, 3, 3)]
    assert replayed == [False, False, False, True, False, True, False, True]
    assert captured == [4, 3]
    fast.forget()
    assert fast(torch.zeros(3, 2), INDEX).max() == 0


def test_a_capture_that_fails_leaves_the_plain_call_and_says_so(monkeypatch):
    def fail(network, given):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(ways, "EvaluationGraph", fail)
    fast = FastCall(Square(), "evaluation", Way("float16", graphs=True))
    for _ in range(3):
        assert fast(torch.zeros(4, 2), INDEX).max() == 0
    assert fast.words == ("float16",) and "not permitted" in fast.lost
