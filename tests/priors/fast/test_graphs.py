"""Graphs of a GPU's work.

Without a GPU a recording of operations stands for a captured graph: what is replayed are the operations
alone, on the tensors of the capture, as there.
"""

import contextlib

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.priors.fast.graphs import EvaluationGraph, PullbackGraph


class Recording(TorchDispatchMode):
    """Stands for torch.cuda.CUDAGraph and for its capture."""

    def __init__(self):
        super().__init__()
        self.made = []

    def __torch_dispatch__(self, f, types, args=(), kwargs=None):
        out = f(*args, **(kwargs or {}))
        self.made.append((f, args, kwargs or {}, out))
        return out

    def replay(self):
        for f, args, kwargs, out in self.made:
            for held, value in zip(tree_leaves(out), tree_leaves(f(*args, **kwargs)), strict=True):
                if isinstance(held, torch.Tensor):
                    held.copy_(value)


@pytest.fixture(params=["recording", "cuda"])
def device(request, monkeypatch):
    if request.param == "cuda":
        if not torch.cuda.is_available():
            pytest.skip("needs CUDA")
        return torch.device("cuda")
    stands_for = {
        "CUDAGraph": Recording,
        "graph": lambda graph, **_: graph,
        "device": lambda device: contextlib.nullcontext(),
        "stream": lambda stream: contextlib.nullcontext(),
        "graph_pool_handle": lambda: None,
        "synchronize": lambda: None,
        "set_stream": lambda stream: None,
    }
    for name, value in stands_for.items():
        monkeypatch.setattr(torch.cuda, name, value)

    class Stream:
        def wait_stream(self, other):
            pass

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    return torch.device("cpu")


def make_network(device):
    torch.manual_seed(0)
    first, second = torch.nn.Conv2d(2, 3, 3, padding=1), torch.nn.Conv2d(3, 2, 3, padding=1)
    first, second = first.to(device).requires_grad_(False), second.to(device).requires_grad_(False)
    return lambda x, index: second(torch.tanh(first(x) * index.view(-1, 1, 1, 1).sin()))


def point(device, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4, 2, 5, 5, generator=generator).to(device)
    return x, torch.full((1,), 1.0 + seed, device=device)


def reference(network, x, index, u):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(network(x, index), x, u)[0]


def test_a_replay_is_an_evaluation_and_its_result_stays(device):
    network = make_network(device)
    graph = EvaluationGraph(network, point(device, 0))
    results = [graph(*point(device, seed)) for seed in (1, 2)]
    for seed, result in zip((1, 2), results, strict=True):
        torch.testing.assert_close(result, network(*point(device, seed)))


def test_pullbacks_are_of_their_own_evaluation_in_any_order_and_number(device):
    network = make_network(device)
    graph = PullbackGraph(network, point(device, 0))
    points = {seed: point(device, seed) for seed in (1, 2)}
    xs = {seed: x.detach().requires_grad_() for seed, (x, _) in points.items()}
    outs = {seed: graph(xs[seed], points[seed][1]) for seed in xs}
    for seed, scale in ((1, 1.0), (2, 1.0), (2, -3.0), (1, 2.0)):
        u = scale * torch.ones_like(outs[seed])
        pulled = torch.autograd.grad(outs[seed], xs[seed], u, retain_graph=True)[0]
        torch.testing.assert_close(outs[seed].detach(), network(*points[seed]))
        torch.testing.assert_close(pulled, reference(network, *points[seed], u))
