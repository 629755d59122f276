"""Data sets: cards in ``datasets/``, and the images that they describe, in [-1, 1].

A card is a TOML file, named like its data set, that says where the images are, how they were made and what
they hash to. There are three kinds:

- A ``sheet`` is one picture tiled with all images, which a repository's page can show.
- A ``folder`` holds one file per image. Sheets and folders are taken as they are: a wrong size or colour mode
  is refused, never resized or converted, since preprocessing changes results.
- A ``listed`` card names images of a public collection that the user has, and the preprocessing that all
  papers gave them.

Any folder of images is a data set too, without a card and with that same preprocessing.
"""

import hashlib
from pathlib import Path

from bench.data.cards import (
    DATASETS,
    AnyCard,
    DataError,
    DatasetCard,
    FolderCard,
    IdList,
    ListedCard,
    SheetCard,
    read_bytes,
    read_card,
)
from bench.data.files import Dataset, FolderDataset, SheetDataset
from bench.data.folders import FolderOfPhotographs, image_files
from bench.data.listed import ListedDataset
from bench.data.lists import ListUnavailable, fetch_list
from bench.names import nearest

__all__ = [
    "DATASETS",
    "AnyCard",
    "DataError",
    "Dataset",
    "DatasetCard",
    "FolderCard",
    "FolderDataset",
    "FolderOfPhotographs",
    "ListUnavailable",
    "ListedCard",
    "ListedDataset",
    "SheetCard",
    "SheetDataset",
    "card_path",
    "fetch_list",
    "image_files",
    "list_datasets",
    "load_dataset",
    "names_folder",
    "read_card",
    "which_list",
    "with_lists",
]


def list_datasets() -> list[str]:
    """Names of the data sets that come with the suite.

    Raises:
        DataError: the folder is not there, as when only the wheel was installed.

    """
    if not DATASETS.is_dir():
        raise DataError(
            f"no folder {DATASETS}: data sets come with the repository, not with the installed package; "
            "clone it and install it with `pip install -e .`, or give the path of a card"
        )
    return sorted(path.stem for path in DATASETS.glob("*.toml"))


def with_lists() -> list[str]:
    """Names of the data sets that come with the suite and need a list; those that are made of others last."""
    lists = _lists()
    return sorted(lists, key=lambda name: lists[name].head_of is not None)


def _lists() -> dict[str, IdList]:
    """The list of each data set of the suite that needs one."""
    found = {}
    for name in list_datasets():
        card = read_card(DATASETS / f"{name}.toml")
        if isinstance(card, ListedCard) and card.id_list is not None:
            found[name] = card.id_list
    return found


def which_list(file: Path) -> tuple[str, ...]:
    """Name of the data set whose list a file is.

    Raises:
        ListUnavailable: it is none of the known ones.

    """
    found, lists = hashlib.sha256(read_bytes(file)).hexdigest(), _lists()
    for name in with_lists():
        if lists[name].sha256 == found:
            return (name,)
    raise ListUnavailable(
        f"{file}: sha256 {found[:16]}... is not that of any known list; known: {', '.join(with_lists())}"
    )


def card_path(name: str | Path) -> Path:
    """Path of the card of a data set in ``datasets/``, or the given path of a card (which ends in .toml).

    Raises:
        DataError: the name is unknown.

    """
    path = Path(name)
    if path.suffix == ".toml":
        return path
    if name not in (known := list_datasets()):
        choice = "or the path of a card (*.toml) or of a folder of images"
        raise DataError(f"unknown data set '{name}'{nearest(str(name), known)}, {choice}")
    return DATASETS / f"{name}.toml"


def load_dataset(
    name: str | Path, root: Path | None = None, shape: tuple[int, ...] | None = None, most: int | None = None
) -> Dataset:
    """Opens a data set.

    Args:
        name: of a card in ``datasets/``, the path of a card (which ends in .toml), or of a folder of images.
        root: where the user's images are, for cards that list some images of a public collection.
        shape: (C, H, H) to which the images of a folder are brought; a card says its own.
        most: the number of listed images, or of those of a folder, from the first, that have to be there and
            usable; None means all.

    Raises:
        DataError: it is unknown, or a file is missing, corrupt, of the wrong size, mode or hash.

    """
    if names_folder(name):
        if shape is None:
            lacking = "a folder has no size of image of its own, which is needed here"
            raise DataError(f"{name}: {lacking}; give the path of a card (*.toml)")
        return FolderOfPhotographs(Path(name).expanduser(), shape, most)
    path = card_path(name)
    card = read_card(path)
    if isinstance(card, ListedCard):
        return ListedDataset(path, card, root, most)
    if isinstance(card, SheetCard):
        return SheetDataset(path, card)
    return FolderDataset(path, card)


def names_folder(name: str | Path) -> bool:
    """Whether a name is the path of a folder.

    A bare word is the name of a data set, whatever lies in the working directory.
    """
    return ("/" in str(name) or "\\" in str(name)) and Path(name).expanduser().is_dir()
