"""Denoisers of azula as priors: ``azula:adm/NAME``, ``azula:vdm/NAME`` or a user's function.

azula states no types, so its denoisers and their networks are ``Any`` here.
"""

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.priors.cards import PriorError
from bench.priors.files import state_sha256
from bench.priors.foreign import LogRatios, table_schedule, with_identity
from bench.priors.network import NetworkPrior
from bench.priors.unet import recompute_activations
from bench.schedule import RatioTable, TableSchedule, VariancePreserving, VPSchedule
from bench.system.cache import cache_dir
from bench.system.code.user_code import UserCodeError, import_user_module, module_sha256

PLUGINS = ("adm", "vdm")
"""Plugins of azula that load denoisers of images, not of latents, and unpickle weights only."""


class _Ratio:
    """An azula schedule whose time is log(sigma / alpha): with it, a denoiser works at any level."""

    def __call__(self, t: Tensor) -> tuple[Tensor, Tensor]:
        alpha = torch.rsqrt(1 + torch.exp(2 * t))
        return alpha, alpha * torch.exp(t)


class _CallAtLevel(nn.Module):
    """An azula denoiser as (x, index) -> E[x0 | x_t]; its own schedule is replaced."""

    def __init__(self, denoiser: Any, schedule: RatioTable) -> None:
        super().__init__()
        denoiser.schedule = _Ratio()
        self.denoiser = denoiser
        self.log_ratios = LogRatios(schedule)

    def forward(self, x: Tensor, index: Tensor) -> Tensor:
        return self.denoiser(x, self.log_ratios(index).to(x.dtype)).mean


def load_azula(
    name: str, dtype: torch.dtype, device: torch.device | str, autocast: torch.dtype | None
) -> NetworkPrior:
    """Loads a denoiser of azula.

    Args:
        name: ``adm/NAME`` or ``vdm/NAME``, a pretrained model that azula downloads into the cache (on trust:
            it does not verify most of them); or ``file.py:function``, ``pkg.mod:function`` of the user's,
            which returns the denoiser and the shape of an image, (C, H, W).
        dtype: of the weights and of the state that solvers see.
        device: of the weights.
        autocast: lower precision for the network, or None.

    Raises:
        PriorError: there is no such denoiser, or it cannot be loaded.

    """
    from azula.plugins.adm import AblatedDenoiser

    denoiser, shape, source = _from_function(name) if ":" in name else _pretrained(name)
    sha256 = state_sha256(denoiser.state_dict())
    if isinstance(denoiser, AblatedDenoiser):
        # At its exact time steps, which the denoiser itself only searches for.
        schedule, backbone = _ablated_schedule(denoiser, name), denoiser.backbone
        network = recompute_activations(backbone, False).to(device, dtype)
        classes = backbone.num_classes or 0
        prior = NetworkPrior(network, shape, schedule, dtype, autocast, classes=classes)
    else:
        schedule = _azula_schedule(denoiser, name)
        network = _CallAtLevel(denoiser, schedule).to(device, dtype)
        prior = NetworkPrior(network, shape, schedule, dtype, autocast, "x0")
    config = {"denoiser": type(denoiser).__name__, "source": source}
    return with_identity(prior, f"azula:{Path(name).name}", sha256, config)


Loaded = tuple[Any, tuple[int, ...], str | None]
"""A denoiser, the shape of its images, (C, H, W), and the hash of the user's code that made it."""


def _pretrained(name: str) -> Loaded:
    """Loads a model of one of azula's plugins."""
    plugin, _, model = name.partition("/")
    size = re.search(r"_(\d+)x\d+", model)
    if plugin not in PLUGINS or size is None:
        raise PriorError(
            f"azula:{name}: give {'/NAME, '.join(PLUGINS)}/NAME, file.py:function or pkg.mod:function"
        )
    from azula import hub

    module = importlib.import_module(f"azula.plugins.{plugin}")
    hub.set_hub_dir(str(cache_dir() / "azula"))
    try:
        denoiser = module.load_model(model)
    except KeyError:
        from azula.plugins.utils import load_cards

        raise PriorError(
            f"azula:{name}: azula has no '{model}'; known: {', '.join(load_cards(module))}"
        ) from None
    except Exception as error:  # its downloaders raise anything
        reason, *_ = str(error).splitlines() or ["?"]
        offline = f"it takes a file that is already in {hub.get_hub_dir()}, by the name that it prints"
        raise PriorError(f"azula:{name}: azula could not load it ({reason}); {offline}") from error
    side = int(size[1])
    return denoiser, (3, side, side), None


def _from_function(name: str) -> Loaded:
    """Calls the user's function; the hash covers its file and what that imports from beside it."""
    place, _, function = name.rpartition(":")
    try:
        module = import_user_module(place)
        denoiser, shape = getattr(module, function)()
        if not isinstance(denoiser, nn.Module):
            raise TypeError(f"returned {type(denoiser).__name__}, not a denoiser and a shape")
    except UserCodeError as error:
        raise PriorError(f"azula:{name}: {error}") from error
    except Exception as error:  # a user's code may raise anything
        raise PriorError(f"azula:{name}: {type(error).__name__}: {error}") from error
    return denoiser.eval(), tuple(shape), module_sha256(module)


def _ablated_schedule(denoiser: Any, name: str) -> VariancePreserving:
    """The exact form of the schedule that azula keeps in single precision.

    It is one of azula's two schedules, or else the denoiser's own numbers.
    """
    sigmas = denoiser.sigmas.double().cpu().numpy()
    T = len(sigmas)
    linear, cosine = VPSchedule(T, 0.1 / T, 20 / T), _cosine(T)
    for schedule in (linear, cosine):
        if np.allclose(sigmas, np.sqrt(1 - schedule.abar), rtol=0, atol=1e-6):
            return schedule
    return table_schedule(1 - sigmas**2, name)


def _cosine(T: int) -> TableSchedule:
    """The cosine schedule (Nichol & Dhariwal 2021, arXiv 2102.09672, eq. 17), betas at most 0.999."""
    f = np.cos((np.arange(T + 1) / T + 0.008) / 1.008 * np.pi / 2) ** 2
    return TableSchedule(tuple(np.cumprod(np.maximum(f[1:] / f[:-1], 1e-3)).tolist()))


def _azula_schedule(denoiser: Any, name: str, T: int = 1000) -> TableSchedule:
    """T levels spread evenly over the denoiser's own time, scaled to alpha^2 + sigma^2 = 1."""
    alpha, sigma = denoiser.schedule(torch.linspace(1 / T, 1, T, dtype=torch.float64))
    return table_schedule((alpha**2 / (alpha**2 + sigma**2)).double().cpu().numpy(), name)
