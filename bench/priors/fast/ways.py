"""How a network is called: its precision, whether it is compiled, whether its work is replayed."""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from bench.priors.fast.graphs import EvaluationGraph, Network, PullbackGraph
from bench.system.device import out_of_memory, release_memory

LOWER = {"bfloat16": torch.bfloat16, "float16": torch.float16}
CALLS = ("evaluation", "vjp")


class Way(NamedTuple):
    """One way of calling a network.

    Attributes:
        precision: ``bfloat16`` and ``float16`` under autocast, ``tf32`` in a GPU's short products, or "" for
            that of the weights.
        compiled: by torch.compile.
        graphs: whether work is captured and replayed (`bench.priors.fast.graphs`).
    """

    precision: str = ""
    compiled: bool = False
    graphs: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """Names of what it does, for records."""
        flags = {"compiled": self.compiled, "graphs": self.graphs, self.precision: bool(self.precision)}
        return tuple(name for name, on in flags.items() if on)

    @contextlib.contextmanager
    def active(self, device: torch.device) -> Iterator[None]:
        """Computes in the precision."""
        if self.precision == "tf32":
            with short_products():
                yield
            return
        lower = LOWER.get(self.precision)
        # Casts that are kept would be lost to a replay.
        with torch.autocast(
            device.type, lower or torch.bfloat16, enabled=lower is not None, cache_enabled=False
        ):
            yield


@contextlib.contextmanager
def short_products() -> Iterator[None]:
    """Lets a GPU's convolutions and matrix products use TF32."""
    matmul, convolution = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, convolution.allow_tf32
    matmul.allow_tf32 = convolution.allow_tf32 = True
    try:
        yield
    finally:
        matmul.allow_tf32, convolution.allow_tf32 = before


@contextlib.contextmanager
def _pulled_more_than_once(compiled: bool) -> Iterator[None]:
    """Keeps a compiler from letting backward passes overwrite what a second one needs."""
    if not compiled:
        yield
        return
    with torch._functorch.config.patch(donated_buffer=False):
        yield


class FastCall:
    """A network called in one way, for one of `CALLS`.

    Only tensors of the first shape go through a compiled network, since each further shape would be compiled
    again. A shape is captured when it comes twice in a row, and one graph is kept. All else goes through the
    plain network in the same precision.

    Args:
        network: with weights without gradients.
        call: one of `CALLS`.
        way: how.
        backend: of torch.compile.
    """

    __slots__ = ("call", "compiled", "graph", "last", "lost", "network", "shape", "way")

    def __init__(self, network: nn.Module, call: str, way: Way, backend: str = "inductor") -> None:
        self.network, self.call, self.way = network, call, way
        self.compiled: Any = None
        if way.compiled:
            self.compiled = torch.compile(network, dynamic=False, backend=backend)
        self.shape: Any = None
        self.last: Any = None
        self.graph: tuple[Any, EvaluationGraph | PullbackGraph] | None = None
        self.lost = ""
        """Why nothing is captured, where that failed."""

    @property
    def words(self) -> tuple[str, ...]:
        """Names of what is done, without graphs that could not be captured."""
        return (self.way._replace(graphs=False) if self.lost else self.way).words

    def forget(self) -> None:
        """Gives a graph's memory back; the next calls capture again."""
        self.graph = self.last = None

    def __call__(self, *given: Tensor) -> Tensor:
        """The network's output; differentiable with respect to the first argument for a ``vjp``."""
        shape = tuple((value.shape, value.dtype) for value in given)
        self.shape = self.shape or shape
        plain = self._plain(shape)
        if not self.way.graphs or self.lost:
            return plain(*given)
        if self.last == shape and not self._holds(shape):
            self.capture(shape, plain, given)
        self.last = shape
        return self.graph[1](*given) if self.graph and self._holds(shape) else plain(*given)

    def _holds(self, shape: Any) -> bool:
        return self.graph is not None and self.graph[0] == shape

    def _plain(self, shape: Any) -> Network:
        network = self.compiled if self.compiled is not None and shape == self.shape else self.network

        def plain(*given: Tensor) -> Tensor:
            with self.way.active(given[0].device), _pulled_more_than_once(network is self.compiled):
                out: Tensor = network(*given)
            return out

        return plain

    def capture(self, shape: Any, plain: Network, given: tuple[Tensor, ...]) -> None:
        """Captures the work for one shape; where that fails, says so in ``lost`` and gives memory back."""
        self.graph = None
        kind = PullbackGraph if self.call == "vjp" else EvaluationGraph
        try:
            with self.way.active(given[0].device):  # the backward pass, too
                self.graph = shape, kind(plain, given)
        except Exception as error:  # noqa: BLE001 - kernels and compilers may raise anything
            self.lost = "out of memory" if out_of_memory(error) else f"{type(error).__name__}: {error}"
        if self.lost:
            release_memory(given[0].device)
