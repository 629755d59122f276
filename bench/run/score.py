"""Metrics of a reconstruction and its truth."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.data.images import Images
from bench.metrics import image, networks
from bench.metrics.assets import AssetUnavailable
from bench.metrics.table import METRICS
from bench.plan.cell import Cell
from bench.run.failures import Failure, failure, scoring
from bench.solver import Measurement
from bench.suites.suite import Suite
from bench.system.device import in_halves

SSIM_WINDOW = 11
"""Least side of an image that has an SSIM, pixels."""


LPIPS = {"lpips": "alex", "lpips_vgg": "vgg"}
"""Metric -> trunk."""
USUAL = ("psnr", "ssim", "lpips")


class Scorer:
    """Per-image metrics, in float64 on the CPU; networks (LPIPS, Inception, ResNet-50) in float32 on a
    device.

    Args:
        device: of the networks.
        features: mode of the Inception features, None where none are wanted.
        shape: (C, H, W) of the smallest images; None where there are none to score.
        asked: metrics of each image, of `bench.suites.suite.ImageMetric`.

    Attributes:
        unavailable: metric -> why it cannot be computed here.
        available: the metrics that can, whether or not they apply.
    """

    def __init__(
        self,
        device: torch.device,
        features: str | None,
        shape: Sequence[int] | None,
        asked: Collection[str] = USUAL,
    ) -> None:
        self.device, self.asked = device, asked
        self.unavailable: dict[str, str] = {}
        if "ssim" in asked and min(shape[1:]) < SSIM_WINDOW:
            self.unavailable["ssim"] = (
                f"its window of {SSIM_WINDOW} pixels does not fit images of {shape[1]} x {shape[2]}"
            )
        lpips = {
            name: self._load([name], partial(networks.Lpips, LPIPS[name], device))
            for name in asked
            if name in LPIPS
        }
        self.lpips = {name: network for name, network in lpips.items() if network}
        self.classifier = (
            self._load(["top1"], partial(networks.Classifier, device)) if "top1" in asked else None
        )
        self.inception = (
            self._load(["fid", "kid"], partial(networks.Inception, device, features)) if features else None
        )
        self.available = {*asked, *(["fid", "kid"] if features else [])} - self.unavailable.keys()

    def _load(self, names: Sequence[str], build: Callable[[], Any]) -> Any:
        """What ``build`` makes; without its weights None, and these metrics are unavailable."""
        try:
            return build()
        except AssetUnavailable as error:
            self.unavailable |= dict.fromkeys(names, str(error))
            return None

    def names(self, sigma: float) -> list[str]:
        """Metrics of each image, in the order of the tables."""
        return [
            *(n for n in METRICS if n in self.asked and n in self.available),
            "misfit" if sigma > 0 else "residual",
        ]

    def __call__(
        self, x_hat: Tensor, x: Tensor, measurement: Measurement, labels: Tensor | None = None
    ) -> list[dict[str, float] | Failure]:
        """(B, C, H, W) twice, float64 in [-1, 1], the measurement, and ImageNet's class indices -> a
        dictionary for each image.

        Without labels there is no top-1 accuracy. Images that do not fit on the device together, or of which
        one cannot be scored, are scored in parts; in the place of that one stands why.
        """
        y, A, sigma = measurement

        def part(i: slice) -> list[dict[str, float]]:
            return self._rows(
                x_hat[i], x[i], Measurement(y[i], A[i], sigma), None if labels is None else labels[i]
            )

        return in_halves(part, len(x), self.device, lost=failure)

    def _rows(
        self, x_hat: Tensor, x: Tensor, measurement: Measurement, labels: Tensor | None
    ) -> list[dict[str, float]]:
        y, A, sigma = measurement
        columns = {
            "psnr": lambda: image.psnr(x_hat, x),
            "ssim": lambda: image.ssim(x_hat, x),
            **{name: partial(network, x_hat, x) for name, network in self.lpips.items()},
            "top1": lambda: self.classifier(x_hat, labels),
            "misfit": lambda: image.misfit(A, x_hat, y, sigma),
            "residual": lambda: image.residual(A, x_hat, y),
        }
        names = (name for name in self.names(sigma) if name != "top1" or labels is not None)
        rows = {}
        for name in names:
            with scoring(name):
                rows[name] = columns[name]().tolist()
        return [{name: values[i] for name, values in rows.items()} for i in range(len(x))]

    def features(self, x: Tensor) -> list[np.ndarray | Failure]:
        """(B, C, H, W) -> B times (2048,) float16, or why there is none."""

        def part(i: slice) -> np.ndarray:
            with scoring("features"):
                return self.inception(x[i]).cpu().numpy().astype(np.float16)

        return in_halves(part, len(x), self.device, lost=failure)


def make_scorer(suite: Suite, cells: Sequence[Cell]) -> Scorer:
    """What scores the cells of a suite; top-1 accuracy needs ImageNet's labels in the data of some."""
    images = [cell for cell in cells if cell.block == 1]
    smallest = min((cell.data.shape for cell in images), key=lambda shape: min(shape[1:]), default=None)
    labelled = any(has_imagenet_labels(cell.data) for cell in images)
    asked = [name for name in suite.metrics if name != "top1" or labelled] if images else []
    scorer = Scorer(
        cells[0].prior.device, suite.fid_mode if suite.features and images else None, smallest, asked
    )
    if images and asked != list(suite.metrics):
        names = ", ".join(dict.fromkeys(cell.data.name for cell in images))
        scorer.unavailable["top1"] = (
            f"it needs ImageNet's labels, which {names} has not (`label_set` in the card)"
        )
    return scorer


def has_imagenet_labels(data: Images) -> bool:
    """Whether a data set says that its labels are ImageNet's class indices."""
    return getattr(data, "label_set", None) == "imagenet" and getattr(data, "labels", None) is not None


def imagenet_labels(data: Images, images: Sequence[str]) -> Tensor | None:
    """ImageNet's class indices, (B,), 0 to 999 in the order of the WordNet ids; None where labels are not
    that, or absent.
    """
    return torch.tensor([data.labels[image] for image in images]) if has_imagenet_labels(data) else None
