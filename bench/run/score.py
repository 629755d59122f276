"""Metrics of a reconstruction and its truth."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from bench.data.images import Images
from bench.metrics import image, networks
from bench.metrics.assets import AssetUnavailable
from bench.metrics.table import METRICS
from bench.plan.cell import Cell, class_labels
from bench.run.failures import Failure, describe, failure, scoring
from bench.solver import Measurement
from bench.suites.suite import Suite
from bench.system.device import in_halves

SSIM_WINDOW = 11
"""Least side of an image that has an SSIM, pixels."""
LPIPS = {"lpips": "alex", "lpips_vgg": "vgg", "lpips_quantised": "alex"}
"""Metric -> trunk."""
QUANTISED = {"lpips_quantised"}
"""Those of `LPIPS` that see the reconstruction in 8 bit."""
SETS = ("fid", "kid")
"""Metrics of sets of images, by their Inception features."""
USUAL = ("psnr", "ssim", "lpips")

Network = TypeVar("Network")


class Scorer:
    """Metrics of each image, in float64 on the CPU; networks (LPIPS, Inception, ResNet-50) run in float32.

    Args:
        device: where the networks run.
        features: mode of the Inception features, None where none are wanted.
        shape: (C, H, W) of the smallest images; None where there are none to score.
        asked: metrics of each image, of `bench.suites.suite.ImageMetric`.

    Attributes:
        unavailable: metric -> why it cannot be computed here.
        available: the metrics that can be computed here, whether or not they apply.
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
        if shape is not None and min(shape[1:]) < SSIM_WINDOW:
            reason = f"its window of {SSIM_WINDOW} pixels does not fit images of {shape[1]} x {shape[2]}"
            self.unavailable |= {name: reason for name in asked if name.startswith("ssim")}
        self.lpips: dict[str, networks.Lpips] = {}
        self.classifier: networks.Classifier | None = None
        self.inception: networks.Inception | None = None
        for name in asked:
            if name in LPIPS and (lpips := self._load([name], partial(networks.Lpips, LPIPS[name], device))):
                self.lpips[name] = lpips
        if "top1" in asked:
            self.classifier = self._load(["top1"], partial(networks.Classifier, device))
        wanted = set(asked)
        if features:
            wanted |= set(SETS)
            self.inception = self._load(SETS, partial(networks.Inception, device, features))
        self.available = wanted - self.unavailable.keys()

    def _load(self, names: Sequence[str], build: Callable[[], Network]) -> Network | None:
        """Builds a network; without its weights it is None, and these metrics are unavailable."""
        try:
            return build()
        except AssetUnavailable as error:
            self.unavailable |= dict.fromkeys(names, str(error))
            return None

    def _build(self) -> None:
        """Builds the networks that are built at first use; one that cannot be built costs its metric only."""
        late: list[tuple[Sequence[str], object]] = [(SETS, self.inception)]
        for name, lpips in self.lpips.items():
            late.append(((name,), lpips))
        for names, network in late:
            try:
                _ = isinstance(network, networks.NetworkMetric) and network.network
            except Exception as error:  # noqa: BLE001 - importing a package that is broken may raise anything
                self._go_without(names, describe(error))

    def _go_without(self, names: Sequence[str], reason: str) -> None:
        """Leaves metrics out from now on."""
        self.unavailable |= dict.fromkeys(names, f"{reason}; mend it, and run again")
        self.available -= set(names)
        for name in names:
            self.lpips.pop(name, None)
        self.inception = None if names == SETS else self.inception

    def names(self, sigma: float | Tensor) -> list[str]:
        """Metrics of each image, in the order of the tables, where the noise has this standard deviation."""
        names = [name for name in METRICS if name in self.asked and name in self.available]
        return [*names, "residual" if sigma == 0 else "misfit"]

    def __call__(
        self, x_hat: Tensor, x: Tensor, measurement: Measurement, labels: Tensor | None = None
    ) -> list[dict[str, float] | Failure]:
        """Scores a batch.

        Images that do not fit on the device together, or of which one cannot be scored, are scored in parts.

        Args:
            x_hat, x: reconstructions and truths, (B, C, H, W) float64 in [-1, 1].
            labels: ImageNet's class indices, (B,); without them there is no top-1 accuracy.

        Returns:
            For each image its metrics by name, or why it cannot be scored.
        """
        y, A, _ = measurement
        self._build()

        def part(i: slice) -> list[dict[str, float]]:
            own = None if labels is None else labels[i]
            return self._rows(x_hat[i], x[i], Measurement(y[i], A[i], noise=measurement.noise[i]), own)

        return in_halves(part, len(x), self.device, lost=failure)

    def _rows(
        self, x_hat: Tensor, x: Tensor, measurement: Measurement, labels: Tensor | None
    ) -> list[dict[str, float]]:
        y, A, sigma = measurement
        columns: dict[str, Callable[[], Tensor]] = {
            "psnr": lambda: image.psnr(x_hat, x),
            "psnr_quantised": lambda: image.psnr(image.quantised(x_hat), x),
            "ssim": lambda: image.ssim(x_hat, x),
            "ssim_full": lambda: image.ssim_full(x_hat, x),
            "ssim_quantised": lambda: image.ssim(image.quantised(x_hat), x),
            "misfit": lambda: image.misfit(A, x_hat, y, measurement.noise),
            "residual": lambda: image.residual(A, x_hat, y),
        }
        for name, lpips in self.lpips.items():
            columns[name] = partial(lpips, image.quantised(x_hat) if name in QUANTISED else x_hat, x)
        if self.classifier is not None and labels is not None:
            columns["top1"] = partial(self.classifier, x_hat, labels)
        rows: list[dict[str, float]] = [{} for _ in range(len(x))]
        for name in self.names(sigma):
            if name == "top1" and labels is None:
                continue
            with scoring(name):
                values = columns[name]().tolist()
            for row, value in zip(rows, values, strict=True):
                row[name] = value
        return rows

    def features(self, x: Tensor) -> list[np.ndarray | Failure]:
        """Inception features of (B, C, H, W), B times (2048,) float16, or why there is none."""
        assert self.inception is not None
        inception = self.inception

        def part(i: slice) -> list[np.ndarray]:
            with scoring("features"):
                return list(inception(x[i]).cpu().numpy().astype(np.float16))

        return in_halves(part, len(x), self.device, lost=failure)


class Scored(NamedTuple):
    """The images that a run scores one by one: all of them decide which metrics are computed."""

    names: tuple[str, ...]
    """Names of the data sets."""
    shape: tuple[int, ...] | None
    """(C, H, W) of the smallest; None where there are none."""
    labelled: bool
    """Whether ImageNet's labels are known of some."""


def what_is_scored(cells: Sequence[Cell]) -> Scored:
    """The images that the cells of a run score one by one."""
    data = [cell.data for cell in cells if cell.samples_per_problem == 1]
    shape = min((tuple(images.shape) for images in data), key=lambda shape: min(shape[1:]), default=None)
    names = tuple(dict.fromkeys(images.name for images in data))
    return Scored(names, shape, any(has_imagenet_labels(images) for images in data))


def make_scorer(suite: Suite, cells: Sequence[Cell], scored: Scored | None = None) -> Scorer:
    """Makes what scores the cells of a suite. Top-1 accuracy needs ImageNet's labels in the data of some.

    Args:
        scored: the images of the whole run, where these cells are a part of it.
    """
    device, scored = cells[0].prior.device, scored or what_is_scored(cells)
    if scored.shape is None:
        return Scorer(device, None, None, [])
    asked = [name for name in suite.metrics if name != "top1" or scored.labelled]
    scorer = Scorer(device, suite.fid_mode if suite.features else None, scored.shape, asked)
    if asked != list(suite.metrics):
        scorer.unavailable["top1"] = (
            f"it needs ImageNet's labels, which {', '.join(scored.names)} has not (`label_set` in the card)"
        )
    return scorer


def has_imagenet_labels(data: Images) -> bool:
    """Whether a data set says that its labels are ImageNet's class indices."""
    return getattr(data, "label_set", None) == "imagenet" and getattr(data, "labels", None) is not None


def imagenet_labels(data: Images, images: Sequence[str]) -> Tensor | None:
    """ImageNet's class indices, (B,), 0 to 999 in the order of the WordNet ids; None where there are none."""
    if not has_imagenet_labels(data):
        return None
    labels = class_labels(data)
    return torch.tensor([labels[image] for image in images])
