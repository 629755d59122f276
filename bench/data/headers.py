"""Headers of image files: what a picture says of itself, and whether it is whole, without its pixels."""

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from bench.data.cards import DataError
from bench.system.supplied import stranger

ORIENTATION = 0x0112
"""EXIF's tag of the way in which a picture was held; 1 is upright."""
DEEP = {"I", "F"}
"""First letters of the modes with more than 8 bits a channel, which Pillow clips instead of scaling."""
SHOWN = 5
"""Unusable files that one message names."""
ENDS = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9", "MPO": b"\xff\xd9"}
"""The last bytes of a whole file."""


class Header(NamedTuple):
    """What a picture says of itself.

    Attributes:
        size: width and height as stored, in pixels.
        mode: Pillow's name of its colours.
        orientation: EXIF's, 1 to 8.
    """

    size: tuple[int, int]
    mode: str
    orientation: int


Check = Callable[[Path, Image.Image], object]
"""Raises a `DataError` for an opened file that cannot be used."""


@contextmanager
def decoding(path: Path) -> Iterator[Image.Image]:
    """Opens an image file.

    Raises:
        DataError: it cannot be read, now or while it is decoded, or has more than 8 bits a channel.

    """
    try:
        with Image.open(path) as image:
            refuse_deep(path, image)
            yield image
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path}: not a readable image ({_reason(path, error)}); replace or remove it"
        ) from error


def refuse_deep(path: Path, image: Image.Image) -> None:
    """Refuses an opened file with more than 8 bits a channel, of which Pillow would keep 8.

    Raises:
        DataError: it has more.

    """
    raw = [str(tile[3]) for tile in getattr(image, "tile", ())]
    if image.mode[0] in DEEP or any(";16" in one for one in raw):
        deep = f"colour mode is {image.mode}, more than 8 bits a channel"
        raise DataError(f"{path}: {deep}; convert it to 8 bits first")


def _reason(path: Path, error: Exception) -> str:
    """Why a file is no image: what it is instead, or else what the decoder says."""
    try:
        return stranger(path) or str(error).replace(f" {str(path)!r}", "")
    except OSError as unreadable:
        return str(unreadable.strerror)


def orientation(image: Image.Image) -> int:
    """How the camera was held, by EXIF, 1 to 8; only what stands before the pixels counts."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    found = image.getexif().get(ORIENTATION, 1)
    return found if found in range(2, 9) else 1


def survey(files: Iterable[Path], check: Check) -> tuple[dict[Path, Header], list[str]]:
    """Looks at the headers and the ends of files; decodes only what seems to have been cut off.

    Args:
        files: of images.
        check: raises for a file that cannot be used.

    Returns:
        The headers of the good files, and a line for each of the others.

    """
    good, problems = {}, []
    for path in files:
        try:
            with decoding(path) as image:
                check(path, image)
                good[path] = Header(image.size, image.mode, orientation(image))
                if not is_whole(path, image):
                    image.load()
        except DataError as error:
            good.pop(path, None)
            problems.append(str(error))
    return good, problems


def is_whole(path: Path, image: Image.Image) -> bool:
    """Whether the end of a file, or its stated length, shows that nothing is missing."""
    length = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(-min(length, 16), 2)
        tail = file.read()
    if image.format in ENDS:
        return tail.rstrip(b"\0").endswith(ENDS[image.format])
    if image.format == "WEBP":
        return int.from_bytes(head[4:8], "little") + 8 <= length
    return False


class UnusableFiles(DataError):
    """Files of a data set that a run would refuse.

    Attributes:
        problems: a line for each.
    """

    def __init__(self, message: str, problems: list[str]) -> None:
        super().__init__(message)
        self.problems = problems


def refuse_unusable(problems: list[str], total: int) -> None:
    """Refuses files that cannot be used, all at once.

    Args:
        problems: a line for each of them.
        total: how many files there are.

    Raises:
        UnusableFiles: there is one.

    """
    if not problems:
        return
    if len(problems) == 1:
        raise UnusableFiles(problems[0], problems)
    shown = "; ".join(problems[:SHOWN])
    more = f"; and {len(problems) - SHOWN} more, which `doctor` names" if len(problems) > SHOWN else ""
    raise UnusableFiles(f"{len(problems)} of {total} images cannot be used: {shown}{more}", problems)
