"""The networks behind LPIPS, FID, KID and top-1 accuracy, each a function of images."""

import re
import warnings
from collections.abc import Callable
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from bench.metrics.assets import AssetUnavailable, find_backbone, load_backbone
from bench.metrics.checkpoints import load_checkpoint
from bench.system.weights import read_tensors, refuse_difference

SMALLEST = 64
"""LPIPS enlarges shorter sides to so many pixels: its first layers alone shrink 32 pixels to 7."""

LINEAR = re.compile(r"lin\d")
"""How the names of the lpips package's linear layers begin; it lists them a second time as "lins"."""

Device = torch.device | str


def unit(x: Tensor) -> Tensor:
    """Clips and maps [-1, 1] to [0, 1]; (B, C, H, W)."""
    return (x.clamp(-1, 1) + 1) / 2


def rgb(x: Tensor) -> Tensor:
    """Repeats grey: (B, 1 or 3, H, W) -> (B, 3, H, W)."""
    return x.expand(-1, 3, -1, -1)


class NetworkMetric:
    """A network that scores images. On the CPU it is built when it is first used.

    Building it imports torchvision, which takes longer than all else before the first step of a solver. On
    another device it is built at once, since what it takes of the memory there counts in every peak.

    Args:
        path: of its weights.
        device: where it is computed.

    Raises:
        AssetUnavailable: a package is not installed.

    """

    packages: ClassVar[tuple[str, ...]] = ("torchvision",)
    """What building it imports."""

    def __init__(self, path: Path, device: Device) -> None:
        for package in self.packages:
            if find_spec(package) is None:
                raise AssetUnavailable(f"{package} is not installed: pip install {package}")
        self.path, self.device = path, torch.device(device)
        if self.device.type != "cpu":
            _ = self.network

    @cached_property
    def network(self) -> nn.Module:
        """The network with its weights, on its device."""
        return self._build().to(self.device)

    def _build(self) -> nn.Module:
        """The network with its weights, on the CPU."""
        raise NotImplementedError


class Lpips(NetworkMetric):
    """Learned perceptual image patch similarity, v0.1 (Zhang et al. 2018, arXiv 1801.03924).

    Args:
        net: "alex" or "vgg", the trunk.
        device: where it is computed.

    Raises:
        AssetUnavailable: the trunk was not fetched, or a package is not installed.

    """

    packages = ("lpips", "torchvision")

    def __init__(self, net: str = "alex", device: Device = "cpu") -> None:
        self.net = net
        super().__init__(find_backbone(f"lpips_{net}"), device)

    def _build(self) -> nn.Module:
        return _lpips_network(self.net, self.path)

    def __call__(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Distance of each pair of images: (B, C, H, W) twice, in [-1, 1] -> (B,) float32."""
        with torch.no_grad():
            return self.network(self._prepare(x_hat), self._prepare(x)).flatten()

    def _prepare(self, x: Tensor) -> Tensor:
        x = rgb(x.to(self.device, torch.float32).clamp(-1, 1))
        shortest = min(x.shape[-2:])
        if shortest >= SMALLEST:
            return x
        size = [round(side * SMALLEST / shortest) for side in x.shape[-2:]]
        return F.interpolate(x, size, mode="bilinear", align_corners=False)


def _lpips_network(net: str, path: Path) -> nn.Module:
    """Builds the lpips package's network around the trunk in a file; its constructor would download one.

    It is built on the meta device, which also leaves torch's random state alone. The linear layers come with
    the package.
    """
    import lpips

    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = lpips.LPIPS(net=net, version="0.1", pretrained=False, pnet_rand=True, verbose=False)
    network.scaling_layer = lpips.ScalingLayer()
    weights = load_backbone(f"lpips_{net}", path).state_dict()
    # Its slice2.3.bias is the trunk's 3.bias.
    renamed = {name: weights[name.split(".", 1)[1]] for name in network.net.state_dict()}
    network.net.load_state_dict(renamed, assign=True)
    file = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth"
    linear = read_tensors(file)
    own = {name: value for name, value in network.state_dict().items() if LINEAR.match(name)}
    refuse_difference(own, linear, str(file))
    network.load_state_dict(
        linear, strict=False, assign=True
    )  # of the linear layers alone, which are all there
    return network.eval().requires_grad_(False)


class Inception(NetworkMetric):
    """Features for FID and KID: the 2048-d average pool of the FID Inception.

    Args:
        device: where it is computed.
        mode: how images come to 299 x 299 px. "legacy_pytorch": bilinear without antialiasing, as in
            pytorch-fid; "clean": as clean-fid defines it (Parmar et al. 2022, arXiv 2104.11222), see
            `enlarge_clean`.

    Raises:
        AssetUnavailable: the network was not fetched.

    """

    def __init__(self, device: Device = "cpu", mode: str = "legacy_pytorch") -> None:
        super().__init__(find_backbone("inception"), device)
        self.resize = RESIZE[mode]

    def _build(self) -> nn.Module:
        network = load_backbone("inception", self.path)
        if self.device.type == "cpu":  # its pools and convolutions are fastest there in this memory order
            network.to(memory_format=torch.channels_last)
        return network

    def __call__(self, x: Tensor) -> Tensor:
        """Features of each image: (B, C, H, W) in [-1, 1] -> (B, 2048) float32."""
        with torch.no_grad():
            x = rgb(x.to(self.device, torch.float32).clamp(-1, 1))
            return self.network(self.resize(x))


def enlarge_clean(x: Tensor) -> Tensor:
    """Resizes (B, C, H, W) in [-1, 1] to 299 x 299 px by antialiased bicubic interpolation.

    Pillow interpolates each channel in floating point. The result is clipped to the range of pixels, 0 to
    255, and becomes (v - 128) / 128, as the network was trained; the legacy mode's v / 127.5 - 1 is not quite
    the same.
    """
    resized = []
    for plane in ((x + 1) * 127.5).flatten(0, 1).cpu().numpy():
        enlarged = Image.fromarray(plane).resize((299, 299), Image.Resampling.BICUBIC)
        resized.append(np.asarray(enlarged))
    pixels = torch.from_numpy(np.stack(resized)).clamp(0, 255).unflatten(0, x.shape[:2])
    return (pixels.to(x.device) - 128) / 128


RESIZE: dict[str, Callable[[Tensor], Tensor]] = {
    "legacy_pytorch": partial(F.interpolate, size=(299, 299), mode="bilinear", align_corners=False),
    "clean": enlarge_clean,
}
"""Mode of `Inception` -> how it resizes images."""


class Classifier:
    """Recognises the class of images by torchvision's ResNet-50 (IMAGENET1K_V1).

    The whole image is normalised and classified, whatever its size: no resize and no crop to 224 px.

    Raises:
        AssetUnavailable: the network was not fetched.

    """

    def __init__(self, device: Device = "cpu") -> None:
        self.device = device
        self.network = load_checkpoint("resnet50").to(device)

    def __call__(self, x: Tensor, labels: Tensor) -> Tensor:
        """Whether the likeliest class is the label: (B,) of 1 and 0.

        Args:
            x: (B, C, H, W) in [-1, 1].
            labels: class indices, 0 to 999, (B,).

        """
        return (self.logits(x).argmax(1) == labels).float()

    def logits(self, x: Tensor) -> Tensor:
        """Logits of each image: (B, C, H, W) in [-1, 1] -> (B, 1000) float32, on the CPU."""
        mean = torch.tensor(IMAGENET_MEAN, device=self.device).view(3, 1, 1)
        std = torch.tensor(IMAGENET_STD, device=self.device).view(3, 1, 1)
        pixels = rgb(unit(x.to(self.device, torch.float32)))
        with torch.no_grad():
            return self.network((pixels - mean) / std).cpu()


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and deviation of the training images of torchvision's classifiers, by channel, on [0, 1]."""
