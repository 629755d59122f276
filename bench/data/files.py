"""Data sets whose files are taken as they are: sheets and folders."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.data.cards import DataError, DatasetCard, FolderCard, SheetCard, check_sha256, read_bytes
from bench.data.headers import decoding, refuse_unusable, survey

MODES = {1: "L", 3: "RGB"}
"""Number of channels -> Pillow's mode of an 8-bit image."""

SUFFIXES = {".png", ".jpg", ".jpeg"}


class Dataset(ABC):
    """Images with names.

    Attributes:
        name: of the data set, which is the name of its card.
        card_sha256: hash of the card's bytes, or of all image files where there is no card.
        shape: (C, H, W) of every image.
        ids: names of the images, in their fixed order.
        labels: id -> class index, or None.
        class_names: names of the classes, or None.
        label_set: "imagenet" where labels are ImageNet's class indices, 0 to 999 in the order of the WordNet
            ids; else None.
        notes: lines that a run prints: what is left out, and what becomes of the pictures.

    """

    notes: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        card_sha256: str,
        shape: tuple[int, int, int],
        ids: list[str],
        labels: dict[str, int] | None = None,
        class_names: list[str] | None = None,
        label_set: str | None = None,
    ) -> None:
        self.name, self.card_sha256, self.shape = name, card_sha256, shape
        self.ids, self.labels, self.class_names, self.label_set = ids, labels, class_names, label_set
        self._known = frozenset(ids)  # a list of 50,000 would be searched for every image

    @abstractmethod
    def read(self, image_id: str) -> np.ndarray:
        """Reads the pixels of a known image, (H, W, C) or (H, W) uint8."""

    def pixels(self, image_id: str) -> np.ndarray:
        """Pixels of an image, (C, H, W) uint8.

        Raises:
            DataError: there is no such image, or its file is damaged.

        """
        if image_id not in self._known:
            raise DataError(
                f"data set '{self.name}' has no image '{image_id}'; it has {self.ids[0]} to {self.ids[-1]}"
            )
        C, H, W = self.shape
        return self.read(image_id).reshape(H, W, C).transpose(2, 0, 1).copy()

    def image(self, image_id: str) -> Tensor:
        """(C, H, W) float32 in [-1, 1]; black is -1, white is 1."""
        return torch.from_numpy(self.pixels(image_id)).float() / 127.5 - 1

    def image_sha256(self, image_id: str) -> str:
        """Hexadecimal sha256 of the decoded pixels, (C, H, W) uint8."""
        return hashlib.sha256(self.pixels(image_id).tobytes()).hexdigest()


def about(path: Path, card: DatasetCard) -> dict[str, Any]:
    """Arguments of `Dataset` that its card gives."""
    return {
        "name": path.stem,
        "card_sha256": hashlib.sha256(read_bytes(path)).hexdigest(),
        "shape": card.shape,
        "class_names": card.class_names,
        "label_set": card.label_set,
    }


class SheetDataset(Dataset):
    """Images cut out of one picture, which is read and verified when the data set is made."""

    def __init__(self, path: Path, card: SheetCard) -> None:
        ids = [card.ids.format(card.first + k) for k in range(card.count)]
        if card.labels is not None and len(card.labels) != card.count:
            raise DataError(f"{path}: {len(card.labels)} labels for {card.count} images")
        labels = None if card.labels is None else dict(zip(ids, card.labels, strict=True))
        super().__init__(**about(path, card), ids=ids, labels=labels)
        C, H, W = card.shape
        rows, columns, file = -(-card.count // card.columns), card.columns, path.parent / card.file
        check_sha256(file, read_bytes(file), card.sha256)
        with opened(file, (C, rows * H, columns * W)) as picture:
            tiles = np.asarray(picture).reshape(rows, H, columns, W, C).swapaxes(1, 2)
        self.tiles = dict(zip(ids, tiles.reshape(-1, H, W, C), strict=False))

    def read(self, image_id: str) -> np.ndarray:
        return self.tiles[image_id]


class FolderDataset(Dataset):
    """One file per image.

    Size and mode of every file are checked when the data set is made, its pixels when they are read.
    """

    def __init__(self, path: Path, card: FolderCard) -> None:
        folder = path.parent / card.folder
        self.files = _files_by_id(path, folder)
        if card.labels is not None and card.labels.keys() != self.files.keys():
            odd = min(card.labels.keys() ^ self.files.keys())
            raise DataError(f"{path}: labels and files do not match at '{odd}'; label every image or none")
        super().__init__(**about(path, card), ids=list(self.files), labels=card.labels)
        files = self.files.values()
        if card.sha256:
            sums = "".join(f"{hashlib.sha256(read_bytes(file)).hexdigest()}  {file.name}\n" for file in files)
            check_sha256(folder, sums.encode(), card.sha256)
        refuse_unusable(survey(files, partial(check_shape, shape=card.shape))[1], len(files))

    def read(self, image_id: str) -> np.ndarray:
        with opened(self.files[image_id], self.shape) as image:
            return np.asarray(image)


def _files_by_id(card: Path, folder: Path) -> dict[str, Path]:
    """The images of a card's folder by name without suffix, sorted by file name."""
    if not folder.is_dir():
        raise DataError(f"{card}: no folder {folder}; put the images there or change 'folder' in the card")
    shown = (file for file in folder.iterdir() if is_shown(file.name))
    files = sorted(file for file in shown if file.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"{card}: no PNG or JPEG file in {folder}")
    by_id = {file.stem: file for file in files}
    if len(by_id) < len(files):
        alike = "two files share a name and differ in the suffix only"
        raise DataError(f"{folder}: {alike}; ids are names without suffix")
    return by_id


@contextmanager
def opened(path: Path, shape: tuple[int, int, int]) -> Iterator[Image.Image]:
    """Opens an image file that must have the shape (C, H, W).

    Raises:
        DataError: it has another mode or size, or cannot be read, now or while it is decoded.

    """
    with decoding(path) as image:
        check_shape(path, image, shape)
        yield image


def check_shape(path: Path, image: Image.Image, shape: tuple[int, int, int]) -> None:
    """Refuses an opened file that has not the shape (C, H, W).

    Raises:
        DataError: it has another mode or size.

    """
    C, H, W = shape
    if image.mode != MODES[C]:
        raise DataError(
            f"{path}: colour mode is {image.mode}, {C} channel(s) need {MODES[C]}; convert the file first"
        )
    if image.size != (W, H):
        size = " x ".join(str(side) for side in image.size)
        raise DataError(
            f"{path}: size is {size} px, the card says {W} x {H}; resize the file or change the card"
        )


HIDDEN = {"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir"}
"""What systems put beside pictures. Names that begin with a dot are hidden, too: "._x.png" of a Mac."""


def is_shown(name: str) -> bool:
    """Whether a file or folder of this name is the user's own."""
    return not name.startswith(".") and name not in HIDDEN
