"""What is computed from a reconstruction and its truth: metrics, and the pictures and features kept for the report."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench import metrics
from bench.assets import AssetUnavailable
from bench.records import write_atomic
from bench.solver import Measurement
from bench.tasks import Measured

SSIM_WINDOW = 11
"""Least side of an image that has an SSIM, pixels."""


class Scorer:
    """Per-image metrics, in float64 on the CPU; networks (LPIPS, Inception) in float32 on a device.

    Args:
        shape: of the smallest image; None where there are none to score.

    Attributes:
        unavailable: metric -> why it cannot be computed here.
        available: the metrics that can, whether or not they apply.
    """

    def __init__(self, device: torch.device, features: bool, shape: Sequence[int] | None) -> None:
        self.unavailable: dict[str, str] = {}
        self.available: set[str] = set()
        self.lpips, self.inception = None, None
        if shape is None:
            return
        if min(shape[1:]) < SSIM_WINDOW:
            self.unavailable["ssim"] = f"its window of {SSIM_WINDOW} pixels does not fit images of {shape[1]} x {shape[2]}"
        try:
            self.lpips = metrics.Lpips("alex", device)
        except AssetUnavailable as error:
            self.unavailable["lpips"] = str(error)
        if features:
            try:
                self.inception = metrics.Inception(device)
            except AssetUnavailable as error:
                self.unavailable |= {"fid": str(error), "kid": str(error)}
        self.available = {"psnr", "ssim", "lpips", *(["fid", "kid"] if features else [])} - self.unavailable.keys()

    def names(self, sigma: float) -> list[str]:
        """Metrics of each image, in the order of the tables."""
        return [*(n for n in ("psnr", "ssim", "lpips") if n in self.available), "misfit" if sigma > 0 else "residual"]

    def __call__(self, x_hat: Tensor, x: Tensor, measurement: Measurement) -> list[dict[str, float]]:
        """(B, C, H, W) twice, float64 in [-1, 1], and the measurement -> a dictionary for each image."""
        y, A, sigma = measurement
        columns = {"psnr": metrics.psnr(x_hat, x)}
        if "ssim" in self.available:
            columns["ssim"] = metrics.ssim(x_hat, x)
        if self.lpips:
            columns["lpips"] = self.lpips(x_hat, x)
        if sigma > 0:
            columns["misfit"] = metrics.misfit(A, x_hat, y, sigma)
        else:
            columns["residual"] = metrics.residual(A, x_hat, y)
        rows = {name: values.tolist() for name, values in columns.items()}
        return [{name: values[i] for name, values in rows.items()} for i in range(len(x))]

    def features(self, x: Tensor) -> np.ndarray:
        """(B, C, H, W) -> (B, 2048) float16."""
        return self.inception(x).cpu().numpy().astype(np.float16)


class Gallery:
    """Pictures and features of a run folder, each written as a whole or not at all.

    Args:
        first: pictures are kept of the first so many images of every cell; None keeps all.
    """

    def __init__(self, folder: Path, first: int | None) -> None:
        self.folder, self.first = folder, first

    def wants(self, position: int) -> bool:
        """Whether the picture of the image at this position of the list is kept."""
        return self.first is None or position < self.first

    def reconstruction(self, key: str, x: Tensor) -> None:
        """(C, H, W) in [-1, 1]."""
        write_atomic(self.folder / "objects" / key[:2] / f"{key}.png", png(x))

    def problem(self, measured: Measured, i: int) -> None:
        """The truth and the measurement of one image of a batch, named by what they are; y with its masks and kernels too."""
        one = slice(i, i + 1)
        y, A, _ = measured.measurement
        objects, y_hash = self.folder / "objects", measured.y_hashes[i]
        self._once(objects / "truth" / f"{measured.image_sha256[i]}.png", lambda: png(measured.x[i]))
        self._once(objects / "measurement" / f"{y_hash}.png", lambda: png(A[one].display(y[one])[0]))
        self._once(objects / "measurement" / f"{y_hash}.npz", lambda: npz({"y": y[i], **first_rows(A[one].parameters())}))

    def _once(self, path: Path, data: Callable[[], bytes]) -> None:
        if not path.exists():
            write_atomic(path, data())

    def features(self, scorer: Scorer, keys: Sequence[str], x_hat: Tensor, truths: Sequence[str], x: Tensor) -> None:
        """Inception features of reconstructions, and of the truths, named by their sha256, that have none yet."""
        for key, row in zip(keys, scorer.features(x_hat), strict=True):
            write_atomic(self.folder / "features" / f"{key}.npy", npy(row))
        paths = {self.folder / "features" / "truth" / f"{sha256}.npy": i for i, sha256 in enumerate(truths)}
        new = {path: i for path, i in paths.items() if not path.exists()}
        if new:
            for path, row in zip(new, scorer.features(x[list(new.values())]), strict=True):
                write_atomic(path, npy(row))


def png(x: Tensor) -> bytes:
    """(1 or 3, H, W) in [-1, 1] as an 8-bit PNG; values outside are clipped, NaN is black."""
    pixels = ((x.detach().cpu().double().nan_to_num(-1, 1, -1).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    array = pixels.permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(buffer, "PNG")
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    """An array as an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def npz(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors as a compressed .npz file, floating numbers in float32."""
    buffer = io.BytesIO()
    arrays = {name: (v.float() if v.is_floating_point() else v).numpy() for name, v in tensors.items()}
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def first_rows(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of a batch of one."""
    return {name: v[0] for name, v in tensors.items()}
