"""Weights of which one published file is known: kept in the cache as that file, verified by what its name
says of its sha256.

`fetch_checkpoint` tries a path that the user gives in the environment (``BENCH_RESNET50``), the cache, the
folder in which torch hub keeps its downloads, and the hub; no package of the Python registry is known to
carry these weights. `load_checkpoint` looks at the first two only and never opens a connection.
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

if TYPE_CHECKING:
    from torch import nn


def find_checkpoint(name: str) -> Path:
    """The verified file: the user's, else the one in the cache.

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
    return verify(checkpoint, path)


def load_checkpoint(name: str) -> "nn.Module":
    """The network with its weights, float32 on the CPU, in evaluation mode, without gradients.

    Raises:
        AssetUnavailable: as `find_checkpoint`, or the file does not hold this network.

    """
    import torch

    path, network = find_checkpoint(name), CHECKPOINTS[name].build()
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), assign=True)
    except Exception as error:
        raise AssetUnavailable(
            f"{path} does not hold the weights of {name}: {str(error).splitlines()[0]}"
        ) from error
    return network.float().eval().requires_grad_(False)


def fetch_checkpoint(name: str, progress: Callable[[str], None] = lambda _: None) -> Path:
    """Puts a checkpoint into the cache, unless the user gives a path of it.

    Raises:
        AssetUnavailable: it could not be had; the message has the reason for each source.

    """
    checkpoint = CHECKPOINTS[name]
    if _given(name):
        return find_checkpoint(name)
    try:
        waiting = cache(
            lambda: progress(f"{name}: waiting for another process that fetches it")
        )  # says it once
        with exclusive(_cached(checkpoint), waiting):
            return _fetch(name, checkpoint, progress)
    except OSError as error:
        raise AssetUnavailable(
            f"{cache_dir()}: {error.strerror or error}; BENCH_HOME names another folder"
        ) from error


def _fetch(name: str, checkpoint: Checkpoint, progress: Callable[[str], None]) -> Path:
    """From the first source that has it; one process at a time."""
    reasons = []
    if _cached(checkpoint).is_file():
        try:
            return find_checkpoint(name)
        except AssetUnavailable as error:
            reasons.append(str(error))
    draft = _cached(checkpoint).with_name(f"{checkpoint.file}.unverified")
    for where, source in {"torch hub's folder": _copy_from_hub_folder, "the hub": _download}.items():
        try:
            progress(f"{name}: trying {where}")
            source(checkpoint, draft)
            return verify(checkpoint, draft).replace(_cached(checkpoint))
        except AssetUnavailable as error:
            reasons.append(f"{where}: {error}")
            draft.unlink(missing_ok=True)
    raise AssetUnavailable(
        f"{name}: not found ({'; '.join(reasons)}); get {checkpoint.file} elsewhere and set {variable(name)} to its path"
    )


def verify(checkpoint: Checkpoint, path: Path) -> Path:
    """The path, if its content is what the published name says.

    Raises:
        AssetUnavailable: otherwise.

    """
    found = sha256(path)
    if not found.startswith(checkpoint.sha256_prefix):
        raise AssetUnavailable(
            f"{path} is not {checkpoint.file}: its sha256 is {found[:12]}..., that of {checkpoint.file} begins with "
            f"{checkpoint.sha256_prefix}"
        )
    return path


def variable(name: str) -> str:
    """The environment variable that may hold a path of this checkpoint."""
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
