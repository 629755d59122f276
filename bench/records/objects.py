"""Where the pictures, measurements and features of a run folder lie.

A folder with a million files is slow everywhere, so that files lie in sub-folders by the first two letters
of their name. Earlier versions had one folder for truths, one for measurements and one for features; it is
still read.
"""

from collections.abc import Sequence
from pathlib import Path


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
