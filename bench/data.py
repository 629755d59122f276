"""Data sets: cards in ``datasets/``, and the images that they describe, in [-1, 1].

A card is a TOML file, named like its data set, that says where the images are, how they were made and what they hash to. Two
kinds: a ``sheet`` is one picture tiled with all images, which a repository's page can show; a ``folder`` holds one file per
image. Images are taken as they are: a wrong size or colour mode is refused, never resized or converted, since preprocessing
changes results.
"""

import difflib
import hashlib
import struct
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter, ValidationError
from torch import Tensor

DATASETS = Path(__file__).resolve().parents[1] / "datasets"
"""Found by path, never imported: the folder holds data only."""

MODES = {1: "L", 3: "RGB"}
"""Pillow's mode of an 8-bit image with so many channels."""

SUFFIXES = {".png", ".jpg", ".jpeg"}

Shape = tuple[Literal[1, 3], PositiveInt, PositiveInt]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class DataError(ValueError):
    """A data set cannot be used; one line that names the file, the reason and the choice."""


class Card(BaseModel):
    """What every card may say. ``shape`` is (C, H, W) of one image; the texts are for the reader."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: Shape
    source: str = ""
    licence: str = ""
    split: str = ""
    preprocessing: str = ""
    notes: str = ""
    class_names: list[str] | None = None


class SheetCard(Card):
    """All images in one lossless picture, row by row, in the order of their ids.

    Attributes:
        file: the picture, beside the card.
        sha256: of that file.
        count, columns: number of images, and of images in a row.
        ids: pattern of an id, such as "test-{:05d}", filled with first, first + 1, ...
        labels: the class of each image, in order.

    """

    kind: Literal["sheet"]
    file: str
    sha256: Sha256
    count: PositiveInt
    columns: PositiveInt
    ids: Annotated[str, Field(pattern=r"^[\w.-]*\{:\d*d\}[\w.-]*$")] = "{:05d}"
    first: int = 0
    labels: list[int] | None = None


class FolderCard(Card):
    """One file per image; ids are the file names without their suffix, sorted.

    Attributes:
        folder: relative to the card, or absolute.
        sha256: of what ``sha256sum *`` prints in that folder for the image files; pins every image. Not checked if absent.
        labels: id -> class.

    """

    kind: Literal["folder"]
    folder: str
    sha256: Sha256 | None = None
    labels: dict[str, int] | None = None


class Dataset(ABC):
    """Images with names.

    Attributes:
        name: of the data set, which is the name of its card.
        card_sha256: of the card's bytes.
        shape: (C, H, W) of every image.
        ids: names of the images, in their fixed order.
        labels: id -> class index, or None.
        class_names: names of the classes, or None.

    """

    def __init__(self, path: Path, card: Card, ids: list[str], labels: dict[str, int] | None) -> None:
        self.name, self.card_sha256 = path.stem, hashlib.sha256(path.read_bytes()).hexdigest()
        self.shape, self.class_names, self.ids, self.labels = card.shape, card.class_names, ids, labels

    @abstractmethod
    def read(self, image_id: str) -> np.ndarray:
        """The pixels of a known image, (H, W, C) or (H, W) uint8."""

    def pixels(self, image_id: str) -> np.ndarray:
        """(C, H, W) uint8.

        Raises:
            DataError: there is no such image, or its file is damaged.

        """
        if image_id not in self.ids:
            raise DataError(f"data set '{self.name}' has no image '{image_id}'; it has {self.ids[0]} to {self.ids[-1]}")
        C, H, W = self.shape
        return self.read(image_id).reshape(H, W, C).transpose(2, 0, 1).copy()

    def image(self, image_id: str) -> Tensor:
        """(C, H, W) float32 in [-1, 1]; black is -1, white is 1."""
        return torch.from_numpy(self.pixels(image_id)).float() / 127.5 - 1

    def image_sha256(self, image_id: str) -> str:
        """Hexadecimal sha256 of the decoded pixels, (C, H, W) uint8."""
        return hashlib.sha256(self.pixels(image_id).tobytes()).hexdigest()


class SheetDataset(Dataset):
    """Images cut out of one picture, which is read and verified at once."""

    def __init__(self, path: Path, card: SheetCard) -> None:
        ids = [card.ids.format(card.first + k) for k in range(card.count)]
        if card.labels is not None and len(card.labels) != card.count:
            raise DataError(f"{path}: {len(card.labels)} labels for {card.count} images")
        super().__init__(path, card, ids, card.labels and dict(zip(ids, card.labels, strict=True)))
        C, H, W = card.shape
        rows, columns, file = -(-card.count // card.columns), card.columns, path.parent / card.file
        check_sha256(file, read_bytes(file), card.sha256)
        with opened(file, (C, rows * H, columns * W)) as picture:
            tiles = np.asarray(picture).reshape(rows, H, columns, W, C).swapaxes(1, 2)
        self.tiles = dict(zip(ids, tiles.reshape(-1, H, W, C), strict=False))

    def read(self, image_id: str) -> np.ndarray:
        return self.tiles[image_id]


class FolderDataset(Dataset):
    """One file per image; size and mode of every file are checked at once, its pixels when it is read."""

    def __init__(self, path: Path, card: FolderCard) -> None:
        folder = path.parent / card.folder
        if not folder.is_dir():
            raise DataError(f"{path}: no folder {folder}; put the images there or change 'folder' in the card")
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
        if not files:
            raise DataError(f"{path}: no PNG or JPEG file in {folder}")
        self.files = {file.stem: file for file in files}
        if len(self.files) < len(files):
            raise DataError(f"{folder}: two files share a name and differ in the suffix only; ids are names without suffix")
        if card.labels is not None and card.labels.keys() != self.files.keys():
            odd = min(card.labels.keys() ^ self.files.keys())
            raise DataError(f"{path}: labels and files do not match at '{odd}'; label every image or none")
        super().__init__(path, card, list(self.files), card.labels)
        if card.sha256:
            sums = "".join(f"{hashlib.sha256(read_bytes(file)).hexdigest()}  {file.name}\n" for file in files)
            check_sha256(folder, sums.encode(), card.sha256)
        for file in files:
            with opened(file, card.shape):
                pass

    def read(self, image_id: str) -> np.ndarray:
        with opened(self.files[image_id], self.shape) as image:
            return np.asarray(image)


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


def load_dataset(name: str | Path) -> Dataset:
    """The data set of a name in ``datasets/``, or of the path of a card (which ends in .toml).

    Raises:
        DataError: it is unknown, or a file is missing, corrupt, of the wrong size, mode or hash.

    """
    path = Path(name)
    if path.suffix != ".toml":
        if name not in (known := list_datasets()):
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise DataError(f"unknown data set '{name}'; {hint}known: {', '.join(known)}, or the path of a card (*.toml)")
        path = DATASETS / f"{name}.toml"
    card = read_card(path)
    return SheetDataset(path, card) if isinstance(card, SheetCard) else FolderDataset(path, card)


def read_card(path: Path) -> SheetCard | FolderCard:
    """Reads and validates a card.

    Raises:
        DataError: it is missing, not TOML, or has a wrong, missing or unknown entry.

    """
    schema = TypeAdapter(Annotated[SheetCard | FolderCard, Field(discriminator="kind")])
    try:
        return schema.validate_python(tomllib.loads(read_bytes(path).decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a TOML card: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        entry = ".".join(str(part) for part in first["loc"][1:]) or "kind"
        raise DataError(f"{path}: '{entry}': {first['msg']}; datasets/README.md shows a card") from error


def read_bytes(path: Path) -> bytes:
    """A file's content, or a DataError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error


def check_sha256(path: Path, content: bytes, expected: str) -> None:
    """Refuses content that is not what the card pins."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(
            f"{path}: sha256 is {found[:16]}..., the card says {expected[:16]}...; restore the file or make a new card"
        )


@contextmanager
def opened(path: Path, shape: tuple[int, int, int]) -> Iterator[Image.Image]:
    """An image file that has the shape (C, H, W); whatever is wrong with it, then or while it is decoded, is a DataError."""
    C, H, W = shape
    try:
        with Image.open(path) as image:
            if image.mode != MODES[C]:
                raise DataError(f"{path}: colour mode is {image.mode}, {C} channel(s) need {MODES[C]}; convert the file first")
            if image.size != (W, H):
                size = " x ".join(str(side) for side in image.size)
                raise DataError(f"{path}: size is {size} px, the card says {W} x {H}; resize the file or change the card")
            yield image
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: not a readable image ({error}); replace the file or remove it") from error
