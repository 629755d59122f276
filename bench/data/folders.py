"""Any folder of photographs as a data set: which files are its images, and what becomes of them."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from bench.data.cards import DataError
from bench.data.files import MODES, is_shown
from bench.data.headers import Header, refuse_unusable, survey
from bench.data.preprocessing import Photographs
from bench.names import counted
from bench.system.cache import sha256

FORMATS = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff"}
"""Suffixes of the files that are read as photographs."""
SMALLEST = 8
"""Pixels of the shorter side, at least: less is an icon or a line, not a photograph."""
GREY = {"1", "L", "LA"}
"""Pillow's modes without colour."""


class FolderImages(NamedTuple):
    """What a folder holds.

    Attributes:
        files: its images by path without suffix, sorted.
        skipped: number of the other files, by what they are.
    """

    files: dict[str, Path]
    skipped: Counter[str]

    @property
    def note(self) -> str:
        """The other files in words; "" where there are none."""
        parts = [f"{n} {what}" for what, n in sorted(self.skipped.items())]
        return f"{counted(self.skipped.total(), 'file')} skipped: {', '.join(parts)}" if parts else ""


class FolderOfPhotographs(Photographs):
    """All images of a folder and of the folders in it, without a card.

    Ids are the paths inside the folder without suffix, sorted. The name is the folder's, with the first
    digits of a hash of all files: another file, another data set. Images are turned as EXIF says.

    Args:
        folder: of the images.
        shape: (C, H, H) to which they are cropped and resized.
        most: the number of images, from the first, that have to be usable; None means all.

    Raises:
        DataError: there is no image, two differ in the suffix only, some cannot be used, or the shape is not
            that of square photographs.

    """

    upright = True

    def __init__(self, folder: Path, shape: tuple[int, ...], most: int | None = None) -> None:
        if len(shape) != 3 or shape[1] != shape[2]:
            raise DataError(f"{folder}: images are cropped to squares, the prior's shape is {tuple(shape)}")
        C, side, _ = shape
        if C not in MODES:
            channels = f"photographs have 1 channel (grey) or 3 (colour), the prior's images have {C}"
            raise DataError(f"{folder}: {channels}; choose another by --prior")
        found = image_files(folder)
        files = list(found.files.values())[:most]
        headers, problems = survey(files, check_photograph)
        refuse_unusable(problems, len(files))
        content = hashlib.sha256("".join(_sums(folder, found.files, headers)).encode()).hexdigest()
        name = f"{folder.resolve().name}-{content[:8]}"
        super().__init__(name, content, (C, side, side), list(found.files))
        self.files = found.files
        self.notes = tuple(_notes(folder.name, found, headers, self.shape))


def check_photograph(path: Path, image: Image.Image) -> None:
    """Refuses an opened file that is too small for a photograph.

    Raises:
        DataError: its shorter side has less than `SMALLEST` pixels.

    """
    if min(image.size) < SMALLEST:
        small = (
            f"size is {image.width} x {image.height} px, photographs have at least {SMALLEST} on each side"
        )
        raise DataError(f"{path}: {small}; remove it")


def image_files(folder: Path) -> FolderImages:
    """Finds the images of a folder and of the folders in it, linked ones too.

    Hidden files, and what systems put beside pictures, are not images.

    Raises:
        DataError: there is no image, or two differ in the suffix only.

    """
    files: dict[str, Path] = {}
    skipped: Counter[str] = Counter()
    for path, hidden in _walk(folder):
        kind = path.suffix.lower()
        if hidden or kind not in FORMATS:
            skipped["hidden or of the system" if hidden else kind or "without a suffix"] += 1
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in files:
            both = f"{files[name].name} and {path.name}"
            raise DataError(
                f"{path.parent}: two files differ in the suffix only ({both}); remove one of them"
            )
        files[name] = path
    found = FolderImages(dict(sorted(files.items())), skipped)
    if not files:
        also = f"; {found.note}" if found.note else ""
        kinds = ", ".join(sorted(FORMATS))
        raise DataError(f"{folder}: no PNG or JPEG file in this folder or below it (read are {kinds}){also}")
    return found


def _walk(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Every file below a folder, and whether it or a folder above it is hidden; links are followed once."""
    seen = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        here = Path(place)
        if (real := here.resolve()) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        hidden = not all(map(is_shown, here.relative_to(folder).parts))
        for name in sorted(files):
            yield here / name, hidden or not is_shown(name)


def _sums(folder: Path, files: Mapping[str, Path], headers: Mapping[Path, Header]) -> Iterator[str]:
    """A line for each file: its hash and name, and a mark where it is turned."""
    for file in files.values():
        known = headers.get(file)
        mark = " turned" if known and known.orientation > 1 else ""
        yield f"{sha256(file)}  {file.relative_to(folder).as_posix()}{mark}\n"


def _notes(
    name: str, found: FolderImages, headers: Mapping[Path, Header], shape: tuple[int, int, int]
) -> Iterator[str]:
    """What a run should say of a folder before it computes."""
    C, side, _ = shape
    if found.note:
        yield f"note: {name}: {found.note}"
    photographs = counted(len(headers), "photograph")
    if colour := C == 1 and sum(header.mode not in GREY for header in headers.values()):
        lost = f"{colour} of {photographs} have colours and become grey, {side} x {side} px"
        yield f"warning: {name}: {lost}, as this prior's images are; --prior takes another"
    if small := sum(min(header.size) < side for header in headers.values()):
        yield f"warning: {name}: {small} of {photographs} are smaller than {side} px and are enlarged"
