"""Pretrained priors: each network has a card (TOML), beside its weights or naming where they come from.

A card names the weights file, its sha256, the architecture and how it was trained. Weights are safetensors or
plain checkpoints with the state-dict names of guided-diffusion. A file is refused if it is not the one that
its card describes. `bench.priors.adapters` takes networks of other libraries.
"""

import inspect
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.prior import Prior
from bench.priors.adapters import ADAPTERS, load_own
from bench.priors.cards import NetworkWeights, PriorCard, PriorError, list_priors, read_card
from bench.priors.files import (
    check_names,
    check_sha256,
    empty_network,
    fetch_prior,
    find_weights,
    missing_files,
    priors_dir,
    read_state,
)
from bench.priors.network import Guide, NetworkPrior
from bench.records.keys import digest
from bench.schedule import VPSchedule
from bench.system.code.user_code import import_user_module, is_user_code
from bench.system.weights import WeightsError, refuse_difference

__all__ = [
    "PriorCard",
    "PriorError",
    "check_names",
    "check_sha256",
    "empty_prior",
    "fetch_prior",
    "find_weights",
    "list_priors",
    "load_prior",
    "missing_files",
    "names_prior",
    "read_card",
]


def load_prior(
    name: str,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    autocast: torch.dtype | None = None,
) -> Prior:
    """Loads a pretrained prior and verifies its weights.

    Args:
        name: of a card in this folder, or the path of one; or ``diffusers:FOLDER``, ``azula:NAME``, or
            ``file.py:function``, a function of the user's that returns a `bench.prior.Prior`.
        dtype: of the weights and of the state that solvers see, whatever the file has.
        device: of the weights.
        autocast: lower precision for the network alone (the state stays in ``dtype``).

    Raises:
        PriorError: unknown name, missing weights, wrong hash, or weights of another architecture.

    """
    kind, _, rest = name.partition(":")
    if rest and kind in ADAPTERS:
        return ADAPTERS[kind](rest, dtype, device, autocast)
    if is_user_code(name):
        return load_own(name, dtype, device, autocast)
    card, place = read_card(name)
    architecture = card.architecture.model_dump(exclude_unset=True)
    network, sha256 = _load(card, name, place, dtype, device)
    identity: dict[str, Any] = {"architecture": architecture, "schedule": asdict(_schedule(card))}
    guide = None
    if card.classifier is not None:
        classifier, guide_sha256 = _load(card.classifier, name, place, dtype, device)
        guide = Guide(classifier, card.classifier.scale, guide_sha256)
        about = card.classifier.architecture.model_dump(exclude_unset=True)
        identity["classifier"] = {"architecture": about, "scale": guide.scale, "weights": guide_sha256}
    prior = _of_card(card, network, guide, dtype, autocast)
    prior.weights_sha256, prior.config_sha256 = sha256, digest(identity)
    return prior


def empty_prior(name: str) -> NetworkPrior:
    """The prior of a card on the meta device: all shapes and no weights, which need not be on this machine.

    Raises:
        PriorError: unknown name, or no network has that architecture.

    """
    card, _ = read_card(name)
    guide = None
    if card.classifier is not None:
        guide = Guide(empty_network(card.classifier), card.classifier.scale)
    return _of_card(card, empty_network(card), guide)


def _schedule(card: PriorCard) -> VPSchedule:
    return VPSchedule(**card.schedule.model_dump())


def _of_card(
    card: PriorCard,
    network: nn.Module,
    guide: Guide | None,
    dtype: torch.dtype = torch.float32,
    autocast: torch.dtype | None = None,
) -> NetworkPrior:
    """The prior of a card with its networks, wherever these are."""
    side, classes = card.architecture.image_size, card.architecture.num_classes or 0
    shape = (card.architecture.channels, side, side)
    prior = NetworkPrior(network, shape, _schedule(card), dtype, autocast, classes=classes, guide=guide)
    prior.name = card.name
    return prior


def names_prior(spec: str) -> bool:
    """Whether a name is of a prior, and of no method or operator: a card, an adapter, or a function."""
    if spec in list_priors() or spec.endswith(".toml") or spec.partition(":")[0] in ADAPTERS:
        return True
    place, _, name = spec.rpartition(":")
    if not place:
        return False
    return inspect.isfunction(getattr(import_user_module(place), name, None))


def _load(
    weights: NetworkWeights, name: str, card: Path, dtype: torch.dtype, device: torch.device | str
) -> tuple[nn.Module, str]:
    """Loads a network; its weights, which are in memory once, and their sha256."""
    path = find_weights(weights, card)
    if path is None:
        fetched = weights.urls or weights.by_hand
        how = f"`python -m bench fetch priors {name}` gets them" if fetched else "restore the file"
        path = (priors_dir() if fetched else card.parent) / weights.file
        raise PriorError(f"{path}: the weights of prior '{Path(name).stem}' are missing; {how}")
    sha256 = check_sha256(path, weights)
    try:
        network = empty_network(weights)
    except PriorError as error:
        raise PriorError(f"{card}: {error}") from error
    state = read_state(path)
    try:
        refuse_difference(network.state_dict(), state, str(path))
    except WeightsError as error:
        raise PriorError(str(error)) from None
    # Copied one by one, so that neither a second set of weights is made nor the file stays mapped.
    copies = {key: value.to(device, dtype, copy=True) for key, value in state.items()}
    network.load_state_dict(copies, assign=True)
    return network.requires_grad_(False), sha256
