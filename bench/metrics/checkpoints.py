"""Weights of which one published file is known, verified by the part of the sha256 that its name states.

The cache keeps the file as it is. `fetch_checkpoint` tries a path that the user gives in the environment
(``BENCH_RESNET50``), the cache, the folder in which torch hub keeps its downloads, and the hub; no package of
the Python registry is known to carry these weights. `load_checkpoint` looks at the first two only and never
opens a connection.
"""

import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench.metrics.assets import AssetUnavailable
from bench.metrics.backbones import CHECKPOINTS, Checkpoint
from bench.system.cache import cache_dir, sha256
from bench.system.downloads import DownloadError, download
from bench.system.locks import exclusive
from bench.system.supplied import stranger

if TYPE_CHECKING:
    from torch import nn


def find_checkpoint(name: str) -> Path:
    """Path of the verified file: the user's, else the one in the cache.

    Raises:
        AssetUnavailable: there is none, or it is damaged or another one.

    """
    checkpoint = CHECKPOINTS[name]
    given = _given(name)
    path = given or _cached(checkpoint)
    if not path.is_file():
        reason = f"no file {path} ({variable(name)})" if given else f"{name}: not in {path.parent}"
        raise AssetUnavailable(
            f"{reason}; fetch it once with `python -m bench fetch classifier`, or set {variable(name)}"
        )
    return check_sha256(checkpoint, path)


def load_checkpoint(name: str) -> "nn.Module":
    """Loads a network with its weights, float32 on the CPU, in evaluation mode, without gradients.

    Raises:
        AssetUnavailable: as `find_checkpoint`, or the file does not hold this network.

    """
    from bench.system.weights import WeightsError, read_tensors, refuse_difference

    path, network = find_checkpoint(name), CHECKPOINTS[name].build()
    try:
        state = read_tensors(path)
        refuse_difference(network.state_dict(), state, str(path))
    except WeightsError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise AssetUnavailable(f"{path} does not hold the weights of {name}: {reason}") from None
    network.load_state_dict(state, assign=True)
    return network.float().eval().requires_grad_(False)


def fetch_checkpoint(name: str, progress: Callable[[str], None] = lambda _: None) -> Path:
    """Puts a checkpoint into the cache, unless the user gives a path of it.

    Args:
        name: a key of `bench.metrics.backbones.CHECKPOINTS`.
        progress: called with one line of text for every step.

    Returns:
        Path of the verified file.

    Raises:
        AssetUnavailable: it could not be had; the message has the reason for each source.

    """
    checkpoint = CHECKPOINTS[name]
    if _given(name):
        return find_checkpoint(name)

    @cache  # says it once
    def waiting() -> None:
        progress(f"{name}: waiting for another process that fetches it")

    try:
        with exclusive(_cached(checkpoint), waiting):
            return _fetch(name, checkpoint, progress)
    except OSError as error:
        raise AssetUnavailable(
            f"{cache_dir()}: {error.strerror or error}; BENCH_HOME names another folder"
        ) from error


def _fetch(name: str, checkpoint: Checkpoint, progress: Callable[[str], None]) -> Path:
    """Fetches a checkpoint from the first source that has it; one process at a time."""
    reasons = []
    if _cached(checkpoint).is_file():
        try:
            return find_checkpoint(name)
        except AssetUnavailable as error:
            reasons.append(str(error))
    draft = _cached(checkpoint).with_name(f"{checkpoint.file}.unverified")
    sources = {"torch hub's folder": _copy_from_hub_folder, "the hub": _download}
    for where, source in sources.items():
        try:
            progress(f"{name}: trying {where}")
            source(checkpoint, draft)
            return check_sha256(checkpoint, draft).replace(_cached(checkpoint))
        except AssetUnavailable as error:
            reasons.append(f"{where}: {error}")
            draft.unlink(missing_ok=True)
    advice = f"get {checkpoint.file} elsewhere and set {variable(name)} to its path"
    raise AssetUnavailable(f"{name}: not found ({'; '.join(reasons)}); {advice}")


def check_sha256(checkpoint: Checkpoint, path: Path) -> Path:
    """Refuses a file whose sha256 does not begin as the published name says; returns its path.

    Raises:
        AssetUnavailable: it begins otherwise.

    """
    found, expected = sha256(path), checkpoint.sha256_prefix
    if not found.startswith(expected):
        hashes = f"its sha256 is {found[:12]}..., that of {checkpoint.file} begins with {expected}"
        if what := stranger(path):
            hashes = f"{what}; {hashes}"
        raise AssetUnavailable(f"{path} is not {checkpoint.file}: {hashes}")
    return path


def variable(name: str) -> str:
    """The environment variable in which a user gives the path of a checkpoint."""
    return f"BENCH_{name.upper()}"


def _given(name: str) -> Path | None:
    given = os.environ.get(variable(name))
    return Path(given).expanduser() if given else None


def _cached(checkpoint: Checkpoint) -> Path:
    return cache_dir() / "metrics" / checkpoint.file


def _copy_from_hub_folder(checkpoint: Checkpoint, draft: Path) -> None:
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / checkpoint.file
    if not path.is_file():
        raise AssetUnavailable(f"no file {path}")
    shutil.copyfile(path, draft)


def _download(checkpoint: Checkpoint, draft: Path) -> None:
    try:
        download([checkpoint.url], draft)
    except DownloadError as error:
        raise AssetUnavailable(str(error)) from error
