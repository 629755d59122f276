"""What all solvers of a run share, and none may change: the weights of a prior, its settings, an operator."""

from collections.abc import Iterator, MutableMapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from bench.operators.base import Operator
from bench.prior import Prior

PLAIN = (bool, int, float, str, type(None), torch.dtype, torch.device)
"""Types of settings that are compared by their value."""


class Piece(NamedTuple):
    """A tensor, array, setting or what holds such, and the mapping that has it under a name."""

    owner: MutableMapping[str, Any]
    name: str
    value: Any

    @property
    def mark(self) -> Any:
        """What is equal as long as the value was not changed, with all practical certainty.

        Of numbers it is the sum of their bits as integers, and that of every second one: one pass over the
        memory, without a copy.
        """
        if isinstance(self.value, PLAIN):
            return self.value
        if not _is_numbers(self.value):
            return id(self.value)
        bits = _bits(self.value)
        return tuple(bits.shape), bits.sum(dtype=torch.int64).item(), bits[::2].sum(dtype=torch.int64).item()


def _bits(value: Tensor | np.ndarray) -> Tensor:
    tensor = value.detach() if isinstance(value, Tensor) else torch.from_numpy(np.ascontiguousarray(value))
    flat = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    flat = flat.contiguous().reshape(-1)
    return flat.view(torch.int32 if flat.element_size() % 4 == 0 else torch.uint8)


def pieces(root: Prior | Operator) -> dict[str, Piece]:
    """All that an object holds, also in networks and in what is nested, by its path."""
    found: dict[str, Piece] = {}
    todo, seen = [("", root)], set()
    while todo:
        path, holder = todo.pop()
        if id(holder) in seen:
            continue
        seen.add(id(holder))
        for owner, name, value in _contents(holder):
            place = f"{path}.{name}".lstrip(".")
            if _is_holder(value):
                todo.append((place, value))
            if _is_holder(value) or _is_numbers(value) or _is_setting(name, value):
                found[place] = Piece(owner, name, value)
    return found


def _is_holder(value: Any) -> bool:
    """Whether something of a prior or an operator may be inside."""
    return isinstance(value, (nn.Module, tuple, list, dict)) or type(value).__module__.startswith("bench.")


def _is_numbers(value: Any) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, np.ndarray) and value.dtype.kind in "biufc")


def _is_setting(name: str, value: Any) -> bool:
    """Whether a value is a setting; a run itself changes those whose names begin with an underscore."""
    return isinstance(value, PLAIN) and not name.startswith("_")


def _contents(holder: Any) -> Iterator[tuple[MutableMapping[str, Any], str, Any]]:
    """What an object holds, with the mappings in which that can be put back."""
    mappings: list[Any]
    if isinstance(holder, nn.Module):
        mappings = [holder._parameters, holder._buffers, holder._modules, {}]
        yield vars(holder), "training", holder.training
    elif isinstance(holder, (tuple, list)):
        mappings = [{str(i): value for i, value in enumerate(holder)}]
    elif isinstance(holder, dict):
        mappings = [holder]
    else:
        mappings = [vars(holder)] if hasattr(holder, "__dict__") else []
    for mapping in mappings:
        for name, value in mapping.items():
            yield mapping, name, value


class Untouched:
    """Notices what a solver changed of a prior or an operator, and puts it back.

    It keeps a copy of all numbers in memory, on the CPU.
    """

    def __init__(self, root: Prior | Operator) -> None:
        self.root = root
        self._before = pieces(root)
        self._marks = {path: piece.mark for path, piece in self._before.items()}
        self._copies: dict[str, Any] = {}
        for path, piece in self._before.items():
            if _is_numbers(piece.value):
                self._copies[path] = torch.as_tensor(piece.value).detach().to("cpu", copy=True)

    def restore(self) -> list[str]:
        """Puts back what was changed since; the paths of it."""
        now = pieces(self.root)
        changed = []
        for path, piece in self._before.items():
            if path not in now or now[path].mark != self._marks[path]:
                changed.append(path)
                self._put_back(path, piece)
        return changed

    def _put_back(self, path: str, piece: Piece) -> None:
        if path in self._copies:
            with torch.no_grad():
                torch.as_tensor(piece.value).data.copy_(self._copies[path])
        piece.owner[piece.name] = piece.value
