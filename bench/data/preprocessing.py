"""Photographs of any size and mode -> 8-bit squares, the way in which the priors at 256 px saw their training
images.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from bench.data.cards import DataError
from bench.data.files import MODES, Dataset, decoding

RECENT = 32
"""So many prepared images are kept: a batch is asked for its pixels and then for their hashes."""

DEEP = {"I", "F"}
"""First letters of the modes with more than 8 bits a channel, which Pillow clips instead of scaling."""


def centre_crop(image: Image.Image, side: int) -> Image.Image:
    """The centre of an image, its shorter side brought to ``side`` pixels, as in ADM (Dhariwal & Nichol,
    arXiv 2105.05233).

    While the shorter side is at least 2 side: both are halved, rounding down, by a box filter. Then they are
    scaled by side over the shorter one, rounded to the nearest integer (half to even), by Pillow's bicubic
    filter (a = -1/2, antialiased). Then half of the excess is cut off, rounding down, from the left and the
    top, the rest from the right and the bottom. Images that are smaller are enlarged.

    Args:
        image: of mode L or RGB.

    """
    while min(image.size) >= 2 * side:
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    scale = side / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def prepare(path: Path, shape: tuple[int, int, int], sides: tuple[int, ...] = ()) -> np.ndarray:
    """The pixels of an image file, converted to grey or RGB, then cropped: (H, W) or (H, W, 3) uint8.

    Pillow converts: CMYK, palette and grey become RGB, transparency is dropped, and the orientation that EXIF
    notes is ignored, as by the data loaders of the papers.

    Args:
        shape: (C, H, H), as it is wanted.
        sides: what the file must have, if not empty: a square of one of these sides.

    Raises:
        DataError: not a readable image, more than 8 bits a channel, or another size.

    """
    C, H, _ = shape
    with decoding(path) as image:
        if image.mode[0] in DEEP:
            raise DataError(
                f"{path}: colour mode is {image.mode}, more than 8 bits a channel; convert the file first"
            )
        if sides and (image.width != image.height or image.width not in sides):
            squares = " or ".join(f"{side} x {side}" for side in sides)
            raise DataError(
                f"{path}: size is {image.width} x {image.height} px, it should be {squares}; use the original file"
            )
        return np.asarray(centre_crop(image.convert(MODES[C]), H))


class Photographs(Dataset):
    """Image files that are prepared when they are read.

    Attributes:
        files: id -> file.
        sides: as for `prepare`.

    """

    files: dict[str, Path]
    sides: tuple[int, ...] = ()

    def read(self, image_id: str) -> np.ndarray:
        recent = self.__dict__.setdefault("_recent", {})
        if image_id not in recent:
            if len(recent) >= RECENT:
                del recent[next(iter(recent))]
            recent[image_id] = prepare(self.files[image_id], self.shape, self.sides)
        return recent[image_id]
