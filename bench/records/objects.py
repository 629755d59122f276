"""Where the pictures, measurements and features of a run folder lie.

A folder with a million files is slow everywhere, so that files lie in sub-folders by the first two letters
of their name. Earlier versions had one folder for truths, one for measurements and one for features; it is
still read.
"""

import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def spread(name: str) -> str:
    """Where a file is kept: "truth/3fb2.png" in "truth/3f/3fb2.png"."""
    path = Path(name)
    return (path.parent / path.name[:2] / path.name).as_posix()


def find_file(folders: Sequence[Path], name: str) -> Path | None:
    """The file of a name in the first of some folders that holds it, as it is kept now or was before."""
    for folder in folders:
        for place in (spread(name), name):
            path = folder / place
            if path.is_file():
                return path
    return None


class Finder:
    """Finds files as `find_file` does, and lists each folder once: a million files take seconds, not minutes.

    It sees nothing that comes later.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [str(folder) for folder in folders if folder.is_dir()]
        self._listed: dict[str, frozenset[str]] = {}

    def __call__(self, name: str) -> Path | None:
        """The file of a name; None where no folder holds it."""
        above, _, own = name.rpartition("/")
        for folder in self._folders:
            flat = f"{folder}/{above}" if above else folder
            for place in (f"{flat}/{own[:2]}", flat):
                if own in self._files(place):
                    return Path(place, own)
        return None

    def _files(self, place: str) -> frozenset[str]:
        """The names of the files of a folder; none where it is not there."""
        if place not in self._listed:
            try:
                with os.scandir(place) as entries:
                    self._listed[place] = frozenset(entry.name for entry in entries if entry.is_file())
            except OSError:
                self._listed[place] = frozenset()
        return self._listed[place]


def read_arrays(path: Path) -> "dict[str, np.ndarray] | None":
    """The arrays of an .npz file by name; None where it is damaged, or holds more than numbers and texts."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as kept:
            return dict(kept)
    except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
