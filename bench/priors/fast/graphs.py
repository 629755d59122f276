"""Work of a GPU captured once and replayed: a network of small kernels then waits for no host.

A graph works on tensors of its own. Inputs are copied into these and results out of them, so callers may keep
what they get.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Network = Callable[..., Tensor]
"""Called as ``network(x, index)`` or ``network(x, index, labels)``."""


class EvaluationGraph:
    """A network's evaluation at one shape, without a gradient.

    Args:
        network: called as often as it takes to warm up, then captured.
        given: its arguments; later ones have their shapes.

    Raises:
        RuntimeError: the network does what cannot be captured, or memory is short.
    """

    # Without a __dict__ nobody who walks through a prior's tensors takes these for weights.
    __slots__ = ("given", "graph", "out")

    def __init__(self, network: Network, given: tuple[Tensor, ...]) -> None:
        self.given = tuple(value.detach().clone() for value in given)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self.given[0].device), torch.no_grad():
            _warm_up(lambda: network(*self.given))
            with _capturing(self.graph):
                self.out = network(*self.given)

    def __call__(self, *given: Tensor) -> Tensor:
        """The network's output for other values."""
        with torch.cuda.device(self.out.device), torch.no_grad():
            for held, value in zip(self.given, given, strict=True):
                held.copy_(value)
            self.graph.replay()
            return self.out.clone()


class PullbackGraph:
    """A network's evaluation at one shape and the pullback to its first argument, a graph each.

    The activations of one evaluation are kept. A pullback through an earlier one evaluates that again.

    Args:
        network: as for `EvaluationGraph`.
        given: its arguments; later ones have their shapes.

    Raises:
        RuntimeError: the network does what cannot be captured, or memory is short.
    """

    __slots__ = ("backward", "forward", "given", "gradient", "out", "turn", "u")

    def __init__(self, network: Network, given: tuple[Tensor, ...]) -> None:
        x, *rest = (value.detach().clone() for value in given)
        self.given = (x.requires_grad_(), *rest)
        self.turn = 0
        self.forward, self.backward = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        pool = torch.cuda.graph_pool_handle()

        def pull(out: Tensor, u: Tensor) -> Tensor:
            # Kept: a pullback may come several times, and replays need the activations where they are.
            return torch.autograd.grad(out, x, u, retain_graph=True)[0]

        def both() -> None:
            out = network(*self.given)
            pull(out, torch.ones_like(out))

        with torch.cuda.device(x.device), torch.enable_grad():
            _warm_up(both)
            with _capturing(self.forward, pool):
                out = network(*self.given)
            self.u = torch.zeros_like(out)
            with _capturing(self.backward, pool):
                self.gradient = pull(out, self.u)
            # With the autograd graph goes the claim to the activations, not their place in the pool, which
            # nothing else uses.
            self.out = out.detach()

    def __call__(self, *given: Tensor) -> Tensor:
        """The network's output for other values; differentiable with respect to the first, once."""
        out: Tensor = _Replay.apply(self, *given)
        return out

    def evaluate(self, given: tuple[Tensor, ...]) -> Tensor:
        """The output; from now on `pull` is through this evaluation."""
        with torch.cuda.device(self.out.device), torch.no_grad():
            for held, value in zip(self.given, given, strict=True):
                held.copy_(value)
            self.forward.replay()
            self.turn += 1
            return self.out.clone()

    def pull(self, u: Tensor) -> Tensor:
        """The pullback through the last evaluation."""
        with torch.cuda.device(self.out.device), torch.no_grad():
            self.u.copy_(u)
            self.backward.replay()
            return self.gradient.clone()


class _Replay(torch.autograd.Function):
    """A `PullbackGraph` as an operation of autograd."""

    @staticmethod
    def forward(ctx: Any, graph: PullbackGraph, *given: Tensor) -> Tensor:
        out = graph.evaluate(given)
        ctx.graph, ctx.turn = graph, graph.turn
        ctx.save_for_backward(*given)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, u: Tensor) -> tuple[Tensor | None, ...]:
        given = ctx.saved_tensors
        if ctx.turn != ctx.graph.turn:
            ctx.graph.evaluate(given)
            ctx.turn = ctx.graph.turn
        return (None, ctx.graph.pull(u), *(None,) * (len(given) - 1))


@contextlib.contextmanager
def _capturing(graph: Any, pool: Any = None) -> Iterator[None]:
    """Captures what is done inside; other threads, such as that which draws noise, may go on."""
    before = torch.cuda.current_stream()
    try:
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            yield
    finally:
        torch.cuda.set_stream(before)  # which a capture that fails does not do


def _warm_up(work: Callable[[], Any]) -> None:
    """Works three times aside, so that nothing is set up for the first time while it is captured."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
