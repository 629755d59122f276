"""Pretrained priors: a card (TOML) per network, beside its weights.

A card names the weights file, its sha256, the architecture and how it was trained. Weights are safetensors with the state-dict
names of guided-diffusion; a file that is not the one its card describes is refused.
"""

import difflib
import hashlib
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from bench.network import build_unet, check_state
from bench.prior import NetworkPrior
from bench.records import digest
from bench.schedule import VPSchedule

FOLDER = Path(__file__).parent


class PriorError(ValueError):
    """A prior that cannot be had: unknown name, missing file, wrong hash or wrong architecture."""


def list_priors() -> list[str]:
    """Names of the priors that have a card here."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read_card(name: str) -> tuple[dict[str, Any], Path]:
    """The card of a prior by name, or by the path of a ``.toml`` of the user's own, and the folder of its files.

    Raises:
        PriorError: no such card, or not valid TOML.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        near = difflib.get_close_matches(name, list_priors(), 1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise PriorError(f"unknown prior '{name}'; {hint}known: {', '.join(list_priors())}, or the path of a card (.toml)")
    try:
        return tomllib.loads(path.read_text()), path.parent
    except tomllib.TOMLDecodeError as error:
        raise PriorError(f"{path}: not a valid card: {error}") from None


def load_prior(
    name: str,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    autocast: torch.dtype | None = None,
) -> NetworkPrior:
    """A pretrained prior, verified.

    Args:
        name: of a card in this folder, or the path of one.
        dtype: of the weights and of the state that solvers see.
        autocast: lower precision for the network alone (the state stays in ``dtype``).

    Raises:
        PriorError: unknown name, missing weights, wrong hash, or weights of another architecture.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    card, folder = read_card(name)
    path = folder / card["file"]
    if not path.is_file():
        raise PriorError(f"{path}: the weights of prior '{name}' are missing")
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != card["sha256"]:
        raise PriorError(f"{path}: sha256 {sha256[:12]}... is not the card's {card['sha256'][:12]}...; restore the file")
    try:
        state = load(data)
    except SafetensorError as error:
        raise PriorError(f"{path}: not a safetensors file ({error})") from None
    architecture = card["architecture"]
    network = build_unet(**architecture)
    try:
        check_state(network, state, str(path))
    except ValueError as error:
        raise PriorError(str(error)) from None
    network.load_state_dict({key: value.to(dtype) for key, value in state.items()})
    network = network.to(device, dtype, memory_format=torch.channels_last)
    shape = (architecture["channels"], architecture["image_size"], architecture["image_size"])
    prior = NetworkPrior(network, shape, VPSchedule(**card["schedule"]), dtype, autocast)
    prior.name, prior.weights_sha256 = card["name"], sha256
    prior.config_sha256 = digest({"architecture": architecture, "schedule": asdict(prior.schedule)})
    return prior
