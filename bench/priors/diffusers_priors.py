"""Pipeline folders of diffusers as priors: ``diffusers:FOLDER``; `bench.priors.diffusers_kinds` says what is
known.
"""

import importlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.priors.cards import PriorError
from bench.priors.diffusers_kinds import interpret
from bench.priors.files import state_sha256
from bench.priors.foreign import named
from bench.priors.network import NetworkPrior

DEPRECATED = {"KarrasVeScheduler": "scheduling_karras_ve", "ScoreSdeVpScheduler": "scheduling_sde_vp"}
"""Modules of schedulers that diffusers 0.42 still has, and exports in name only."""


def load_diffusers(
    folder: str, dtype: torch.dtype, device: torch.device | str, autocast: torch.dtype | None
) -> NetworkPrior:
    """A pipeline folder of diffusers with a ``UNet2DModel`` in pixels; nothing is downloaded.

    Raises:
        PriorError: diffusers is not installed, or the folder is not such a pipeline.

    """
    try:
        from diffusers import UNet2DModel
    except ImportError:
        raise PriorError(
            "diffusers is not installed; pip install 'diffusion-inverse-bench[diffusers]'"
        ) from None
    root = Path(folder).expanduser()
    index, unet_config = (_json(root / name) for name in ("model_index.json", "unet/config.json"))
    if latent := sorted(index.keys() & {"vae", "vqvae", "movq"}):
        raise PriorError(f"{root}: works on the latents of its '{latent[0]}'; priors here work on pixels")
    if unet_config.get("_class_name") != "UNet2DModel":
        raise PriorError(
            f"{root}: its network is {unet_config.get('_class_name')}; only UNet2DModel is supported"
        )
    scheduler = _scheduler(root)
    if unet_config.get("class_embed_type") is not None:
        raise PriorError(
            f"{root}: class_embed_type '{unet_config['class_embed_type']}' is not supported; plain embeddings are"
        )
    if (size := unet_config.get("sample_size")) is None:
        raise PriorError(
            f"{root}: its network does not say for which images it is; set sample_size in unet/config.json"
        )
    side = size if isinstance(size, (list, tuple)) else (size, size)
    unet = _diffusers_network(root / "unet", UNet2DModel)
    sha256 = state_sha256(unet.state_dict())
    classes = unet.config.num_class_embeds or 0
    network, schedule, predicts, about = interpret(unet, scheduler, str(root))
    channels, given = unet.config.in_channels, unet.config.out_channels
    if given != channels and (given, predicts) != (2 * channels, "eps"):
        raise PriorError(f"{root}: its network returns {given} channels for images of {channels}")
    shape = (channels, *side)
    prior = NetworkPrior(network.to(device, dtype), shape, schedule, dtype, autocast, predicts, classes)
    config = {key: value for key, value in unet.config.items() if not key.startswith("_")}
    identity = {"unet": config, "predicts": predicts} | ({"scheduler": about} if about else {})
    return named(prior, f"diffusers:{root.resolve().name}", sha256, identity)


def _scheduler(root: Path) -> Any:
    """The pipeline's scheduler.

    Raises:
        PriorError: diffusers has none of that name, or cannot make it.

    """
    import diffusers

    plan = _json(root / "scheduler" / "scheduler_config.json")
    name = str(plan.get("_class_name"))
    try:
        if name in DEPRECATED:
            made = getattr(
                importlib.import_module(f"diffusers.schedulers.deprecated.{DEPRECATED[name]}"), name
            )
        else:  # the betas of the one are DDPM's, and do not need the package that its steps do
            made = getattr(diffusers, "DDPMScheduler" if name == "DPMSolverSDEScheduler" else name, None)
        if isinstance(made, type) and made.__name__.endswith("Scheduler"):
            return made.from_config(plan)
    except Exception as error:  # of many kinds, and of many lines
        raise PriorError(f"{root}: {name} cannot be made: {' '.join(str(error).split())[:200]}") from error
    raise PriorError(f"{root}: diffusers {diffusers.__version__} has no scheduler '{name}'")


def _diffusers_network(folder: Path, network: type) -> nn.Module:
    """Its weights from the one file that there is: safetensors or a checkpoint, plain or of a variant such as
    fp16.

    Raises:
        PriorError: no such file, or not weights of this network.

    """
    files = [
        path.name
        for kind in ("safetensors", "bin")
        for path in sorted(folder.glob(f"diffusion_pytorch_model*.{kind}"))
    ]
    if not files:
        raise PriorError(f"{folder}: no diffusion_pytorch_model.safetensors or .bin; save the pipeline again")
    _, *variant, kind = min(files, key=lambda name: name.count(".")).split(".")
    which = {"variant": ".".join(variant) or None, "use_safetensors": kind == "safetensors"}
    try:
        return network.from_pretrained(folder, local_files_only=True, low_cpu_mem_usage=False, **which)
    except Exception as error:  # of many kinds, and of many lines
        raise PriorError(f"{folder}: cannot be loaded: {' '.join(str(error).split())[:200]}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except OSError as error:
        raise PriorError(
            f"{path}: {error.strerror}; diffusers: takes the folder of a saved pipeline"
        ) from None
    except ValueError as error:
        raise PriorError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise PriorError(
            f"{path}: JSON, but not settings by name; diffusers: takes the folder of a saved pipeline"
        )
    return found
