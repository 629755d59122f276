"""Public collections of images that users have in folders of their own, and how such a folder is laid out."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.data.cards import DataError
from bench.data.files import is_shown
from bench.data.headers import decoding

ROOT = "BENCH_DATA"
"""Environment variable that names the folder of all collections; each one may have its own variable."""

COPIES = (".jpeg", ".jpg", ".png")
"""Suffixes that files of a collection may have."""

THUMBNAILS = "thumbnails128x128"
"""The folder of FFHQ's zip that nothing here uses."""

WNID = re.compile(r"n\d{8}")
"""Name of the folder of a class in ImageNet: the WordNet id."""


class ListEntry(NamedTuple):
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
        layouts: patterns of a file's path there without suffix, by id and group.
        suffix: of the original files. Copies in `COPIES` are found, too, also in capitals.
        sides: of the square images, in pixels; empty if any size will do.

    """

    title: str
    variable: str
    folders: tuple[str, ...]
    layouts: tuple[str, ...]
    suffix: str
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
            "val_images",
            "CLS-LOC/val",
            "Data/CLS-LOC/val",
            "ILSVRC/Data/CLS-LOC/val",
        ),
        ("{group}/{id}", "{id}", "{id}_{group}", "{group}/{id}_{group}"),
        ".JPEG",
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
        ("{id}", "{group}/{id}"),
        ".png",
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


class Located(NamedTuple):
    """The files of some entries in the place and layout that has the most of them.

    Attributes:
        files: id -> file, of those that are there.
        wanted: the path of the original file of the first entry that is missing; None where none is.
    """

    files: dict[str, Path]
    wanted: Path | None


class Listing:
    """Finds files by name whatever their suffix; every folder is read once."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, dict[str, str]]] = {}

    def find(self, stem: Path, suffix: str) -> Path | None:
        """The file with this path without suffix: the original's suffix first, then those of copies."""
        kinds = self._names(stem.parent).get(stem.name, {})
        for kind in (suffix, *COPIES):
            if kind in kinds:
                return stem.parent / kinds[kind]
        return None

    def _names(self, folder: Path) -> dict[str, dict[str, str]]:
        """Name of a file without suffix -> its suffixes, as they are and in small letters -> its name."""
        if folder not in self._folders:
            names: dict[str, dict[str, str]] = {}
            for path in folder.iterdir() if folder.is_dir() else ():
                names.setdefault(path.stem, {}).update(
                    {path.suffix.lower(): path.name, path.suffix: path.name}
                )
            self._folders[folder] = names
        return self._folders[folder]


def locate(collection: Collection, entries: Sequence[ListEntry], folder: Path) -> Located:
    """Looks for the file of each id, in the first place and layout that has them all, or else the most."""
    listing, best = Listing(), Located({}, None)
    for place in places(collection, folder):
        for layout in collection.layouts:
            files: dict[str, Path] = {}
            wanted = None
            for entry in entries:
                stem = place / layout.format(**entry._asdict())
                if found := listing.find(stem, collection.suffix):
                    files[entry.id] = found
                elif wanted is None:
                    wanted = stem.with_name(stem.name + collection.suffix)
            if len(files) > len(best.files) or best.wanted is None:
                best = Located(files, wanted)
            if wanted is None:
                return best
    return best


def find_images(collection: Collection, entries: Sequence[ListEntry], folder: Path) -> dict[str, Path]:
    """Finds the file of each id, in the first place and layout that has them all.

    Raises:
        DataError: some are missing; the message counts them in the place and layout that has the most.

    """
    located = locate(collection, entries, folder)
    if problem := missing_images(collection, entries, folder, located):
        raise DataError(problem)
    return located.files


def missing_images(
    collection: Collection, entries: Sequence[ListEntry], folder: Path, located: Located
) -> str:
    """Which images are missing, in words; "" where all were located."""
    total, there = len(entries), len(located.files)
    if there == total:
        return ""
    if there:
        missing = f"{total - there} of {total} images are missing, the first is {located.wanted}"
        return f"{missing}; complete the folder or give another by {collection.choice}"
    layouts = (layout.format(**entries[0]._asdict()) for layout in collection.layouts)
    none = (
        f"{folder} has none of {total} images, looked for as {' or '.join(layouts)} with {collection.suffix}"
    )
    if collection.sides and any(
        path.is_dir() for path in (folder / THUMBNAILS, folder / "ffhq" / THUMBNAILS)
    ):
        sides = " or ".join(map(str, collection.sides))
        none += f"; its {THUMBNAILS} are too small, images of {sides} px are needed"
    return f"{none}; give another by {collection.choice}"


def by_min_side(collection: Collection, folder: Path, side: int, count: int) -> list[str]:
    """Lines of a list: the first images by name whose shorter side has at least so many pixels.

    A class is the rank of its folder's name, as for torchvision's ImageFolder.

    Raises:
        DataError: no class folders, a damaged image, or too few images.

    """
    place, files = _with_classes(collection, folder)
    lines: list[str] = []
    for file, wnid, label in files:
        with decoding(file) as image:
            if min(image.size) >= side:
                name = file.stem.removesuffix(f"_{wnid}")
                lines.append(f"{wnid}/{name}{collection.suffix} {label}")
        if len(lines) == count:
            return lines
    raise DataError(f"{place} has {len(lines)} images with at least {side} px on each side, the list {count}")


def _with_classes(collection: Collection, folder: Path) -> tuple[Path, list[tuple[Path, str, int]]]:
    """The first place whose images say their class, and each image with its class by name and number.

    Classes are folders, or stand behind the name of each file. Images are in the order of their names.
    """
    for place in places(collection, folder):
        files: dict[Path, str] = {}
        classes = set()  # an empty folder is a class, too
        for path in place.iterdir():
            wnid = path.stem.rpartition("_")[2]
            if WNID.fullmatch(path.name) and path.is_dir():
                classes.add(path.name)
                files.update(dict.fromkeys(filter(_is_copy, path.iterdir()), path.name))
            elif _is_copy(path) and WNID.fullmatch(wnid):
                classes.add(wnid)
                files[path] = wnid
        if classes:
            number = {wnid: label for label, wnid in enumerate(sorted(classes))}
            ordered = sorted(files, key=lambda file: file.name)
            return place, [(file, files[file], number[files[file]]) for file in ordered]
    unsorted = (
        f"{folder} has no folders named by class (n01440764, ...), nor classes in the names of its files"
    )
    raise DataError(f"{unsorted}, so the classes of its images are not known")


def _is_copy(path: Path) -> bool:
    """Whether a file is an image of a collection by its name."""
    return path.suffix.lower() in COPIES and is_shown(path.name)
