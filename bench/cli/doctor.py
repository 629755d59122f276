"""The findings of `doctor`: what is here, what is missing or wrong, and the step that mends it."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import torch

from bench.data import DataError, ListedCard, ListedDataset, card_path, list_datasets, load_dataset
from bench.data import read_card as read_dataset_card
from bench.data.collections import COLLECTIONS, user_folder
from bench.metrics.assets import AssetUnavailable, find_backbone
from bench.metrics.backbones import BACKBONES, CHECKPOINTS
from bench.metrics.checkpoints import find_checkpoint
from bench.names import nearest
from bench.operators import make_operator
from bench.priors import (
    PriorError,
    check_names,
    check_sha256,
    find_weights,
    list_priors,
    missing_files,
    read_card,
)
from bench.suites.yamlfile import SuiteError
from bench.system.cache import cache_dir
from bench.system.device import device_name, threads
from bench.system.versions import versions

SUPPLIED = ("inpaint_freeform", "blur_nonlinear")
"""Operators that need a file which is not shipped."""

SHAPE = (3, 256, 256)

LITTLE = 10e9
"""Free bytes below which the priors at 256 px hardly fit into the cache."""


State = Literal["ok", "missing", "wrong", "note"]


class Finding(NamedTuple):
    """One line about one thing.

    Attributes:
        text: what was found and, where it is not ok, what to do.
    """

    what: str
    state: State
    text: str

    def __str__(self) -> str:
        return f"{self.state:8}{self.what}: {self.text}"


def examine(names: Sequence[str] = (), root: Path | None = None) -> Iterator[Finding]:
    """Looks at data sets, priors, networks of metrics and operators that need a file.

    Args:
        names: what to look at; without any, everything is looked at, also devices, versions and the disk.
        root: where the user's images are.

    Raises:
        SuiteError: an unknown name.

    """
    groups: list[tuple[Callable[[str], Finding], Sequence[str]]] = [
        (partial(_dataset, root=root), list_datasets()),
        (_prior, list_priors()),
        (_backbone, [*BACKBONES, *CHECKPOINTS]),
        (_supplied, SUPPLIED),
    ]
    known = list(dict.fromkeys(name for _, group in groups for name in group))
    for name in names:
        if name not in known and not name.endswith(".toml"):
            raise SuiteError(f"doctor: unknown '{name}'{nearest(name, known)}")
    for look, group in groups:
        yield from (look(name) for name in group if not names or name in names)
    yield from (_dataset(name, root) for name in names if name not in known)
    if not names:
        yield from (_device(), _versions(), _disk())


def _dataset(name: str, root: Path | None) -> Finding:
    """A data set. Where its list is missing its folder may be too: both are said at once."""
    what = f"data set {name}"
    try:
        data = load_dataset(name, root)
    except DataError as error:
        texts = [str(error).removeprefix(f"{name}: ")]
    else:
        where = f" in {data.place}" if isinstance(data, ListedDataset) else ""
        listed = "; the list is the card's" if where and data.labels else ""
        return Finding(what, "ok", f"{len(data.ids)} of {len(data.ids)} images{where}{listed}")
    try:
        card = read_dataset_card(card_path(name))
        if isinstance(card, ListedCard):
            user_folder(COLLECTIONS[card.collection], root)
    except DataError as error:
        if str(error) not in texts:
            texts.append(str(error))
    return Finding(what, "wrong" if "sha256" in texts[0] else "missing", "; ".join(texts))


def _prior(name: str) -> Finding:
    """The weights of a prior: there, and what the card says."""
    what = f"prior {name}"
    try:
        card, place = read_card(name)
        if missing := missing_files(name):
            advice = f"`python -m bench fetch priors {name}` gets them" if card.urls else "restore the file"
            return Finding(what, "missing", f"{', '.join(missing)}: not here; {advice}")
        texts = []
        for weights in card.weights:
            path = find_weights(weights, place)
            assert path is not None, "missing_files had found it"
            check_sha256(path, weights)
            check_names(path, weights)
            texts.append(f"{path}, {path.stat().st_size / 1e6:.0f} MB")
    except PriorError as error:
        return Finding(what, "wrong", str(error))
    return Finding(what, "ok", ", ".join(texts))


def _backbone(name: str) -> Finding:
    """The network of a metric."""
    find = find_backbone if name in BACKBONES else find_checkpoint
    try:
        path = find(name)
    except AssetUnavailable as error:
        text = str(error).removeprefix(f"{name}: ")
        return Finding(f"metric network {name}", "wrong" if "sha256" in text else "missing", text)
    return Finding(f"metric network {name}", "ok", str(path))


def _supplied(operator: str) -> Finding:
    """An operator that needs a file; building it checks all that is in the file."""
    try:
        make_operator(operator, SHAPE, [0])
    except ValueError as error:
        state: State = "missing" if str(error).startswith(f"{operator} needs ") else "wrong"
        return Finding(f"operator {operator}", state, str(error).removeprefix(operator).lstrip(": "))
    return Finding(f"operator {operator}", "ok", "its file is what it should be")


def _device() -> Finding:
    """The devices that torch can use."""
    names = [device_name(torch.device("cpu"))]
    if torch.cuda.is_available():
        names += [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    text = f"{', '.join(names)}, {threads()} threads"
    if len(names) == 1:
        text += "; no GPU that this torch can use: at 256 px a CPU is good for trying out only"
    return Finding("devices", "note", text)


def _versions() -> Finding:
    """The versions that every record keeps."""
    return Finding("versions", "note", ", ".join(f"{name} {version}" for name, version in versions().items()))


def _disk() -> Finding:
    """The room in the cache, and whether it can be written."""
    folder = cache_dir()
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    text = f"{folder}, {free / 1e9:.0f} GB free"
    if not os.access(there, os.W_OK):
        return Finding("cache", "wrong", f"{text}, cannot be written; BENCH_HOME names another folder")
    if free < LITTLE:
        text += "; BENCH_HOME names a folder on another disk"
    return Finding("cache", "note", text)
