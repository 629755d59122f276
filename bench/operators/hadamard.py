"""Compressed sensing: a few coefficients of the Walsh-Hadamard transform of shuffled pixels."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor

from bench.noise import philox_bits, stream_key
from bench.operators.base import SVDOperator
from bench.operators.kernels import image_shape


class CompressedSensing(SVDOperator):
    """A = the kept rows of H P for each channel: P shuffles the pixels, H is the orthonormal Walsh-Hadamard transform.

    Both the shuffle and the choice of rows are drawn per image and shared by its channels. Without the shuffle, random rows
    would miss the low frequencies, where images have their energy; without the choice, the first rows would be no more than
    the means of groups of ``factor`` pixels. The row of ones, the mean of the image, is always kept. A A^T = I.

    Args:
        factor: pixels per measurement: of n pixels, n // factor coefficients are measured in each channel.
    """

    batched = ("pixels", "order", "pixels_back", "order_back")

    def __init__(self, shape: Sequence[int], seeds: Sequence[int], factor: Annotated[int, Ge(1)] = 4) -> None:
        super().__init__(shape, seeds)
        _, H, W = image_shape(shape, "compressed_sensing")
        n = H * W
        if n & (n - 1):
            raise ValueError(f"compressed_sensing needs a number of pixels that is a power of two, got {H} x {W} = {n}")
        if factor > n:
            raise ValueError(f"compressed_sensing: factor = {factor} is more than the image's {n} pixels")
        self.m = n // factor
        keys = [stream_key("compressed_sensing", seed) for seed in self.seeds]
        self.pixels = torch.from_numpy(np.stack([shuffle(key, 0, n) for key in keys]))
        self.order = torch.from_numpy(np.stack([np.append(0, 1 + shuffle(key, 1, n - 1)) for key in keys]))
        self.pixels_back, self.order_back = self.pixels.argsort(1), self.order.argsort(1)
        self.singular = (torch.arange(n) < self.m).double().view(1, 1, H, W)

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape[0], self.m

    def parameters(self) -> dict[str, Tensor]:
        """The shuffled pixels' numbers, (B, n), and those of the kept rows, in natural (Hadamard) order, (B, m)."""
        return {"pixels": self.pixels, "rows": self.order[:, : self.m]}

    def conventions(self) -> dict[str, str]:
        kept = f"{self.m} of {len(self.pixels[0])} coefficients per channel, the image's mean among them"
        return {"transform": "orthonormal Walsh-Hadamard of shuffled pixels", "kept": kept}

    def display(self, y: Tensor) -> Tensor:
        """A+ y: an image, of mostly noise where few coefficients were measured."""
        return self.transpose(y).clamp(-1, 1)

    @property
    def s(self) -> Tensor:
        return self.singular.expand(1, *self.shape)

    def apply_U(self, z: Tensor) -> Tensor:
        return z.flatten(2)[..., : self.m].clone()

    def apply_Ut(self, y: Tensor) -> Tensor:
        z = y.new_zeros(len(y), *self.shape)
        z.flatten(2)[..., : self.m] = y
        return z

    def apply_V(self, z: Tensor) -> Tensor:
        return pick(hadamard(pick(z.flatten(2), self.order_back)), self.pixels_back).view(z.shape)

    def apply_Vt(self, x: Tensor) -> Tensor:
        return pick(hadamard(pick(x.flatten(2), self.pixels)), self.order).view(x.shape)


def shuffle(key: int, call: int, n: int) -> np.ndarray:
    """(n,) a random permutation of 0 .. n - 1, a function of the stream and the call."""
    return np.argsort(philox_bits(key, call, n), kind="stable")


def pick(x: Tensor, index: Tensor) -> Tensor:
    """Entries ``index``, (B, n), of the last axis of x, (B, C, n)."""
    return x.gather(-1, index[:, None].expand_as(x))


def hadamard(x: Tensor) -> Tensor:
    """The orthonormal Walsh-Hadamard transform of the last axis, whose length n is a power of two; its own inverse.

    log2(n) rounds of sums and differences, O(n log n); rows in natural order.
    """
    shape, n, h = x.shape, x.shape[-1], 1
    while h < n:
        a, b = x.reshape(*shape[:-1], n // (2 * h), 2, h).unbind(-2)
        x, h = torch.stack((a + b, a - b), -2), 2 * h
    return x.reshape(shape) / n**0.5
