"""Pipeline folders of diffusers as priors: ``diffusers:FOLDER``.

`bench.priors.diffusers_kinds` lists the schedulers that are known. diffusers states few types, so its
networks and schedulers are ``Any`` here.
"""

import importlib
import json
from pathlib import Path
from typing import Any

import torch

from bench.priors.cards import PriorError
from bench.priors.diffusers_kinds import interpret
from bench.priors.files import read_state, state_sha256
from bench.priors.foreign import with_identity
from bench.priors.network import NetworkPrior
from bench.system.weights import is_safetensors, prefix_advice

DEPRECATED = {"KarrasVeScheduler": "scheduling_karras_ve", "ScoreSdeVpScheduler": "scheduling_sde_vp"}
"""Modules of the schedulers that diffusers 0.42 still has, but exports in name only."""

PIPELINE = "diffusers: takes the folder of a saved pipeline"


def load_diffusers(
    folder: str, dtype: torch.dtype, device: torch.device | str, autocast: torch.dtype | None
) -> NetworkPrior:
    """Loads a pipeline folder of diffusers with a ``UNet2DModel`` in pixels; downloads nothing.

    Args:
        folder: of the saved pipeline.
        dtype: of the weights and of the state that solvers see.
        device: of the weights.
        autocast: lower precision for the network, or None.

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
    place = _unet_folder(root)
    unet_config = _unet_config(root, place)
    scheduler = _scheduler(root)
    side = _image_size(root, unet_config)
    unet = _diffusers_network(place, UNet2DModel)
    sha256 = state_sha256(unet.state_dict())
    network, schedule, predicts, about = interpret(unet, scheduler, str(root))
    channels, returned = unet.config.in_channels, unet.config.out_channels
    if returned != channels and (returned, predicts) != (2 * channels, "eps"):
        raise PriorError(f"{root}: its network returns {returned} channels for images of {channels}")
    network, shape, classes = network.to(device, dtype), (channels, *side), unet.config.num_class_embeds or 0
    prior = NetworkPrior(network, shape, schedule, dtype, autocast, predicts, classes)
    config = {key: value for key, value in unet.config.items() if not key.startswith("_")}
    identity = {"unet": config, "predicts": predicts}
    if about:
        identity["scheduler"] = about
    return with_identity(prior, f"diffusers:{root.resolve().name}", sha256, identity)


def _unet_folder(root: Path) -> Path:
    """The folder of a pipeline's network: unet/, or the root, as in the first published pipelines.

    Raises:
        PriorError: there is no such folder.

    """
    if not root.is_dir():
        raise PriorError(f"{root}: no such folder; {PIPELINE} on this machine and downloads nothing")
    flat = (root / "config.json").is_file() and not (root / "unet").is_dir()
    return root if flat else root / "unet"


def _unet_config(root: Path, place: Path) -> dict[str, Any]:
    """Settings of the pipeline's network.

    A network's folder alone has no index; what it lacks then is its scheduler.

    Raises:
        PriorError: the pipeline works on latents, or its network is no ``UNet2DModel``.

    """
    flat = place == root
    index = {} if flat and not (root / "model_index.json").exists() else _json(root / "model_index.json")
    config = _json(place / "config.json")
    if latent := sorted(index.keys() & {"vae", "vqvae", "movq"}):
        raise PriorError(f"{root}: works on the latents of its '{latent[0]}'; priors here work on pixels")
    kind = config.get("_class_name")
    if kind != "UNet2DModel":
        raise PriorError(f"{root}: its network is {kind}; only UNet2DModel is supported")
    return config


def _image_size(root: Path, config: dict[str, Any]) -> tuple[int, ...]:
    """Height and width of the network's images.

    Raises:
        PriorError: the network does not say, or takes class labels of another kind than plain embeddings.

    """
    embedding, size = config.get("class_embed_type"), config.get("sample_size")
    if embedding is not None:
        unsupported = f"class_embed_type '{embedding}' is not supported"
        raise PriorError(f"{root}: {unsupported}; plain embeddings are")
    if size is None:
        unsaid = "its network does not say for which images it is"
        raise PriorError(f"{root}: {unsaid}; set sample_size in the config.json of the network")
    return tuple(size) if isinstance(size, (list, tuple)) else (size, size)


def _scheduler(root: Path) -> Any:
    """Makes the pipeline's scheduler.

    Raises:
        PriorError: diffusers has none of that name, or cannot make it.

    """
    import diffusers

    folder = root / "scheduler"
    if not folder.is_dir() and (root / "scheduler_config.json").is_file():
        folder = root
    config = _json(folder / "scheduler_config.json")
    name = str(config.get("_class_name"))
    try:
        kind = _scheduler_class(name)
        if kind is not None:
            return kind.from_config(config)
    except Exception as error:  # of many kinds, and of many lines
        raise PriorError(f"{root}: {name} cannot be made: {_one_line(error)}") from error
    raise PriorError(f"{root}: diffusers {diffusers.__version__} has no scheduler '{name}'")


def _scheduler_class(name: str) -> Any:
    """The scheduler class of diffusers with a name; None if there is none."""
    import diffusers

    if name in DEPRECATED:
        module = importlib.import_module(f"diffusers.schedulers.deprecated.{DEPRECATED[name]}")
        return getattr(module, name)
    if name == "DPMSolverSDEScheduler":
        # Its betas are DDPM's, and only its steps need a further package.
        name = "DDPMScheduler"
    found = getattr(diffusers, name, None)
    if isinstance(found, type) and found.__name__.endswith("Scheduler"):
        return found
    return None


def _one_line(error: Exception) -> str:
    """The message of an error on one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]


def _diffusers_network(folder: Path, network: Any) -> Any:
    """Loads the class ``network`` from the weights file of a folder, all of it and nothing else.

    The file is safetensors or a checkpoint, plain or of a variant such as fp16.

    Raises:
        PriorError: no such file, or not weights of this network; the message names the entries.

    """
    files: list[str] = []
    for kind in ("safetensors", "bin"):
        files += sorted(path.name for path in folder.glob(f"diffusion_pytorch_model*.{kind}"))
    if not files:
        raise PriorError(f"{folder}: no diffusion_pytorch_model.safetensors or .bin; save the pipeline again")
    chosen = min(files, key=lambda name: name.count("."))
    _, *variant, kind = chosen.split(".")
    which = {"variant": ".".join(variant) or None, "use_safetensors": kind == "safetensors"}
    _refuse_strange(folder / chosen)
    try:
        loaded, report = network.from_pretrained(
            folder, local_files_only=True, low_cpu_mem_usage=False, output_loading_info=True, **which
        )
    except Exception as error:  # of many kinds, and of many lines
        raise PriorError(f"{folder}: cannot be loaded: {_one_line(error)}") from error
    _refuse_gaps(folder / chosen, report)
    return loaded


def _refuse_strange(file: Path) -> None:
    """Refuses a file that holds no tensors by name, or whose suffix is that of another format.

    Raises:
        PriorError: what the file holds instead.

    """
    read_state(file)
    named, found = file.suffix == ".safetensors", is_safetensors(file)
    if named != found:
        right = "it holds safetensors" if found else "it holds a checkpoint of torch.save"
        raise PriorError(f"{file}: {right}; call it {file.stem}.{'safetensors' if found else 'bin'}")


def _refuse_gaps(file: Path, report: dict[str, Any]) -> None:
    """Refuses weights of which diffusers left some out, or which left a part of the network as it was.

    Raises:
        PriorError: the entries that are missing, unknown or of another shape.

    """
    said = []
    for kind, words in (
        ("missing_keys", "missing"),
        ("unexpected_keys", "unknown"),
        ("mismatched_keys", "of another shape"),
    ):
        if names := sorted(map(str, report[kind])):
            more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
            said.append(f"'{names[0]}' is {words}{more}")
    if not said:
        return
    advice = ""
    if report["missing_keys"] and report["unexpected_keys"]:
        advice = prefix_advice(report["missing_keys"], report["unexpected_keys"])
    if any("class_embedding" in name for name in report["unexpected_keys"]):
        advice = "; num_class_embeds in config.json says for how many classes it is"
    raise PriorError(f"{file}: not this architecture: {'; '.join(said)}{advice}")


def _json(path: Path) -> dict[str, Any]:
    """Reads settings by name.

    Raises:
        PriorError: the file cannot be read, or has something else.

    """
    try:
        found = json.loads(path.read_text())
    except OSError as error:
        raise PriorError(f"{path}: {error.strerror}; {PIPELINE}") from None
    except ValueError as error:
        raise PriorError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise PriorError(f"{path}: JSON, but not settings by name; {PIPELINE}")
    return found
