"""Pretrained priors: a card (TOML) per network, beside its weights or naming where they come from.

A card names the weights file, its sha256, the architecture and how it was trained. Weights are safetensors or
plain checkpoints with the state-dict names of guided-diffusion; a file that is not the one its card describes
is refused. `bench.priors.adapters` takes networks of other libraries.
"""

from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from bench.priors.adapters import ADAPTERS
from bench.priors.cards import Card, PriorError, Weights, list_priors, read_card
from bench.priors.files import (
    check_names,
    empty_network,
    fetch_prior,
    find_weights,
    missing_files,
    priors_dir,
    read_state,
    verify,
)
from bench.priors.network import Guide, NetworkPrior
from bench.priors.unet import check_state
from bench.records.keys import digest
from bench.schedule import VPSchedule

__all__ = [
    "Card",
    "PriorError",
    "check_names",
    "fetch_prior",
    "find_weights",
    "list_priors",
    "load_prior",
    "missing_files",
    "read_card",
    "verify",
]


def load_prior(
    name: str,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    autocast: torch.dtype | None = None,
) -> NetworkPrior:
    """A pretrained prior, verified.

    Args:
        name: of a card in this folder, or the path of one; or ``diffusers:FOLDER``, ``azula:NAME``.
        dtype: of the weights and of the state that solvers see, whatever the file has.
        autocast: lower precision for the network alone (the state stays in ``dtype``).

    Raises:
        PriorError: unknown name, missing weights, wrong hash, or weights of another architecture.

    """
    kind, _, rest = name.partition(":")
    if rest and kind in ADAPTERS:
        return ADAPTERS[kind](rest, dtype, device, autocast)
    card, place = read_card(name)
    schedule, architecture = (
        VPSchedule(**card.schedule.model_dump()),
        card.architecture.model_dump(exclude_unset=True),
    )
    network, sha256 = _load(card, name, place, dtype, device)
    identity = {"architecture": architecture, "schedule": asdict(schedule)}
    guide = None
    if card.classifier is not None:
        classifier, guide_sha256 = _load(card.classifier, name, place, dtype, device)
        guide = Guide(classifier, card.classifier.scale, guide_sha256)
        shape = card.classifier.architecture.model_dump(exclude_unset=True)
        identity["classifier"] = {"architecture": shape, "scale": guide.scale, "weights": guide_sha256}
    side, classes = card.architecture.image_size, card.architecture.num_classes or 0
    shape = (card.architecture.channels, side, side)
    prior = NetworkPrior(network, shape, schedule, dtype, autocast, classes=classes, guide=guide)
    prior.name, prior.weights_sha256, prior.config_sha256 = card.name, sha256, digest(identity)
    return prior


def _load(
    weights: Weights, name: str, card: Path, dtype: torch.dtype, device: torch.device | str
) -> tuple[nn.Module, str]:
    """A network with its weights, and their sha256; they are in memory once."""
    path = find_weights(weights, card)
    if path is None:
        fetched = weights.urls or weights.by_hand
        how = f"`python -m bench fetch priors {name}` gets them" if fetched else "restore the file"
        path = (priors_dir() if fetched else card.parent) / weights.file
        raise PriorError(f"{path}: the weights of prior '{Path(name).stem}' are missing; {how}")
    sha256 = verify(path, weights)
    try:
        network = empty_network(weights)
    except PriorError as error:
        raise PriorError(f"{card}: {error}") from error
    state = read_state(path)
    try:
        check_state(network, state, str(path))
    except ValueError as error:
        raise PriorError(str(error)) from None
    # Copied one by one, so that neither a second set of weights is made nor the file stays mapped.
    network.load_state_dict(
        {key: value.to(device, dtype, copy=True) for key, value in state.items()}, assign=True
    )
    return network.requires_grad_(False), sha256
