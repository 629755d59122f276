"""Public collections of images that a user has in a folder of their own, and where in it the images are."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.data.cards import DataError
from bench.data.files import decoding

ROOT = "BENCH_DATA"
"""Environment variable: a folder below which all collections are, unless they have one of their own."""

WNID = re.compile(r"n\d{8}")
"""Name of a class's folder in ImageNet, its WordNet id."""


class Entry(NamedTuple):
    """One image of a list."""

    id: str
    group: str
    """The folder it lies in, where its collection is sorted into folders."""
    label: int | None = None


class Collection(NamedTuple):
    """A collection.

    Attributes:
        title: for messages.
        variable: the environment variable that names the user's folder.
        folders: where the images may be, below that folder.
        layouts: their paths there, by id and group.
        sides: that the files may have, in pixels; anything if empty.

    """

    title: str
    variable: str
    folders: tuple[str, ...]
    layouts: tuple[str, ...]
    sides: tuple[int, ...] = ()

    @property
    def choice(self) -> str:
        """How to say where it is."""
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
    """Where the user says that a collection is: the argument, else the collection's variable, else
    ``BENCH_DATA``.

    Raises:
        DataError: nowhere, or no such folder.

    """
    sources = {
        "--data-root": root and str(root),
        **{name: os.environ.get(name) for name in (collection.variable, ROOT)},
    }
    found = next(((name, value) for name, value in sources.items() if value), None)
    if found is None:
        raise DataError(f"no folder is given for {collection.title}; give it by {collection.choice}")
    folder = Path(found[1]).expanduser()
    if not folder.is_dir():
        raise DataError(f"{found[0]}: no folder {folder}; it should have {collection.title}")
    return folder


def places(collection: Collection, folder: Path) -> Iterator[Path]:
    """The folders in which the images may be, of those that there are."""
    return (place for name in collection.folders if (place := folder / name).is_dir())


def find_images(collection: Collection, entries: Sequence[Entry], folder: Path) -> dict[str, Path]:
    """The file of each id, from the one place and layout that has them all.

    Raises:
        DataError: some are missing; counted where the most of them are.

    """
    best: set[Path] = set()
    for place in places(collection, folder):
        for layout in collection.layouts:
            files = [place / layout.format(**entry._asdict()) for entry in entries]
            there = [file for file in files if file.is_file()]
            if len(there) == len(files):
                return dict(zip((entry.id for entry in entries), files, strict=True))
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
    """Entries of a list: the first images by name whose shorter side has at least so many pixels.

    Classes are the ranks of the names of the class folders, as for torchvision's ImageFolder.

    Raises:
        DataError: no class folders, a damaged image, or too few images.

    """
    for place in places(collection, folder):
        classes = sorted(path for path in place.iterdir() if WNID.fullmatch(path.name) and path.is_dir())
        if classes:
            break
    else:
        raise DataError(
            f"{folder} has no folders named by class (n01440764, ...), so the classes of its images are not known"
        )
    files = ((file, label) for label, path in enumerate(classes) for file in path.glob("*.JPEG"))
    lines: list[str] = []
    for file, label in sorted(files, key=lambda pair: pair[0].name):
        with decoding(file) as image:
            if min(image.size) >= side:
                lines.append(f"{file.parent.name}/{file.name} {label}")
        if len(lines) == count:
            return lines
    raise DataError(f"{place} has {len(lines)} images with at least {side} px on each side, the list {count}")
