"""Cards of data sets: the entries of their TOML files."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.system.gate import conform, read_toml, reason

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
"""Found by path, never imported: the folder holds data only."""

Side = Annotated[int, Field(ge=1, le=16_384)]
Count = Annotated[int, Field(ge=1, le=10_000_000)]
"""A number of images, which can be counted."""
Shape = tuple[Literal[1, 3], Side, Side]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Ids = Annotated[str, Field(pattern=r"^[\w.-]*\{:\d*d\}[\w.-]*$")]
"""Pattern of an id, such as "test-{:05d}"."""


class DataError(ValueError):
    """A data set cannot be used; the message, one line, names the file, the reason and the choice."""


class DatasetCard(BaseModel):
    """Entries that every card may have; ``shape`` is (C, H, W) of one image, texts are for the reader."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: Shape
    source: str = ""
    licence: str = ""
    split: str = ""
    preprocessing: str = ""
    notes: str = ""
    class_names: list[str] | None = None
    label_set: Literal["imagenet"] | None = None


class SheetCard(DatasetCard):
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
    count: Count
    columns: Count
    ids: Ids = "{:05d}"
    first: int = 0
    labels: list[int] | None = None


class FolderCard(DatasetCard):
    """One file per image; ids are the file names without their suffix, sorted.

    Attributes:
        folder: relative to the card, or absolute.
        sha256: of what ``sha256sum *`` prints in that folder for the image files; pins every image. Not
            checked if absent.
        labels: id -> class.

    """

    kind: Literal["folder"]
    folder: str
    sha256: Sha256 | None = None
    labels: dict[str, int] | None = None


class IdList(BaseModel):
    """A text file that names images, their order and their classes.

    Each image has a line "<folder>/<name>.<suffix> <class>". The file is looked up beside the card, then in
    the cache, where `python -m bench fetch lists` puts it.

    Attributes:
        file: its name.
        sha256: of the file.
        urls: where it can be had.
        min_side: if given, a rule that derives the list: the first images of the collection, by name, whose
            shorter side has at least so many pixels.
        head_of: if given, another rule: the first entries of the list of this data set.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    sha256: Sha256
    urls: list[str] = []
    min_side: Side | None = None
    head_of: str | None = None


class ListedCard(DatasetCard):
    """Some images of a public collection that the user has; reading an image crops and resizes it.

    Attributes:
        collection: a key of `bench.data.collections`.
        preprocessing: centre_crop is `bench.data.preprocessing.centre_crop`, from Dhariwal & Nichol 2021.
        count: number of images.
        id_list: names the images; without it, the pattern does.
        ids, first: pattern of an id, filled with first, first + 1, ...
        ids_sha256: of the ids that the pattern makes, a line for each; checked if given.

    """

    kind: Literal["listed"]
    collection: Literal["imagenet", "ffhq"]
    preprocessing: Literal["centre_crop"]
    count: Count
    id_list: IdList | None = None
    ids: Ids | None = None
    first: int = 0
    ids_sha256: Sha256 | None = None

    @property
    def numbered(self) -> list[str]:
        """The ids that the pattern makes; none without a pattern."""
        if self.ids is None:
            return []
        return [self.ids.format(self.first + k) for k in range(self.count)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.id_list is None) == (self.ids is None):
            raise ValueError("give either 'id_list' or 'ids'")
        lines = "".join(f"{image_id}\n" for image_id in self.numbered)
        if self.ids_sha256 and hashlib.sha256(lines.encode()).hexdigest() != self.ids_sha256:
            raise ValueError("'ids', 'first' and 'count' make another list than the one of 'ids_sha256'")
        if self.shape[1] != self.shape[2]:
            raise ValueError(f"'shape' is {self.shape[1]} x {self.shape[2]}, a centre crop is square")
        return self


AnyCard = SheetCard | FolderCard | ListedCard
KINDS = Annotated[AnyCard, Field(discriminator="kind")]


def read_card(path: Path) -> AnyCard:
    """Reads and validates a card.

    Raises:
        DataError: it is missing, not TOML, or has a wrong, missing or unknown entry.

    """
    content = read_bytes(path)
    try:
        card: AnyCard = conform(KINDS, read_toml(content))
    except ValidationError as error:
        entry = ".".join(str(part) for part in error.errors()[0]["loc"][1:]) or "kind"
        raise DataError(f"{path}: '{entry}': {reason(error)}; datasets/README.md shows a card") from error
    except ValueError as error:
        raise DataError(f"{path}: not a TOML card: {error}") from error
    return card


def read_bytes(path: Path) -> bytes:
    """Reads a file; a DataError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error


def check_sha256(path: Path, content: bytes, expected: str) -> None:
    """Refuses content that is not what the card pins."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        differ = f"sha256 is {found[:16]}..., the card says {expected[:16]}..."
        raise DataError(f"{path}: {differ}; restore the file or make a new card")
