"""Pretrained priors: a card (TOML) per network, beside its weights.

A card names the weights file, its sha256, the architecture and how it was trained. Weights are safetensors with the state-dict
names of guided-diffusion; a file that is not the one its card describes is refused.
"""

import difflib
import hashlib
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from bench.network import build_unet, check_state
from bench.prior import NetworkPrior
from bench.records import digest
from bench.schedule import VPSchedule

FOLDER = Path(__file__).parent


Beta = Annotated[float, Field(gt=0, lt=1)]


class Architecture(BaseModel):
    """What `bench.network.build_unet` takes; ``attention_resolutions`` in pixels."""

    model_config = ConfigDict(extra="forbid", strict=True)

    image_size: PositiveInt
    channels: Literal[1, 3]
    learn_sigma: bool
    num_channels: PositiveInt
    channel_mult: Annotated[list[PositiveInt], Field(min_length=1)]
    num_res_blocks: PositiveInt
    attention_resolutions: list[PositiveInt]
    num_heads: PositiveInt = 1
    num_head_channels: int = -1
    use_scale_shift_norm: bool = False
    resblock_updown: bool = False
    use_new_attention_order: bool = False


class Schedule(BaseModel):
    """Linear betas."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    T: PositiveInt = 1000
    beta_min: Beta = 1e-4
    beta_max: Beta = 2e-2


class Card(BaseModel):
    """What a card must say; whatever else it says is for the reader."""

    name: str
    file: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    architecture: Architecture
    schedule: Schedule


class PriorError(ValueError):
    """A prior that cannot be had: unknown name, missing file, wrong hash or wrong architecture."""


def list_priors() -> list[str]:
    """Names of the priors that have a card here."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read_card(name: str) -> tuple[Card, Path]:
    """The card of a prior by name, or by the path of a ``.toml`` of the user's own, and its path.

    Raises:
        PriorError: no such card, not valid TOML, or an entry that is missing, unknown or wrong.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        near = difflib.get_close_matches(name, list_priors(), 1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise PriorError(f"unknown prior '{name}'; {hint}known: {', '.join(list_priors())}, or the path of a card (.toml)")
    try:
        return Card.model_validate(tomllib.loads(path.read_text())), path
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PriorError(f"{path}: not a valid card: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        entry = ".".join(str(part) for part in first["loc"])
        example = FOLDER / "fashion32.toml"
        raise PriorError(f"{path}: '{entry}': {first['msg']}; {example} shows a card") from None


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

    card, place = read_card(name)
    path = place.parent / card.file
    if not path.is_file():
        raise PriorError(f"{path}: the weights of prior '{card.name}' are missing")
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != card.sha256:
        raise PriorError(f"{path}: sha256 {sha256[:12]}... is not the card's {card.sha256[:12]}...; restore the file")
    try:
        state = load(data)
    except SafetensorError as error:
        raise PriorError(f"{path}: not a safetensors file ({error})") from None
    architecture = card.architecture.model_dump(exclude_unset=True)
    try:
        network = build_unet(**architecture)
    except Exception as error:  # the library's asserts and type errors alike
        raise PriorError(f"{place}: 'architecture': cannot be built: {error}") from error
    try:
        check_state(network, state, str(path))
    except ValueError as error:
        raise PriorError(str(error)) from None
    network.load_state_dict({key: value.to(dtype) for key, value in state.items()})
    network = network.to(device, dtype, memory_format=torch.channels_last)
    shape = (card.architecture.channels, card.architecture.image_size, card.architecture.image_size)
    prior = NetworkPrior(network, shape, VPSchedule(**card.schedule.model_dump()), dtype, autocast)
    prior.name, prior.weights_sha256 = card.name, sha256
    prior.config_sha256 = digest({"architecture": architecture, "schedule": asdict(prior.schedule)})
    return prior
