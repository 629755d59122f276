"""Operators that round, so that they have no gradient: JPEG and quantisation."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Le
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from bench.operators.base import PinvOperator
from bench.operators.kernels import image_shape

LUMINANCE = """
    16 11 10 16 24 40 51 61      12 12 14 19 26 58 60 55
    14 13 16 24 40 57 69 56      14 17 22 29 51 87 80 62
    18 22 37 56 68 109 103 77    24 35 55 64 81 104 113 92
    49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99
"""
CHROMINANCE = """
    17 18 24 47 99 99 99 99      18 21 26 66 99 99 99 99
    24 26 56 99 99 99 99 99      47 66 99 99 99 99 99 99
    99 99 99 99 99 99 99 99      99 99 99 99 99 99 99 99
    99 99 99 99 99 99 99 99      99 99 99 99 99 99 99 99
"""


class Rounding(PinvOperator):
    """An idempotent operator with outputs like its inputs.

    A A = A, so A+ y = y (a copy) satisfies A A+ A = A.
    """

    differentiable = False

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape

    def solve_pinv(self, y: Tensor) -> Tensor:
        return y.clone()


class Quantise(Rounding):
    """Rounding to the nearest of 2^bits levels, evenly spaced over [-1, 1] with both ends.

    y holds the levels. Beyond [-1, 1] the image is clipped. Half-way it goes to the even level.

    Args:
        bits: per channel and pixel.
    """

    def __init__(
        self, shape: Sequence[int], seeds: Sequence[int], bits: Annotated[int, Ge(1), Le(8)] = 2
    ) -> None:
        super().__init__(shape, seeds)
        self.steps = 2**bits - 1

    def conventions(self) -> dict[str, str]:
        return {"levels": f"{self.steps + 1}, evenly over [-1, 1] with both ends"}

    def forward(self, x: Tensor) -> Tensor:
        return 2 * (self.steps * (x.clamp(-1, 1) + 1) / 2).round() / self.steps - 1


class JPEG(Rounding):
    """JPEG (ITU-T T.81), encoded and decoded: y is the decoded image.

    Colour is BT.601 as in JFIF; chroma is halved in both directions by averaging and doubled by repetition;
    blocks of 8 x 8 are transformed and rounded to multiples of Annex K's tables, scaled by the quality as the
    Independent JPEG Group does. Grey images have luma only. What makes files of it (zigzag, Huffman) loses
    nothing and is left out, and so are the roundings to 8 bits and the clipping, which would spoil A A = A: y
    may leave [-1, 1] a little.

    Args:
        quality: 1 to 100.
    """

    def __init__(
        self, shape: Sequence[int], seeds: Sequence[int], quality: Annotated[int, Ge(1), Le(100)] = 10
    ) -> None:
        super().__init__(shape, seeds)
        C, H, W = image_shape(shape, "jpeg")
        if C not in (1, 3):
            raise ValueError(f"jpeg needs images with 1 or 3 channels, got {C}")
        block = 16 if C == 3 else 8
        if H % block or W % block:
            kind = "colour" if C == 3 else "grey"
            raise ValueError(f"jpeg needs sides divisible by {block} for {kind} images, got {H} x {W} pixels")
        self.quality = quality
        self.luma = quantisation_table(LUMINANCE, quality)
        self.chroma = quantisation_table(CHROMINANCE, quality)
        self.dct = dct_matrix(8)
        self.to_ycc = ycc_matrix()
        self.to_rgb = torch.linalg.inv(self.to_ycc)

    def conventions(self) -> dict[str, str]:
        chroma = {"chroma": "BT.601, halved by averaging"} if self.shape[0] == 3 else {}
        return {
            "tables": f"Annex K at quality {self.quality}",
            "rounding": "of coefficients only, no clipping",
        } | chroma

    def forward(self, x: Tensor) -> Tensor:
        # In units of 8-bit levels; the shift to 128 is half a level below x = 0, and chroma has none.
        x = 127.5 * x
        if self.shape[0] == 1:
            return (self.code(x - 0.5, self.luma) + 0.5) / 127.5
        ycc = torch.einsum("ij,bjhw->bihw", self.to_ycc, x)
        y = self.code(ycc[:, :1] - 0.5, self.luma) + 0.5
        cc = interpolate(self.code(avg_pool2d(ycc[:, 1:], 2), self.chroma), scale_factor=2, mode="nearest")
        return torch.einsum("ij,bjhw->bihw", self.to_rgb, torch.cat((y, cc), 1)) / 127.5

    def code(self, plane: Tensor, table: Tensor) -> Tensor:
        """Planes (B, c, h, w), the cosine coefficients of each block rounded to multiples of ``table``."""
        B, c, h, w = plane.shape
        blocks = plane.view(B, c, h // 8, 8, w // 8, 8).transpose(3, 4)
        kept = (self.dct @ blocks @ self.dct.T / table).round() * table
        return (self.dct.T @ kept @ self.dct).transpose(3, 4).reshape(B, c, h, w)


def quantisation_table(base: str, quality: int) -> Tensor:
    """(8, 8) float64: Annex K's table, which is for a quality of 50, scaled; whole numbers from 1 to 255."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    table = (np.array(base.split(), int).reshape(8, 8) * percent + 50) // 100
    return torch.from_numpy(table.clip(1, 255)).double()


def dct_matrix(n: int) -> Tensor:
    """(n, n) float64, the orthonormal discrete cosine transform of type II; frequencies are its rows."""
    k = torch.arange(n, dtype=torch.float64)
    D = torch.cos(torch.pi / n * k[:, None] * (k + 0.5)) * (2 / n) ** 0.5
    D[0] /= 2**0.5
    return D


def ycc_matrix() -> Tensor:
    """(3, 3) float64, RGB to luma, blue and red difference (BT.601, full range, differences centred on 0)."""
    luma = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
    red, _, blue = torch.eye(3, dtype=torch.float64)
    return torch.stack((luma, (blue - luma) / (2 * (1 - luma[2])), (red - luma) / (2 * (1 - luma[0]))))
