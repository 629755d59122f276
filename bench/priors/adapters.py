"""Priors from elsewhere: ``diffusers:FOLDER``, ``azula:NAME``, and a user's own ``file.py:function``.

Neither library states a hash of what it loads. The identity of such a prior is the sha256 of its tensors
together with its configuration. Class labels other than a plain embedding, and latent spaces, are not
supported.

A user's function gives any `bench.prior.Prior`. Its identity is the sha256 of all tensors that it holds, and
of the syntax trees of the file and of what that imports from beside it, as for users' operators.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from bench.names import nearest
from bench.prior import Prior
from bench.priors.azula_priors import load_azula
from bench.priors.cards import PriorError
from bench.priors.diffusers_priors import load_diffusers
from bench.priors.files import state_sha256
from bench.priors.network import NetworkPrior
from bench.records.keys import digest
from bench.schedule import Schedule
from bench.system.code.user_code import UserCodeError, import_user_module, module_sha256

ADAPTERS: dict[str, Callable[..., NetworkPrior]] = {"diffusers": load_diffusers, "azula": load_azula}

ASKED = ("dtype", "device", "autocast")
"""What a user's function may ask for, by the names of its parameters."""
INSTEAD = (
    "return bench.priors.network.NetworkPrior(network, shape) of a torch.nn.Module, or an object of a class "
    "derived from bench.prior.Prior"
)
GIVEN = ("shape", "schedule", "dtype", "device")
"""What a prior says of itself."""


def load_own(
    name: str, dtype: torch.dtype, device: torch.device | str, autocast: torch.dtype | None
) -> Prior:
    """Calls a user's function that returns a prior.

    Args:
        name: ``file.py:function`` or ``pkg.mod:function``. The function is called with those of ``dtype``,
            ``device`` and ``autocast`` that it names as parameters, and with nothing else.
        dtype: of the state that solvers see.
        device: of the state.
        autocast: lower precision for a network, or None.

    Raises:
        PriorError: there is no such function, it raises, or what it returns is no prior of that dtype and
            device.

    """
    place, _, function = name.rpartition(":")
    if not place:
        raise PriorError(f"{name}: which function of it? give {name}:function")
    asked = dict(zip(ASKED, (dtype, torch.device(device), autocast), strict=True))
    try:
        module = import_user_module(place)
        make = _function(module, place, function)
        known = inspect.signature(make).parameters
        if autocast is not None and "autocast" not in known:
            raise TypeError("a dtype of 16 bits needs a function that takes `autocast`")
        _refuse_other_parameters(known)
        prior = make(**{key: value for key, value in asked.items() if key in known})
    except UserCodeError as error:
        raise PriorError(f"unknown prior '{name}': {error}") from error
    except Exception as error:  # a user's code may raise anything
        raise PriorError(f"{name}: {type(error).__name__}: {error}") from error
    _check_own(name, prior, asked)
    code = module_sha256(module)
    prior.name = f"{Path(place).name}:{function}"
    prior.weights_sha256 = state_sha256(dict(_tensors(vars(prior))))
    prior.config_sha256 = digest({"source": code, "declared": prior.config_sha256})
    return prior


def _function(module: ModuleType, place: str, name: str) -> Callable[..., Any]:
    """The function of a user's module.

    Raises:
        UserCodeError: it has none of that name.

    """
    found = getattr(module, name, None)
    if not callable(found):
        own = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise UserCodeError(f"{place} has no function '{name}'{nearest(name, own, 'it has')}")
    return found


def _refuse_other_parameters(known: Mapping[str, inspect.Parameter]) -> None:
    """Refuses a function with a parameter that nobody would give.

    Raises:
        TypeError: which.
    """
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    for name, parameter in known.items():
        if name not in ASKED and parameter.default is parameter.empty and parameter.kind not in optional:
            raise TypeError(f"parameter '{name}' is unknown; a function may ask for {', '.join(ASKED)}")


def _check_own(name: str, prior: Any, asked: Mapping[str, Any]) -> None:
    """Refuses what is no prior, or not of the dtype and device that were asked for.

    Raises:
        PriorError: what is wrong.

    """
    if not isinstance(prior, Prior):
        raise PriorError(f"{name} returned {type(prior).__name__}, not a bench.prior.Prior; {INSTEAD}")
    if lacking := [entry for entry in GIVEN if getattr(prior, entry, None) is None]:
        raise PriorError(f"{name}: its prior has no '{lacking[0]}'; a prior sets {', '.join(GIVEN)}")
    if not isinstance(prior.schedule, Schedule):
        raise PriorError(
            f"{name}: its schedule is {type(prior.schedule).__name__}, not a bench.schedule.Schedule"
        )
    found = {"dtype": prior.dtype, "device": torch.device(prior.device).type}
    for entry, wanted in {"dtype": asked["dtype"], "device": asked["device"].type}.items():
        if found[entry] != wanted:
            how = f"take `{entry}` as a parameter of the function, or choose it by --{entry}"
            raise PriorError(f"{name}: its {entry} is {found[entry]}, asked for was {wanted}; {how}")


def _tensors(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors that a prior's attributes hold, at any depth of modules and plain containers."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, nn.Module):
        yield from _tensors(value.state_dict(), name)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _tensors(entry, f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for k, entry in enumerate(value):
            yield from _tensors(entry, f"{name}.{k}")
