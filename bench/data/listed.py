"""Data sets of photographs in a user's folder: those that a card lists, or all of them."""

import hashlib
from pathlib import Path

from bench.data.cards import DataError, ListedCard
from bench.data.collections import COLLECTIONS, find_images, user_folder
from bench.data.files import MODES, SUFFIXES, about
from bench.data.lists import entries
from bench.data.preprocessing import Photographs
from bench.system.cache import sha256


class ListedDataset(Photographs):
    """The images that a card lists.

    All files are looked up when the data set is made; their pixels are checked when they are read.

    Args:
        path: of the card.
        card: its content.
        root: the user's folder, if given.
        most: take only so many entries, the first ones; None takes the whole list.

    Attributes:
        place: the user's folder.

    Raises:
        DataError: the list or the folder is not there, or images are missing.

    """

    def __init__(
        self, path: Path, card: ListedCard, root: Path | None = None, most: int | None = None
    ) -> None:
        collection, listed = COLLECTIONS[card.collection], entries(card, path)[:most]
        labels = {entry.id: entry.label for entry in listed if entry.label is not None}
        ids = [entry.id for entry in listed]
        super().__init__(**about(path, card), ids=ids, labels=None if card.id_list is None else labels)
        if card.collection == "imagenet":
            self.label_set = "imagenet"
        try:
            self.place = user_folder(collection, root)
            self.files = find_images(collection, listed, self.place)
        except DataError as error:
            raise DataError(f"{self.name}: {error}") from None
        self.sides = collection.sides


class FolderOfPhotographs(Photographs):
    """All images of a folder and of the folders in it, without a card.

    Ids are the paths inside the folder without suffix, sorted. The name is the folder's, with the first
    digits of a hash of all files: another file, another data set.

    Args:
        folder: of the images.
        shape: (C, H, H) to which they are cropped and resized.

    Raises:
        DataError: there is no image, two differ in the suffix only, or the shape is not square.

    """

    def __init__(self, folder: Path, shape: tuple[int, ...]) -> None:
        if len(shape) != 3 or shape[1] != shape[2]:
            raise DataError(f"{folder}: images are cropped to squares, the prior's shape is {tuple(shape)}")
        C, side, _ = shape
        if C not in MODES:
            raise DataError(f"{folder}: photographs have 1 or 3 channels, the prior's images have {C}")
        files = image_files(folder)
        sums = "".join(f"{sha256(file)}  {file.relative_to(folder).as_posix()}\n" for file in files.values())
        content = hashlib.sha256(sums.encode()).hexdigest()
        name = f"{folder.resolve().name}-{content[:8]}"
        super().__init__(name, content, (C, side, side), list(files))
        self.files = files


def image_files(folder: Path) -> dict[str, Path]:
    """Finds the images of a folder and of the folders in it, by path without suffix, sorted.

    Raises:
        DataError: there is none, or two differ in the suffix only.

    """
    found = [path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]
    files = {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(found)}
    if not files:
        raise DataError(f"{folder}: no PNG or JPEG file in this folder or below it")
    if len(files) < len(found):
        raise DataError(f"{folder}: two files differ in the suffix only; ids are paths without suffix")
    return dict(sorted(files.items()))
