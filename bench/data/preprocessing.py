"""Turns photographs of any size and mode into 8-bit squares.

The priors at 256 px saw their training images in this way.
"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from bench.data.cards import DataError
from bench.data.files import MODES, Dataset
from bench.data.headers import decoding, orientation

RECENT = 32
"""Number of prepared images that are kept: a batch is asked for its pixels and then for their hashes."""


def centre_crop(image: Image.Image, side: int) -> Image.Image:
    """Scales an image and cuts out its central square, as ADM does (Dhariwal & Nichol, arXiv 2105.05233).

    1. While the shorter side is at least 2 ``side``, a box filter halves both sides, rounding down.
    2. Pillow's bicubic filter (a = -1/2, antialiased) scales both sides by ``side`` over the shorter one,
       rounded to the nearest integer (half to even). Smaller images are enlarged.
    3. Half of the excess, rounded down, is cut off from the left and the top, the rest from the right and the
       bottom.

    Args:
        image: of mode L or RGB.
        side: of the square, in pixels.

    """
    while min(image.size) >= 2 * side:
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    scale = side / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def prepare(
    path: Path, shape: tuple[int, int, int], sides: tuple[int, ...] = (), upright: bool = False
) -> np.ndarray:
    """Reads an image file, converts it to grey or RGB and crops it: (H, W) or (H, W, 3) uint8.

    Pillow converts CMYK, palettes and grey to RGB and drops transparency.

    Args:
        path: of the file.
        shape: (C, H, H) of the result.
        sides: if not empty, the file must be a square of one of these sides.
        upright: whether to turn the image as its EXIF data say. The data loaders of the papers ignore them.

    Raises:
        DataError: not a readable image, more than 8 bits a channel, or another size.

    """
    C, H, _ = shape
    with decoding(path) as image:
        check_sides(path, image, sides)
        turned = ImageOps.exif_transpose(image) if upright and orientation(image) > 1 else image
        return np.asarray(centre_crop(turned.convert(MODES[C]), H))


def check_sides(path: Path, image: Image.Image, sides: tuple[int, ...]) -> None:
    """Refuses an opened file that is no square of one of the sides, where there are any.

    Raises:
        DataError: it has another size.

    """
    if sides and (image.width != image.height or image.width not in sides):
        squares = " or ".join(f"{side} x {side}" for side in sides)
        wrong = f"size is {image.width} x {image.height} px, it should be {squares}"
        raise DataError(f"{path}: {wrong}; use the original file")


class Photographs(Dataset):
    """Image files that are prepared when they are read; the last `RECENT` images are kept.

    Attributes:
        files: id -> file.
        sides, upright: as for `prepare`.

    """

    files: dict[str, Path]
    sides: tuple[int, ...] = ()
    upright = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._recent: dict[str, np.ndarray] = {}

    def read(self, image_id: str) -> np.ndarray:
        recent = self._recent
        if image_id not in recent:
            if len(recent) >= RECENT:
                oldest = next(iter(recent))
                del recent[oldest]
            recent[image_id] = prepare(self.files[image_id], self.shape, self.sides, self.upright)
        return recent[image_id]
