"""Networks of other libraries as priors: ``diffusers:FOLDER`` and ``azula:NAME``.

Neither library states a hash of what it loads; the identity of such a prior is the sha256 over its tensors, and its
configuration. Nothing here knows class labels that are not a plain embedding, nor latent spaces.
"""

import hashlib
import importlib
import importlib.util
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.cache import cache_dir
from bench.network import recompute_activations
from bench.prior import NetworkPrior
from bench.priors.cards import PriorError
from bench.priors.files import state_sha256
from bench.records import digest
from bench.schedule import Schedule, TableSchedule, VPSchedule

PREDICTIONS = {"epsilon": "eps", "v_prediction": "v", "sample": "x0"}
"""What diffusers calls them."""
PLUGINS = ("adm", "vdm")
"""Of azula: those that load images' denoisers, not latents', and unpickle weights only."""


class _CallWithLabels(nn.Module):
    """A diffusers network as (x, index, labels) -> prediction."""

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, x: Tensor, index: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.unet(x, index, class_labels=labels).sample


class _CallInUnitRange(nn.Module):
    """A diffusers network that gives the score of x01 + sigma eps, images in [0, 1], as (x, index) -> E[x0 | x_t].

    Score-SDE's variance-exploding networks (arXiv 2011.13456) are of this kind. In our units, x = 2 x01 - 1, the noise is
    twice as large; x / alpha is the noisy image, sigma / alpha its noise level.
    """

    def __init__(self, unet: nn.Module, low: float, high: float, T: int) -> None:
        super().__init__()
        self.unet, self.low, self.slope = unet, low, math.log(high / low) / (T - 1)

    def forward(self, x: Tensor, index: Tensor) -> Tensor:
        sigma = self.low * torch.exp(self.slope * index).to(x.dtype)
        column = sigma[:, None, None, None]
        x01 = (x * torch.sqrt(1 + 4 * column**2) + 1) / 2
        return 2 * (x01 + column**2 * self.unet(x01, sigma).sample) - 1


def load_diffusers(folder: str, dtype: torch.dtype, device: torch.device | str, autocast: torch.dtype | None) -> NetworkPrior:
    """A pipeline folder of diffusers with a ``UNet2DModel`` in pixels; nothing is downloaded.

    Its scheduler has betas, or is `ScoreSdeVeScheduler`.

    Raises:
        PriorError: diffusers is not installed, or the folder is not such a pipeline.

    """
    try:
        from diffusers import DDPMScheduler, UNet2DModel
    except ImportError:
        raise PriorError("diffusers is not installed; pip install 'diffusion-inverse-bench[diffusers]'") from None
    root = Path(folder).expanduser()
    index, unet_config = (_json(root / name) for name in ("model_index.json", "unet/config.json"))
    if latent := sorted(index.keys() & {"vae", "vqvae", "movq"}):
        raise PriorError(f"{root}: works on the latents of its '{latent[0]}'; priors here work on pixels")
    if unet_config.get("_class_name") != "UNet2DModel":
        raise PriorError(f"{root}: its network is {unet_config.get('_class_name')}; only UNet2DModel is supported")
    plan = _json(root / "scheduler" / "scheduler_config.json")
    exploding = plan.get("_class_name") == "ScoreSdeVeScheduler"
    predicts = "x0" if exploding else PREDICTIONS.get(plan.get("prediction_type", "epsilon"))
    if not exploding and ("beta_schedule" not in plan or predicts is None):
        raise PriorError(
            f"{root}: {plan.get('_class_name')} is neither a scheduler with betas that predicts noise, v or x0 nor "
            "ScoreSdeVeScheduler"
        )
    if unet_config.get("class_embed_type") is not None:
        raise PriorError(f"{root}: class_embed_type '{unet_config['class_embed_type']}' is not supported; plain embeddings are")
    if (size := unet_config.get("sample_size")) is None:
        raise PriorError(f"{root}: its network does not say for which images it is; set sample_size in unet/config.json")
    side = size if isinstance(size, (list, tuple)) else (size, size)
    unet = _diffusers_network(root / "unet", UNet2DModel)
    sha256 = state_sha256(unet.state_dict())
    classes = unet.config.num_class_embeds or 0
    if exploding:
        network, schedule = _exploding(root, unet, plan)
    else:
        network, schedule = _CallWithLabels(unet), _diffusers_schedule(root, plan, DDPMScheduler)
    shape = (unet.config.in_channels, *side)
    prior = NetworkPrior(network.to(device, dtype), shape, schedule, dtype, autocast, predicts, classes)
    config = {key: value for key, value in unet.config.items() if not key.startswith("_")}
    return _named(prior, f"diffusers:{root.resolve().name}", sha256, {"unet": config, "predicts": predicts})


def _diffusers_network(folder: Path, network: type) -> nn.Module:
    """Its weights from the one file that there is: safetensors or a checkpoint, plain or of a variant such as fp16.

    Raises:
        PriorError: no such file, or not weights of this network.

    """
    files = [path.name for kind in ("safetensors", "bin") for path in sorted(folder.glob(f"diffusion_pytorch_model*.{kind}"))]
    if not files:
        raise PriorError(f"{folder}: no diffusion_pytorch_model.safetensors or .bin; save the pipeline again")
    _, *variant, kind = min(files, key=lambda name: name.count(".")).split(".")
    which = {"variant": ".".join(variant) or None, "use_safetensors": kind == "safetensors"}
    try:
        return network.from_pretrained(folder, local_files_only=True, low_cpu_mem_usage=False, **which)
    except Exception as error:  # of many kinds, and of many lines
        raise PriorError(f"{folder}: cannot be loaded: {' '.join(str(error).split())[:200]}") from error


def _diffusers_schedule(root: Path, plan: Mapping[str, Any], scheduler: type) -> Schedule:
    """Linear betas in double precision, as ours are; any other from the scheduler's own table."""
    made = scheduler.from_config(plan)
    if made.config.beta_schedule == "linear" and made.config.trained_betas is None and not plan.get("rescale_betas_zero_snr"):
        return VPSchedule(made.config.num_train_timesteps, made.config.beta_start, made.config.beta_end)
    return _table(np.cumprod(1 - made.betas.double().numpy()), str(root))


def _exploding(root: Path, unet: nn.Module, plan: Mapping[str, Any]) -> tuple[nn.Module, Schedule]:
    """Geometric noise levels; its defaults are diffusers'."""
    if unet.config.num_class_embeds:
        raise PriorError(f"{root}: ScoreSdeVeScheduler with class labels is not supported")
    low, high, T = (
        plan.get(key, usual) for key, usual in (("sigma_min", 0.01), ("sigma_max", 1348.0), ("num_train_timesteps", 2000))
    )
    return _CallInUnitRange(unet, low, high, T), _table(1 / (1 + 4 * np.geomspace(low, high, T) ** 2), str(root))


def _table(abar: np.ndarray, source: str) -> TableSchedule:
    try:
        return TableSchedule(tuple(float(value) for value in abar))
    except ValueError as error:
        raise PriorError(f"{source}: {error}") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except OSError as error:
        raise PriorError(f"{path}: {error.strerror}; diffusers: takes the folder of a saved pipeline") from None
    except ValueError as error:
        raise PriorError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise PriorError(f"{path}: JSON, but not settings by name; diffusers: takes the folder of a saved pipeline")
    return found


class _Ratio:
    """An azula schedule whose time is the logarithm of sigma / alpha, so that a denoiser can be asked at any level."""

    def __call__(self, t: Tensor) -> tuple[Tensor, Tensor]:
        alpha = torch.rsqrt(1 + torch.exp(2 * t))
        return alpha, alpha * torch.exp(t)


class _CallAtLevel(nn.Module):
    """An azula denoiser as (x, index) -> E[x0 | x_t]; azula's denoisers take any schedule in exchange for their own."""

    def __init__(self, denoiser: nn.Module, schedule: Schedule) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.denoiser.schedule = _Ratio()
        self.register_buffer("log_ratio", torch.from_numpy(0.5 * np.log((1 - schedule.abar) / schedule.abar)), persistent=False)

    def forward(self, x: Tensor, index: Tensor) -> Tensor:
        below = index.long().clamp(0, len(self.log_ratio) - 2)
        low, high = self.log_ratio[below], self.log_ratio[below + 1]
        t = low + (index - below) * (high - low)
        return self.denoiser(x, t.to(x.dtype)).mean


def load_azula(name: str, dtype: torch.dtype, device: torch.device | str, autocast: torch.dtype | None) -> NetworkPrior:
    """A denoiser of azula.

    Args:
        name: ``adm/NAME`` or ``vdm/NAME``, a pretrained model that azula downloads into the cache (on trust: it does not
            verify most of them); or ``file.py:function``, ``pkg.mod:function`` of the user's, which returns the denoiser and
            the shape of an image, (C, H, W).

    Raises:
        PriorError: there is no such thing.

    """
    from azula.plugins.adm import AblatedDenoiser

    (denoiser, shape), source = _pretrained(name) if ":" not in name else _from_function(name)
    sha256 = state_sha256(denoiser.state_dict())
    if isinstance(denoiser, AblatedDenoiser):  # at its exact time steps, which the denoiser itself only searches for
        schedule, backbone = _ablated_schedule(denoiser, name), recompute_activations(denoiser.backbone, False)
        classes = backbone.num_classes or 0
        prior = NetworkPrior(backbone.to(device, dtype), shape, schedule, dtype, autocast, classes=classes)
    else:
        schedule = _azula_schedule(denoiser, name)
        prior = NetworkPrior(_CallAtLevel(denoiser, schedule).to(device, dtype), shape, schedule, dtype, autocast, "x0")
    return _named(prior, f"azula:{Path(name).name}", sha256, {"denoiser": type(denoiser).__name__, "source": source})


def _pretrained(name: str) -> tuple[tuple[nn.Module, tuple[int, ...]], str | None]:
    plugin, _, model = name.partition("/")
    size = re.search(r"_(\d+)x\d+", model)
    if plugin not in PLUGINS or size is None:
        raise PriorError(f"azula:{name}: give {'/NAME, '.join(PLUGINS)}/NAME, file.py:function or pkg.mod:function")
    from azula import hub

    module = importlib.import_module(f"azula.plugins.{plugin}")
    hub.set_hub_dir(str(cache_dir() / "azula"))
    try:
        denoiser = module.load_model(model)
    except KeyError:
        from azula.plugins.utils import load_cards

        raise PriorError(f"azula:{name}: azula has no '{model}'; known: {', '.join(load_cards(module))}") from None
    except Exception as error:  # its downloaders raise anything
        raise PriorError(f"azula:{name}: azula could not load it ({(str(error).splitlines() or ['?'])[0]})") from error
    return (denoiser, (3, int(size[1]), int(size[1]))), None


def _from_function(name: str) -> tuple[tuple[nn.Module, tuple[int, ...]], str | None]:
    """What the user's function returns, and the hash of its file."""
    place, _, function = name.rpartition(":")
    try:
        if place.endswith(".py"):
            spec = importlib.util.spec_from_file_location("azula_prior", place)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
        denoiser, shape = getattr(module, function)()
        if not isinstance(denoiser, nn.Module):
            raise TypeError(f"returned {type(denoiser).__name__}, not a denoiser and a shape")
    except Exception as error:  # a user's code may raise anything
        raise PriorError(f"azula:{name}: {type(error).__name__}: {error}") from error
    source = hashlib.sha256(Path(module.__file__).read_bytes()).hexdigest() if module.__file__ else None
    return (denoiser.eval(), tuple(shape)), source


def _ablated_schedule(denoiser: nn.Module, name: str) -> Schedule:
    """What azula keeps in single precision: one of its two schedules, exactly, or what the denoiser says."""
    sigmas = denoiser.sigmas.double().cpu().numpy()
    T = len(sigmas)
    linear, cosine = VPSchedule(T, 0.1 / T, 20 / T), _cosine(T)
    for schedule in (linear, cosine):
        if np.allclose(sigmas, np.sqrt(1 - schedule.abar), rtol=0, atol=1e-6):
            return schedule
    return _table(1 - sigmas**2, name)


def _cosine(T: int) -> TableSchedule:
    """Of Nichol & Dhariwal 2021 (arXiv 2102.09672, eq. 17), with betas of at most 0.999."""
    f = np.cos((np.arange(T + 1) / T + 0.008) / 1.008 * np.pi / 2) ** 2
    return TableSchedule(tuple(np.cumprod(np.maximum(f[1:] / f[:-1], 1e-3)).tolist()))


def _azula_schedule(denoiser: nn.Module, name: str, T: int = 1000) -> TableSchedule:
    """T levels spread evenly over the denoiser's own time, scaled to alpha^2 + sigma^2 = 1."""
    alpha, sigma = denoiser.schedule(torch.linspace(1 / T, 1, T, dtype=torch.float64))
    return _table((alpha**2 / (alpha**2 + sigma**2)).double().cpu().numpy(), name)


def _named(prior: NetworkPrior, name: str, sha256: str, config: Mapping[str, Any]) -> NetworkPrior:
    prior.name, prior.weights_sha256 = name, sha256
    prior.config_sha256 = digest(json.loads(json.dumps({**config, "schedule": asdict(prior.schedule)}, default=str)))
    return prior


ADAPTERS: dict[str, Callable[..., NetworkPrior]] = {"diffusers": load_diffusers, "azula": load_azula}
