"""Public collections of images that users have in folders of their own, and how such a folder is laid out."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.data.cards import DataError
from bench.data.files import decoding

ROOT = "BENCH_DATA"
"""Environment variable that names the folder of all collections; each one may have its own variable."""

WNID = re.compile(r"n\d{8}")
"""Name of the folder of a class in ImageNet: the WordNet id."""


class Entry(NamedTuple):
    """One image of a list."""

    id: str
    group: str
    """Name of its folder, in collections that are sorted into folders."""
    label: int | None = None


class Collection(NamedTuple):
    """A collection.

    Attributes:
        title: its name in messages.
        variable: the environment variable that names the user's folder.
        folders: where the images may be, below that folder.
        layouts: patterns of a file's path there, by id and group.
        sides: of the square images, in pixels; empty if any size will do.

    """

    title: str
    variable: str
    folders: tuple[str, ...]
    layouts: tuple[str, ...]
    sides: tuple[int, ...] = ()

    @property
    def choice(self) -> str:
        """The ways in which a user can say where the collection is."""
        return f"--data-root DIR, {self.variable} or {ROOT}"


COLLECTIONS = {
    "imagenet": Collection(
        "the validation images of ImageNet (ILSVRC 2012)",
        "BENCH_IMAGENET",
        (
            "",
            "val",
            "imagenet/val",
            "imagenet",
            "ILSVRC2012/val",
            "Data/CLS-LOC/val",
            "ILSVRC/Data/CLS-LOC/val",
        ),
        ("{group}/{id}.JPEG", "{id}.JPEG"),
    ),
    "ffhq": Collection(
        "the images of FFHQ, 1024 or 256 px",
        "BENCH_FFHQ",
        (
            "",
            "images1024x1024",
            "images256x256",
            "ffhq",
            "ffhq/images1024x1024",
            "ffhq/images256x256",
            "ffhq256",
            "ffhq-256",
        ),
        ("{id}.png", "{group}/{id}.png"),
        (1024, 256),
    ),
}


def user_folder(collection: Collection, root: Path | None) -> Path:
    """The folder of a collection: ``root``, else that of the collection's variable, else ``BENCH_DATA``.

    Raises:
        DataError: none of them is given, or the first that is given does not exist.

    """
    sources = {"--data-root": None if root is None else str(root)}
    for variable in (collection.variable, ROOT):
        sources[variable] = os.environ.get(variable)
    for source, value in sources.items():
        if value:
            folder = Path(value).expanduser()
            if not folder.is_dir():
                raise DataError(f"{source}: no folder {folder}; it should have {collection.title}")
            return folder
    raise DataError(f"no folder is given for {collection.title}; give it by {collection.choice}")


def places(collection: Collection, folder: Path) -> Iterator[Path]:
    """The existing folders in which the images may be."""
    for name in collection.folders:
        if (folder / name).is_dir():
            yield folder / name


def find_images(collection: Collection, entries: Sequence[Entry], folder: Path) -> dict[str, Path]:
    """Finds the file of each id, in the first place and layout that has them all.

    Raises:
        DataError: some are missing; the message counts them in the place and layout that has the most.

    """
    best: set[Path] = set()
    for place in places(collection, folder):
        for layout in collection.layouts:
            files = [place / layout.format(**entry._asdict()) for entry in entries]
            there = [file for file in files if file.is_file()]
            if len(there) == len(files):
                return {entry.id: file for entry, file in zip(entries, files, strict=True)}
            if not best or len(there) > len(best):
                best, wanted = set(there), files
    if not best:
        layouts = " or ".join(layout.format(**entries[0]._asdict()) for layout in collection.layouts)
        none = f"{folder} has none of {len(entries)} images, looked for as {layouts}"
        raise DataError(f"{none}; give another by {collection.choice}")
    first = next(file for file in wanted if file not in best)
    missing = f"{len(wanted) - len(best)} of {len(wanted)} images are missing, the first is {first}"
    raise DataError(f"{missing}; complete the folder or give another by {collection.choice}")


def by_min_side(collection: Collection, folder: Path, side: int, count: int) -> list[str]:
    """Lines of a list: the first images by name whose shorter side has at least so many pixels.

    A class is the rank of its folder's name, as for torchvision's ImageFolder.

    Raises:
        DataError: no class folders, a damaged image, or too few images.

    """
    place, classes = _class_folders(collection, folder)
    files: list[tuple[Path, int]] = []
    for label, path in enumerate(classes):
        files += [(file, label) for file in path.glob("*.JPEG")]
    lines: list[str] = []
    for file, label in sorted(files, key=lambda pair: pair[0].name):
        with decoding(file) as image:
            if min(image.size) >= side:
                lines.append(f"{file.parent.name}/{file.name} {label}")
        if len(lines) == count:
            return lines
    raise DataError(f"{place} has {len(lines)} images with at least {side} px on each side, the list {count}")


def _class_folders(collection: Collection, folder: Path) -> tuple[Path, list[Path]]:
    """The first place that is sorted by class, and its class folders in the order of their names."""
    for place in places(collection, folder):
        classes = [path for path in place.iterdir() if WNID.fullmatch(path.name) and path.is_dir()]
        if classes:
            return place, sorted(classes)
    unsorted = f"{folder} has no folders named by class (n01440764, ...)"
    raise DataError(f"{unsorted}, so the classes of its images are not known")
