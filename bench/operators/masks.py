"""Operators that are diagonal in the pixels: denoising and inpainting."""

import hashlib
import re
import zipfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import torch
from annotated_types import Gt, Lt
from torch import Tensor

from bench.noise import philox_bits, stream_key
from bench.operators.base import SVDOperator
from bench.operators.kernels import image_shape
from bench.system.supplied import Version, stranger, supplied_file


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
    It may also be one that RED-diff's code writes.

    Args:
        fraction: which part of the image is missing, the key of the masks in Palette's file. Where it says a
            share, as in "20-30%", the masks must have it.

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
def read_masks(version: Version, fraction: str) -> Masks:
    """The masks of one share from a file of one of two formats.

    Palette's has a key for each share. Its arrays are laid out in several ways, all of them row by row: bits
    are (n * 8192,), (n, 8192) or (n, 256, 32) uint8, as numpy.packbits makes them of the whole, of each mask
    or of each row; plain zeros and ones are (n, 256, 256). 1 is a hole.

    RED-diff's has the keys "m", bits as numpy.packbits makes them of the whole, and "shape", (n, 3 * 65536).
    1 is a measured value, and all channels of a mask are alike.

    Raises:
        ValueError: the file is damaged or of no such format, has no such key, or its holes do not take the
            share of the image that ``fraction`` says.
    """
    path = version.path
    try:
        with np.load(path) as file:
            known = file.files
            wanted = known if set(known) == RED_DIFF else {fraction} & set(known)
            arrays = {key: file[key] for key in wanted}
    except (OSError, ValueError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        reason = stranger(path) or error
        raise ValueError(
            f"inpaint_freeform: {path} is not an npz file that can be read ({reason})"
        ) from error
    if not arrays:
        raise ValueError(f"inpaint_freeform: no masks '{fraction}' in {path}; known: {', '.join(known)}")
    where = f"'{fraction}' in {path}"
    bits = _measured_bits(arrays, path) if set(arrays) == RED_DIFF else _hole_bits(arrays[fraction], where)
    _check_share(bits, fraction, path, must_say=set(arrays) == RED_DIFF)
    return Masks(bits, hashlib.sha256(bits.data).hexdigest())


RED_DIFF = {"m", "shape"}
"""The keys of a file of masks that RED-diff's code writes."""
SHARE = re.compile(r"(\d+)-(\d+) ?%")
"""The words for a share, in percent."""


def _hole_bits(array: np.ndarray, where: str) -> np.ndarray:
    """The bits of `Masks` from an array of Palette's format."""
    if array.shape[1:] == (SIDE, SIDE) and array.max(initial=0) <= 1:
        array = np.packbits(array.astype(bool).reshape(len(array), -1), axis=1)
    if array.dtype != np.uint8 or array.size == 0 or array.size % (SIDE * SIDE // 8):
        found = f"{array.dtype} {array.shape}"
        raise ValueError(f"inpaint_freeform: {where} is {found}, not masks of {SIDE} x {SIDE} bits")
    return np.ascontiguousarray(array.reshape(-1, SIDE * SIDE // 8))


def _measured_bits(arrays: Mapping[str, np.ndarray], path: Path) -> np.ndarray:
    """The bits of `Masks` from the arrays of RED-diff's format, in which 1 is measured."""
    m, shape = arrays["m"], tuple(np.atleast_1d(arrays["shape"]).tolist())
    channels, rest = divmod(prod(shape[1:]), SIDE * SIDE)
    if rest or not channels or not shape[0] or m.dtype != np.uint8 or m.size != -(-prod(shape) // 8):
        found = f"{m.dtype} {m.shape} for masks of shape {shape}"
        raise ValueError(f"inpaint_freeform: {path} has {found}, not (n, C * {SIDE} * {SIDE}) bits")
    masks = m.reshape(shape[0], channels, SIDE * SIDE // 8)
    if (masks != masks[:, :1]).any():
        raise ValueError(f"inpaint_freeform: {path}: the channels of a mask differ; here they share one")
    return np.ascontiguousarray(~masks[:, 0])


def _check_share(bits: np.ndarray, fraction: str, path: Path, must_say: bool) -> None:
    """Refuses masks whose holes take another share of the image than the name says.

    Args:
        must_say: whether the name has to say one.
    """
    words = SHARE.search(fraction)
    if words is None:
        if must_say:
            kind = f"{path} has masks of one share and does not say which"
            raise ValueError(f"inpaint_freeform: {kind}; give it as in '20-30%', not as '{fraction}'")
        return
    low, high = int(words[1]) / 100, int(words[2]) / 100
    ones = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1)  # of each byte
    missing = np.bincount(bits.reshape(-1), minlength=256) @ ones / (8 * bits.size)
    if not low <= missing <= high:
        found = f"{missing:.1%} of their pixels are missing, {1 - missing:.1%} measured"
        turned = low <= 1 - missing <= high
        hint = "1 must be a hole here: invert them" if turned else "choose another file or fraction"
        raise ValueError(f"inpaint_freeform: the masks '{fraction}' in {path}: {found}; {hint}")
