"""Work and memory, counted without doing it: operations, bytes and calls of a network on the meta device."""

import copy
import weakref
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.priors.network import NetworkPrior

META = torch.device("meta")


@dataclass(frozen=True)
class Work:
    """Work that does not depend on the device.

    Attributes:
        flop: floating-point operations of convolutions, products and attention; a multiplication and an
            addition are two.
        moved: bytes that all calls read and write.
        calls: of torch's operators that compute; views are free.
    """

    flop: float = 0.0
    moved: float = 0.0
    calls: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        return Work(self.flop + other.flop, self.moved + other.moved, self.calls + other.calls)

    def __mul__(self, n: float) -> "Work":
        return Work(n * self.flop, n * self.moved, n * self.calls)


@dataclass(frozen=True)
class NetworkWork:
    """What a network costs for one image in float32.

    Attributes:
        evaluation, vjp: an evaluation without a graph, and one with its backward pass.
        weights: bytes of all weights.
        saved: bytes of the activations that a backward pass needs.
        evaluation_peak, vjp_peak: most bytes at one time, without the weights.
        learned: whether the network returns a variance, too.
    """

    evaluation: Work
    vjp: Work
    weights: float
    saved: float
    evaluation_peak: float
    vjp_peak: float
    learned: bool


class Ledger(TorchDispatchMode):
    """Counts the work of torch's operators and the peak in bytes of what they make, on any device.

    Operations are those of torch's own table, which its `FlopCounterMode` reads too; that one cannot watch a
    gradient within an evaluation, as a guided prior takes it.
    """

    def __init__(self) -> None:
        from torch.utils.flop_counter import flop_registry  # imports Triton, which most runs do not need

        super().__init__()
        self._formulas = flop_registry
        self.flop = self.calls = self.moved = self.live = self.peak = 0
        self._sizes: dict[int, int] = {}

    @property
    def work(self) -> Work:
        """What was counted so far."""
        return Work(float(self.flop), float(self.moved), float(self.calls))

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = function(*args, **kwargs)
        if (formula := self._formulas.get(function._overloadpacket)) is not None:
            self.flop += formula(*args, **kwargs, out_val=out)
        given, made = tensors((args, kwargs)), tensors(out)
        known = set(map(storage, given))
        fresh = [tensor for tensor in made if storage(tensor) not in known]
        if fresh or function._schema.is_mutable:
            self.calls += 1
            self.moved += sum(tensor.nbytes for tensor in given + made)
        for tensor in fresh:
            self._keep(tensor)
        return out

    def _keep(self, tensor: Tensor) -> None:
        key, memory = storage(tensor), tensor.untyped_storage()
        if key in self._sizes:
            return
        self._sizes[key] = memory.nbytes()
        self.live += memory.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(memory, self._free, key)

    def _free(self, key: int) -> None:
        self.live -= self._sizes.pop(key, 0)


def tensors(tree: Any) -> list[Tensor]:
    """The tensors in nested containers."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def storage(tensor: Tensor) -> int:
    """Identity of a tensor's memory while it lives; on the meta device all have the address 0."""
    return tensor.untyped_storage()._cdata


def count(prior: NetworkPrior) -> NetworkWork:
    """Counts what one image costs a network, which runs on the meta device.

    Raises:
        Exception: whatever the network raises that does not run there.
    """
    empty = on_meta(prior)
    level = empty.schedule.level(empty.schedule.T // 2)
    x, weights = torch.empty(1, *empty.shape, device=META), parameters(empty)
    own, saved = set(map(storage, weights)), {}

    def pack(tensor: Tensor) -> Tensor:
        if storage(tensor) not in own:
            saved[storage(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    empty.moments(x, level)  # makes what networks make once and keep, such as frequencies of times
    alone, both = Ledger(), Ledger()
    with alone:
        _, v = empty.moments(x, level)
    with both:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            x0, _, pull = empty.moments_vjp(x, level)
        pull(x0)
    return NetworkWork(
        evaluation=alone.work,
        vjp=both.work,
        weights=float(sum(weight.nbytes for weight in weights)),
        saved=float(sum(saved.values())),
        evaluation_peak=float(alone.peak),
        vjp_peak=float(both.peak),
        learned=v is not None,
    )


def on_meta(prior: NetworkPrior) -> NetworkPrior:
    """The same prior in float32 on the meta device, told a class where it has any; it copies no weights."""
    memo: dict[int, Any] = {}
    for tensor in parameters(prior):
        empty = torch.empty_like(tensor, device=META, dtype=torch.float32)
        memo[id(tensor)] = nn.Parameter(empty, False) if isinstance(tensor, nn.Parameter) else empty
    other = copy.copy(prior)
    other.network, other.guide = copy.deepcopy((prior.network, prior.guide), memo)
    other.device, other.dtype, other.autocast, other.labels = META, torch.float32, None, None
    return other.condition([0]) if other.classes else other


def parameters(prior: NetworkPrior) -> list[Tensor]:
    """All weights and buffers of a prior's networks."""
    networks = [prior.network] if prior.guide is None else [prior.network, prior.guide.network]
    return list(chain.from_iterable(chain(n.parameters(), n.buffers()) for n in networks))
