"""A device that is not the CPU, pretended: its tensors compute on the CPU, and refuse whatever a GPU's
tensors would refuse.

A far tensor wraps a near one and says that it is on `FAR`. Only copies go between the two: an operation on
both, or the bare memory of a far one, is an error, as it is on CUDA. So code runs here, on real numbers,
through the path that a GPU takes. With the environment variable BENCH_TEST_DEVICE=cuda the device is a real
one, and nothing is pretended.
"""

import contextlib
import os

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from bench.run import solve as solving
from bench.system import clock
from bench.system.device import full_precision

REAL = os.environ.get("BENCH_TEST_DEVICE")
"""Name of the device that all tests of devices run on; None where the variable is not set."""
FAR = torch.device("meta")
"""The one kind of device, beside the CPU, that autograd knows in every build of torch."""


class _Far(torch.Tensor):
    @staticmethod
    def __new__(cls, near):
        form = {
            "strides": near.stride(),
            "storage_offset": near.storage_offset(),
            "dtype": near.dtype,
            "device": FAR,
        }
        far = torch.Tensor._make_wrapper_subclass(cls, near.size(), **form)
        far.near = near
        return far

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return _run(operation, args, kwargs or {})


def _run(operation, args, kwargs):
    tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
    far, name, device = any(isinstance(t, _Far) for t in tensors), operation.name(), kwargs.get("device")
    to_far = far if device is None else torch.device(device) == FAR
    copies = name.startswith(("aten::copy_", "aten::_to_copy"))
    if far and not copies and any(t.ndim for t in tensors if not isinstance(t, _Far)):
        raise RuntimeError(f"tensors on two devices in {name}")
    if name == "aten::_conj":  # a lazy one would be lost on its way
        operation = torch.ops.aten.conj_physical.default
    near = [tree_map(lambda t: t.near if isinstance(t, _Far) else t, part) for part in (args, dict(kwargs))]
    out = operation(*near[0], **near[1] | ({"device": "cpu"} if device is not None else {}))
    if name.split("::")[1].split(".")[0].endswith("_"):
        return args[0]
    return tree_map(lambda t: _Far(t) if isinstance(t, torch.Tensor) else t, out) if to_far else out


class _Operations(TorchDispatchMode):
    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        return _run(operation, args, kwargs or {})


class _Functions(TorchFunctionMode):
    """What never becomes an operation."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function in (torch.as_tensor, torch.tensor) and kwargs.get("device") == FAR:
            return function(*args, **kwargs | {"device": "cpu"}).to(FAR)
        if function is torch.Tensor.tolist and isinstance(args[0], _Far):
            return args[0].near.tolist()
        return function(*args, **kwargs)


@contextlib.contextmanager
def far_device(monkeypatch):
    """Inside, `FAR` is a device like any other. It has no clock, no autocast, and is not known to other
    threads.

    With BENCH_TEST_DEVICE it is that device, in true float32.
    """
    if REAL:
        with full_precision():
            yield torch.zeros(0, device=REAL).device  # with its index, as its tensors have it
        return
    autocast = torch.autocast
    monkeypatch.setattr(clock, "synchronise", lambda device: None)
    monkeypatch.setattr(solving, "drawn_ahead", lambda noise, *_: contextlib.nullcontext(noise))
    monkeypatch.setattr(
        torch,
        "autocast",
        lambda kind, *a, **k: contextlib.nullcontext() if kind == FAR.type else autocast(kind, *a, **k),
    )
    with _Functions(), _Operations():
        yield FAR
