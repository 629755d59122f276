"""Operators that are diagonal in the pixels: denoising and inpainting."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from annotated_types import Gt, Lt
from torch import Tensor

from bench.noise import philox_bits, stream_key
from bench.operators.base import SVDOperator
from bench.operators.kernels import image_shape


class Denoise(SVDOperator):
    """A(x) = x, for images and vectors."""

    def __init__(self, shape: Sequence[int], seeds: Sequence[int]) -> None:
        super().__init__(shape, seeds)
        self.ones = torch.ones(1, *self.shape, dtype=torch.float64)

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape

    @property
    def s(self) -> Tensor:
        return self.ones

    def forward(self, x: Tensor) -> Tensor:
        return x.clone()

    def apply_U(self, z: Tensor) -> Tensor:
        return z.clone()

    transpose = apply_Ut = apply_V = apply_Vt = apply_U


class Inpaint(SVDOperator):
    """A(x) = mask x, one mask per image, shared by its channels; y has the size of the image and is 0 where unmeasured."""

    batched = ("mask",)

    def __init__(self, shape: Sequence[int], seeds: Sequence[int], masks: Sequence[np.ndarray]) -> None:
        """``masks``: one (H, W) bool array per image, true where the pixel is measured."""
        super().__init__(shape, seeds)
        self.mask = torch.from_numpy(np.stack(masks)[:, None]).double()

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape

    def parameters(self) -> dict[str, Tensor]:
        return {"mask": self.mask.bool()}

    def conventions(self) -> dict[str, str]:
        share = self.mask[0].mean()
        return {"mask": f"{share:.1%} measured in the first image, the same in all channels"} | super().conventions()

    @property
    def measured(self) -> Tensor:
        return self.s.bool()

    @property
    def s(self) -> Tensor:
        return self.mask.expand(-1, *self.shape)

    def forward(self, x: Tensor) -> Tensor:
        return self.mask * x

    def apply_U(self, z: Tensor) -> Tensor:
        return self.mask * z

    transpose = apply_Ut = apply_U

    def apply_V(self, z: Tensor) -> Tensor:
        return z.clone()

    apply_Vt = apply_V


class InpaintBox(Inpaint):
    """One hole of half the height and width, placed uniformly at least 1/16 of the side away from the border."""

    def __init__(self, shape: Sequence[int], seeds: Sequence[int]) -> None:
        size = image_shape(shape, "inpaint_box")[1:]
        if min(size) < 2:
            raise ValueError(f"inpaint_box needs images of at least 2 x 2 pixels, got {size[0]} x {size[1]}")

        def mask(seed: int) -> np.ndarray:
            bits = philox_bits(stream_key("inpaint_box", seed), 0, 2)
            m = np.ones(size, bool)
            hole = []
            for n, word in zip(size, bits, strict=True):
                places = n - 2 * (n // 16) - n // 2 + 1
                start = n // 16 + int(word) % places
                hole.append(slice(start, start + n // 2))
            m[tuple(hole)] = False
            return m

        super().__init__(shape, seeds, [mask(seed) for seed in seeds])


class InpaintRandom(Inpaint):
    """Exactly round(p H W) of the pixels removed, at random; with one seed, a larger p removes a superset.

    Args:
        p: fraction of the pixels that is removed.
    """

    def __init__(self, shape: Sequence[int], seeds: Sequence[int], p: Annotated[float, Gt(0), Lt(1)] = 0.7) -> None:
        _, H, W = image_shape(shape, "inpaint_random")

        def mask(seed: int) -> np.ndarray:
            order = np.argsort(philox_bits(stream_key("inpaint_random", seed), 0, H * W), kind="stable")
            m = np.ones(H * W, bool)
            m[order[: round(p * H * W)]] = False
            return m.reshape(H, W)

        super().__init__(shape, seeds, [mask(seed) for seed in seeds])
