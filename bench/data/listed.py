"""Data sets of photographs in a user's folder that a card lists."""

from functools import partial
from pathlib import Path

from bench.data.cards import DataError, ListedCard
from bench.data.collections import COLLECTIONS, ListEntry, find_images, locate, missing_images, user_folder
from bench.data.files import about
from bench.data.headers import refuse_unusable, survey
from bench.data.lists import entries
from bench.data.preprocessing import Photographs, check_sides


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
            first = list(self.files.values())[:1]  # one stands for all; `doctor` looks at each
            refuse_unusable(survey(first, partial(check_sides, sides=collection.sides))[1], 1)
        except DataError as error:
            raise DataError(f"{self.name}: {error}") from None
        self.sides = collection.sides
        suffixes = {file.suffix.lower() for file in self.files.values()} - {collection.suffix.lower()}
        if suffixes:
            kinds = " and ".join(sorted(suffixes))
            made = f"its images are {kinds} copies of {collection.suffix} files"
            self.notes = (f"note: {self.name}: {made}; their pixels may differ from the originals'",)


def problems_of(path: Path, card: ListedCard, root: Path | None) -> list[str]:
    """All that keeps a listed data set from being used, by the headers of its files.

    The list, the folder and the images are looked at each for itself: nothing hides what is behind it.

    Args:
        path: of the card.
        card: its content.
        root: the user's folder, if given.

    """
    collection, found = COLLECTIONS[card.collection], []
    listed: list[ListEntry] = []
    try:
        listed = entries(card, path)
    except DataError as error:
        found.append(str(error).removeprefix(f"{path.stem}: "))
    try:
        place = user_folder(collection, root)
    except DataError as error:
        return [*found, str(error)]
    if not listed:
        return found
    located = locate(collection, listed, place)
    if missing := missing_images(collection, listed, place, located):
        found.append(missing)
    return found + survey(located.files.values(), partial(check_sides, sides=collection.sides))[1]
