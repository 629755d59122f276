"""Operators that are diagonal in the pixels: denoising and inpainting."""

import hashlib
import zipfile
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, NamedTuple

import numpy as np
import torch
from annotated_types import Gt, Lt
from torch import Tensor

from bench.noise import philox_bits, stream_key
from bench.operators.base import SVDOperator
from bench.operators.kernels import image_shape
from bench.system.supplied import Version, supplied_file


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

    def apply_U(self, z: Tensor, /) -> Tensor:
        return z.clone()

    transpose = apply_Ut = apply_V = apply_Vt = apply_U


class Inpaint(SVDOperator):
    """A(x) = mask x, one mask per image, shared by its channels.

    y has the size of the image and is 0 where unmeasured.
    """

    batched = ("mask",)

    def __init__(self, shape: Sequence[int], seeds: Sequence[int], masks: Sequence[np.ndarray]) -> None:
        """``masks``: one (H, W) bool array per image, true where the pixel is measured; none is all false."""
        super().__init__(shape, seeds)
        if not all(mask.any() for mask in masks):
            H, W = self.shape[1:]
            raise ValueError(f"a mask of {H} x {W} pixels keeps none of them; leave something to be measured")
        self.mask = torch.from_numpy(np.stack(masks)[:, None]).double()

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.shape

    def parameters(self) -> dict[str, Tensor]:
        return {"mask": self.mask.bool()}

    def conventions(self) -> dict[str, str]:
        mask = f"{self.mask[0].mean():.1%} measured in the first image, the same in all channels"
        return {"mask": mask} | super().conventions()

    @property
    def measured(self) -> Tensor:
        return self.s.bool()

    @property
    def s(self) -> Tensor:
        return self.mask.expand(-1, *self.shape)

    def forward(self, x: Tensor) -> Tensor:
        return self.mask * x

    def apply_U(self, z: Tensor, /) -> Tensor:
        return self.mask * z

    transpose = apply_Ut = apply_U

    def apply_V(self, z: Tensor, /) -> Tensor:
        return z.clone()

    apply_Vt = apply_V


class InpaintBox(Inpaint):
    """One hole of half the height and width.

    Its place is uniform among those at least 1/16 of the side away from the border.
    """

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

    def __init__(
        self, shape: Sequence[int], seeds: Sequence[int], p: Annotated[float, Gt(0), Lt(1)] = 0.7
    ) -> None:
        _, H, W = image_shape(shape, "inpaint_random")

        def mask(seed: int) -> np.ndarray:
            order = np.argsort(philox_bits(stream_key("inpaint_random", seed), 0, H * W), kind="stable")
            m = np.ones(H * W, bool)
            m[order[: round(p * H * W)]] = False
            return m.reshape(H, W)

        super().__init__(shape, seeds, [mask(seed) for seed in seeds])


SIDE = 256
FILE = "imagenet_freeform_masks.npz"
VARIABLE = "BENCH_FREEFORM_MASKS"


class Masks(NamedTuple):
    """A pool of masks."""

    bits: np.ndarray
    """(n, ceil(H W / 8)) uint8: each mask's pixels row by row, eight to a byte, the first in the highest bit;
    1 is a hole."""
    sha256: str
    """Hash of ``bits``."""


class InpaintFreeform(Inpaint):
    """Each image's mask is one of a pool, drawn by the image's seed.

    Args:
        masks: of the size of the images.
    """

    def __init__(self, shape: Sequence[int], seeds: Sequence[int], masks: Masks) -> None:
        size = image_shape(shape, "inpaint_freeform")[1:]
        n = size[0] * size[1]

        def mask(seed: int) -> np.ndarray:
            word = philox_bits(stream_key("inpaint_freeform", seed), 0, 1)[0]
            return np.unpackbits(masks.bits[int(word) % len(masks.bits)], count=n).reshape(size) == 0

        super().__init__(shape, seeds, [mask(seed) for seed in seeds])
        self.sha256 = masks.sha256

    def conventions(self) -> dict[str, str]:
        return super().conventions() | {"masks": f"drawn from a file, sha256 {self.sha256[:12]}"}

    def supplied(self) -> dict[str, str]:
        return {"masks": self.sha256}


def inpaint_freeform(
    shape: Sequence[int], seeds: Sequence[int], fraction: str = "20-30% freeform"
) -> InpaintFreeform:
    """`InpaintFreeform` with the masks of Palette (Saharia et al., arXiv 2111.05826), 256 x 256 pixels.

    Their file is the one in ``BENCH_FREEFORM_MASKS``, or operators/imagenet_freeform_masks.npz in the cache.

    Args:
        fraction: key of the masks in the file; it says which part of the image is missing.

    Raises:
        ValueError: the file is absent or not what it should be, or the images have another size.
    """
    size = image_shape(shape, "inpaint_freeform")[1:]
    what = f"the masks of Palette's evaluation release ({FILE})"
    file = supplied_file("inpaint_freeform", FILE, VARIABLE, what)
    if size != (SIDE, SIDE):
        H, W = size
        raise ValueError(
            f"inpaint_freeform needs images of {SIDE} x {SIDE} pixels, as its masks are, got {H} x {W}"
        )
    return InpaintFreeform(shape, seeds, read_masks(file, fraction))


@lru_cache(maxsize=1)  # 80 MB in the published file, and every batch asks again
def read_masks(version: Version, key: str) -> Masks:
    """The masks of one key of a file, whose arrays may be laid out in several ways, all of them row by row.

    Bits are (n * 8192,), (n, 8192) or (n, 256, 32) uint8, as numpy.packbits makes them of the whole, of each
    mask or of each row. Plain zeros and ones are (n, 256, 256). 1 is a hole.

    Raises:
        ValueError: the file is damaged, has no such key, or the array is not laid out so.
    """
    path = version.path
    try:
        with np.load(path) as file:
            known = file.files
            array = file[key] if key in known else None
    except (OSError, ValueError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"inpaint_freeform: {path} is not an npz file that can be read ({error})") from error
    if array is None:
        raise ValueError(f"inpaint_freeform: no masks '{key}' in {path}; known: {', '.join(known)}")
    if array.shape[1:] == (SIDE, SIDE) and array.max(initial=0) <= 1:
        array = np.packbits(array.astype(bool).reshape(len(array), -1), axis=1)
    if array.dtype != np.uint8 or array.size == 0 or array.size % (SIDE * SIDE // 8):
        found = f"{array.dtype} {array.shape}"
        raise ValueError(f"inpaint_freeform: '{key}' in {path} is {found}, not masks of {SIDE} x {SIDE} bits")
    bits = np.ascontiguousarray(array.reshape(-1, SIDE * SIDE // 8))
    return Masks(bits, hashlib.sha256(bits.data).hexdigest())
