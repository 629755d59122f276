"""Image metrics, each a function of one reconstruction and its truth: no reduction crosses the batch.

Images are (B, C, H, W) in [-1, 1] with C = 1 or 3. All metrics but the data misfit see ``clip(x, -1, 1)``, and those that are
defined on [0, 1] see (x + 1) / 2 of it: never a min-max normalised image, never an 8-bit file. Distances between sets (FID,
KID) are computed later, by `bench.stats`, from the features that `Inception` returns.
"""

import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from bench.assets import load_backbone
from bench.checkpoints import load_checkpoint
from bench.operators.base import Operator

SMALLEST = 64
"""Sides below this many pixels are enlarged for LPIPS: its first layers alone shrink a 32-pixel image to 7 pixels."""

Device = torch.device | str


@dataclass(frozen=True)
class Metric:
    """How a metric is printed and read.

    Attributes:
        label: heading of its column.
        decimals: digits behind the point.
        higher_is_better: None where neither direction is (a misfit should be near 1).
        note: what a reader has to know to compare the number with another paper's; printed under the table.
        rev: raised whenever the number changes for the same images; part of a record.
        scale: factor of the printed number.

    """

    label: str
    decimals: int
    higher_is_better: bool | None
    note: str
    rev: int = 1
    scale: float = 1.0


_ENLARGED = (
    f"images with a side below {SMALLEST} px are enlarged to {SMALLEST} px (bilinear); grey is repeated to three channels"
)
INCEPTION = {
    "legacy_pytorch": "FID Inception of 2015 as in pytorch-fid (legacy_pytorch: bilinear to 299 px, not antialiased), "
    "float images",
    "clean": "FID Inception of 2015 as in clean-fid (clean: antialiased bicubic to 299 px), float images",
}
"""Mode -> what a reader has to know of it."""
_LEGACY = INCEPTION["legacy_pytorch"]

METRICS: dict[str, Metric] = {
    "psnr": Metric("PSNR", 2, True, "dB; mean over images of the PSNR of each, data range 1 on [0, 1]"),
    "ssim": Metric("SSIM", 3, True, "Gaussian window 11 px, std 1.5 px; data range 1 on [0, 1]; mean over channels"),
    "lpips": Metric("LPIPS", 3, False, f"v0.1, AlexNet, input in [-1, 1]; {_ENLARGED}"),
    "lpips_vgg": Metric("LPIPS-VGG", 3, False, f"v0.1, VGG16, input in [-1, 1]; {_ENLARGED}"),
    "top1": Metric(
        "top-1 %",
        1,
        True,
        "accuracy of torchvision's ResNet-50 IMAGENET1K_V1 against the ImageNet label, in per cent; the whole image, "
        "normalised, without the classifier's usual crop to 224 px",
        scale=100.0,
    ),
    "misfit": Metric(
        "misfit", 2, None, "||A x - y|| / (sigma sqrt(m)) over the m measured entries; 1 is the noise; x not clipped"
    ),
    "residual": Metric("residual", 4, None, "||A x - y|| / sqrt(m) over the m measured entries, in units of y; x not clipped"),
    "fid": Metric("FID", 2, False, f"{_LEGACY}; biased upwards below 2048 images"),
    "kid": Metric("KID x 1000", 2, False, f"unbiased; {_LEGACY}", scale=1000.0),
}


def unit(x: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1], clipped; (B, C, H, W)."""
    return (x.clamp(-1, 1) + 1) / 2


def psnr(x_hat: Tensor, x: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of each image, data range 1 on [0, 1]; (B, C, H, W) twice -> (B,) float64.

    Infinite where the images are equal.
    """
    return -10 * (unit(x_hat.double()) - unit(x.double())).square().flatten(1).mean(1).log10()


def ssim(x_hat: Tensor, x: Tensor) -> Tensor:
    """Structural similarity of each image (Wang et al. 2004); (B, C, H, W) twice, H and W >= 11 -> (B,) float64.

    The paper's setting: Gaussian window of 11 x 11 px and std 1.5 px, population covariance, K = (.01, .03), data range 1 on
    [0, 1], averaged over the positions where the window fits, and over the channels.
    """
    from skimage.metrics import structural_similarity

    pairs = zip(_arrays(x_hat), _arrays(x), strict=True)
    setting = {"data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return torch.tensor([structural_similarity(a, b, channel_axis=0, **setting) for a, b in pairs], dtype=torch.float64)


def _arrays(x: Tensor) -> np.ndarray:
    return unit(x.double()).cpu().numpy()


def residual(A: Operator, x_hat: Tensor, y: Tensor) -> Tensor:
    """||A x - y|| / sqrt(m) of each image over the m entries that were measured, in units of y; -> (B,) float64.

    Args:
        A: one operator per image.
        x_hat: (B, C, H, W), as the solver returned it: not clipped.
        y: (B, *m).

    """
    squares = (A(x_hat) - y).abs().double().square()
    if A.measured is None:
        return squares.flatten(1).mean(1).sqrt()
    kept = A.measured.expand_as(squares)
    return (squares.where(kept, 0).flatten(1).sum(1) / kept.flatten(1).sum(1)).sqrt()


def misfit(A: Operator, x_hat: Tensor, y: Tensor, sigma: float) -> Tensor:
    """The residual in units of the noise, ||A x - y|| / (sigma sqrt(m)); 1 is expected of the truth; -> (B,) float64.

    NaN at sigma = 0, where it means nothing: read `residual` there.
    """
    r = residual(A, x_hat, y)
    return r / sigma if sigma > 0 else torch.full_like(r, torch.nan)


def rgb(x: Tensor) -> Tensor:
    """(B, 1 or 3, H, W) -> (B, 3, H, W): grey is repeated."""
    return x.expand(-1, 3, -1, -1)


class Lpips:
    """Learned perceptual image patch similarity, v0.1 (Zhang et al. 2018, arXiv 1801.03924).

    Args:
        net: "alex" or "vgg", the trunk.
        device: where it is computed.

    Raises:
        AssetUnavailable: the trunk was not fetched.

    """

    def __init__(self, net: str = "alex", device: Device = "cpu") -> None:
        self.device = device
        self.network = _lpips_network(net, load_backbone(f"lpips_{net}")).to(device)

    def __call__(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """(B, C, H, W) twice, in [-1, 1] -> (B,) float32."""
        with torch.no_grad():
            return self.network(self._prepare(x_hat), self._prepare(x)).flatten()

    def _prepare(self, x: Tensor) -> Tensor:
        x = rgb(x.to(self.device, torch.float32).clamp(-1, 1))
        shortest = min(x.shape[-2:])
        if shortest >= SMALLEST:
            return x
        size = [round(side * SMALLEST / shortest) for side in x.shape[-2:]]
        return F.interpolate(x, size, mode="bilinear", align_corners=False)


def _lpips_network(net: str, trunk: nn.Module) -> nn.Module:
    """The lpips package's network around a trunk that is already here: its constructor would download one.

    Built on the meta device, which also leaves torch's random state alone; the linear layers come with the package.
    """
    import lpips

    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = lpips.LPIPS(net=net, version="0.1", pretrained=False, pnet_rand=True, verbose=False)
    network.scaling_layer = lpips.ScalingLayer()
    weights = trunk.state_dict()
    named = {name: weights[name.split(".", 1)[1]] for name in network.net.state_dict()}  # slice2.3.bias is the trunk's 3.bias
    network.net.load_state_dict(named, assign=True)
    linear = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth"
    network.load_state_dict(torch.load(linear, map_location="cpu", weights_only=True), strict=False, assign=True)
    return network.eval().requires_grad_(False)


class Inception:
    """Features for FID and KID: the 2048-d average pool of the FID Inception.

    Args:
        device: where it is computed.
        mode: how images come to 299 x 299 px. "legacy_pytorch": bilinear without antialiasing, as in pytorch-fid; "clean": as
            clean-fid defines it (Parmar et al. 2022, arXiv 2104.11222), see `enlarge_clean`.

    Raises:
        AssetUnavailable: the network was not fetched.

    """

    def __init__(self, device: Device = "cpu", mode: str = "legacy_pytorch") -> None:
        self.device = device
        self.resize = RESIZE[mode]
        self.network = load_backbone("inception").to(device)

    def __call__(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in [-1, 1] -> (B, 2048) float32."""
        with torch.no_grad():
            x = rgb(x.to(self.device, torch.float32).clamp(-1, 1))
            return self.network(self.resize(x))


def enlarge_clean(x: Tensor) -> Tensor:
    """To 299 x 299 px by antialiased bicubic interpolation (Pillow, each channel in floating point), (B, C, H, W) in [-1, 1].

    The result is clipped to the range of pixels, 0 to 255, and then shifted and scaled as (v - 128) / 128, as the network was
    trained; the legacy mode's v / 127.5 - 1 is not quite the same.
    """
    planes = [Image.fromarray(plane) for plane in ((x + 1) * 127.5).flatten(0, 1).cpu().numpy()]
    resized = np.stack([np.asarray(plane.resize((299, 299), Image.Resampling.BICUBIC)) for plane in planes])
    return (torch.from_numpy(resized).clamp(0, 255).unflatten(0, x.shape[:2]).to(x.device) - 128) / 128


RESIZE = {
    "legacy_pytorch": partial(F.interpolate, size=(299, 299), mode="bilinear", align_corners=False),
    "clean": enlarge_clean,
}


class Classifier:
    """Whether torchvision's ResNet-50 (IMAGENET1K_V1) sees an image's class.

    The whole image is normalised and classified, whatever its size: no resize and no crop to 224 px.

    Raises:
        AssetUnavailable: the network was not fetched.

    """

    def __init__(self, device: Device = "cpu") -> None:
        self.device = device
        self.network = load_checkpoint("resnet50").to(device)

    def __call__(self, x: Tensor, labels: Tensor) -> Tensor:
        """(B, C, H, W) in [-1, 1] and class indices (B,), 0 to 999 -> (B,): 1 where the likeliest class is the label, or 0."""
        return (self.logits(x).argmax(1) == labels).float()

    def logits(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in [-1, 1] -> (B, 1000) float32, on the CPU."""
        mean, std = (torch.tensor(v, device=self.device).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
        with torch.no_grad():
            return self.network((rgb(unit(x.to(self.device, torch.float32))) - mean) / std).cpu()


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the training images of torchvision's classifiers, on [0, 1]."""
