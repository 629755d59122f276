"""Where the pictures, measurements and features of a run folder lie.

A folder with a million files is slow everywhere, so that files lie in sub-folders by the first two letters
of their name. Earlier versions had one folder for truths, one for measurements and one for features; it is
still read.
"""

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


def read_arrays(path: Path) -> "dict[str, np.ndarray] | None":
    """The arrays of an .npz file by name; None where it is damaged, or holds more than numbers and texts."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as kept:
            return dict(kept)
    except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
