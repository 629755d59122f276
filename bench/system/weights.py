"""Weights in files: tensors by name, read without running anything, and compared name by name.

Tensors are mapped from the file where its format allows it (safetensors, and what torch.save writes since
version 1.6), so that reading costs no more than the header until a tensor is used.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.system.supplied import head_of, stranger

OTHER_KINDS = {b"\x1f\x8b": "a gzip archive", b"\x89HDF": "an HDF5 file", b"GGUF": "a GGUF file"}
"""First bytes of files that some weights come in, which are not read."""
LONGEST_HEADER = 100_000_000
"""Bytes of the header of a safetensors file, at most."""
UNPICKLER = "WeightsUnpickler error: "
"""What torch begins its reason with."""
SHOWN = 4
"""Entries of a checkpoint that a message lists."""


class WeightsError(ValueError):
    """A file does not hold the weights that it should; the message, one line, says what it holds."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Reads tensors by name, whatever the file is called; nothing in a pickle is executed.

    Raises:
        WeightsError: the file is none of safetensors and a checkpoint of tensors by name. The message says
            what it is and how to get at the weights in it.
        OSError: the file cannot be read.
    """
    if what := stranger(path) or _other_kind(path):
        raise WeightsError(f"{path}: not a checkpoint of weights: {what}")
    if is_safetensors(path):
        return _read_safetensors(path)
    if path.suffix == ".safetensors" and not is_zip(path):
        raise WeightsError(f"{path}: not a safetensors file: it does not begin with their header")
    state = _unpickle(path)
    if not _is_state(state):
        raise WeightsError(f"{path}: not a plain dictionary of tensors by name: {_wrapped(path, state)}")
    return dict(state)


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors do: the length of a header in 8 bytes, and a header in JSON."""
    head = head_of(path)
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= LONGEST_HEADER


def is_zip(path: Path) -> bool:
    """Whether a checkpoint has the format that can be mapped; the older format is a bare pickle."""
    return head_of(path).startswith(b"PK\x03\x04")


def refuse_difference(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], source: str) -> None:
    """Refuses weights that do not fit a network entry by entry.

    Args:
        expected: the entries of the network.
        state: the entries of the file.
        source: of the weights; starts the message.

    Raises:
        WeightsError: entries are missing, unknown, or have another shape, or integers are where weights
            should be. The message counts each kind and names its first.
    """
    reshaped, missing, quantised = [], [], []
    for name, value in expected.items():
        found = state.get(name)
        if found is None:
            missing.append(f"'{name}' is missing")
        elif found.shape != value.shape:
            shapes = f"shape {tuple(found.shape)}, expected {tuple(value.shape)}"
            reshaped.append(f"'{name}' has {shapes}")
        elif value.is_floating_point() and not found.is_floating_point():
            quantised.append(f"'{name}' holds {found.dtype} in place of floating point weights; quantised?")
    unknown = [f"unknown entry '{name}'" for name in state if name not in expected]
    kinds = [_first(kind) for kind in (reshaped, missing, unknown) if kind]
    if kinds:
        advice = prefix_advice(expected, state) if missing and unknown else ""
        raise WeightsError(f"{source}: not this architecture: {'; '.join(kinds)}{advice}")
    if quantised:
        raise WeightsError(f"{source}: {_first(quantised)}")


def _first(texts: list[str]) -> str:
    """The first of some texts, and how many others there are."""
    more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
    return texts[0] + more


def prefix_advice(expected: Iterable[str], state: Iterable[str]) -> str:
    """Says what stands in front of every expected name, and how to save the weights without it."""
    expected, found = list(expected), set(state)
    prefixes = {name.removesuffix(expected[0]) for name in found if name.endswith(expected[0])}
    for prefix in sorted(prefixes, key=len):
        if all(prefix + name in found for name in expected):
            only = f"k.removeprefix('{prefix}'): v for k, v in state.items() if k.startswith('{prefix}')"
            return f"; all names are there with '{prefix}' in front: save {{{only}}}"
    return ""


def _other_kind(path: Path) -> str:
    head = head_of(path)
    for start, what in OTHER_KINDS.items():
        if head.startswith(start):
            return f"{what}; unpack it, or save its weights by torch.save or safetensors"
    return ""


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a safetensors file that is whole ({error})") from None


def _unpickle(path: Path) -> Any:
    """What a checkpoint of torch.save holds."""
    try:
        if path.suffix == ".safetensors":  # by a file's name, torch would take it for what it is not
            with path.open("rb") as file:
                return torch.load(file, map_location="cpu", weights_only=True)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip(path))
    except OSError:
        raise
    except Exception as error:  # a damaged pickle may raise anything, an IndexError too
        raise WeightsError(f"{path}: not a checkpoint of weights ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """Why torch did not read a checkpoint, without the advice that it has for its own callers."""
    lines = str(error).splitlines() or ["damaged"]
    told = [line for line in lines if line.strip().startswith(UNPICKLER)]
    reason = (told or lines)[0].strip().removeprefix(UNPICKLER).partition(". ")[0]
    if "GLOBAL" in reason:
        reason += "; it holds objects of Python code, which are not read: save the state_dict() alone"
    return reason


def _is_state(state: Any) -> bool:
    """Whether something holds tensors by name and nothing else."""
    return isinstance(state, Mapping) and all(isinstance(value, Tensor) for value in state.values())


def _wrapped(path: Path, state: Any) -> str:
    """What a checkpoint holds instead of tensors by name, and how to save the part that does."""
    if not isinstance(state, Mapping):
        return f"it holds a {type(state).__name__}"
    others, parts = [], []
    for key, value in state.items():
        if not isinstance(value, Tensor):
            others.append(f"'{key}' ({_content(value)})")
        if _is_state(value) and value:
            parts.append(str(key))
    more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    text = f"it holds {', '.join(others[:SHOWN])}{more}"
    if parts:
        part = next((key for key in parts if "ema" in key.lower()), parts[0])
        which = "the part that you mean" if len(parts) > 1 else "that part"
        loaded = f"torch.load('{path.name}', weights_only=True)['{part}']"
        text += f"; save {which} alone: torch.save({loaded}, 'new.pt')"
    return text


def _content(value: Any) -> str:
    """The kind of an entry of a checkpoint that is no tensor."""
    if isinstance(value, Mapping):
        return f"{len(value)} {'tensors by name' if value and _is_state(value) else 'settings'}"
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, Tensor) for one in value):
        return f"{len(value)} tensors without names"
    return type(value).__name__
