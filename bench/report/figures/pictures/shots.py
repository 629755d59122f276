"""The pictures of a table that were kept: of which sample, what it scored, how it differs from the truth."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench.records.record import Record
from bench.report.columns import Column
from bench.report.tables import Row, Table

Find = Callable[[str], Path | None]
"""Name of a picture, such as "truth/<sha256>.png" -> the file, if any folder holds it."""
FULL = 128
"""Difference, in steps of 8 bits, from which on the error map has its full colour."""
DARKER, SAME, BRIGHTER = (28, 96, 180), (238, 238, 236), (190, 84, 0)
"""Colours of the error map, as on the page."""


@dataclass(frozen=True)
class Shot:
    """A reconstruction whose picture was kept."""

    record: Record
    image: Image.Image

    def score(self, column: Column | None) -> float | None:
        """What the sample in the picture scored."""
        return self.record.metrics.get(column.name) if column else None


def first_shot(row: Row, image: str, find: Find) -> Shot | None:
    """The first sample of an image whose picture was kept."""
    for record in row.solved.get(image, []):
        path = find(f"{record.key}.png")
        if path:
            return Shot(record, load(path))
    return None


def truth(table: Table, image: str, find: Find) -> Image.Image | None:
    """The picture of an image."""
    return _load_if(find(f"truth/{table.truths.get(image)}.png"))


def measurement(table: Table, image: str, find: Find) -> Image.Image | None:
    """The picture of the measurement that most rows saw."""
    return _load_if(find(f"measurement/{table.measurements.get(image)}.png"))


def error_map(ours: Image.Image, true: Image.Image) -> Image.Image | None:
    """Where a picture is brighter (orange) and darker (blue) than the truth, the mean over colours.

    Small differences are shown larger, by a square root. None where the sizes differ.
    """
    if ours.size != true.size:
        return None
    difference = np.asarray(ours, dtype=float) - np.asarray(true, dtype=float)
    return Image.fromarray(ramp(difference.mean(axis=-1) / FULL))


def ramp(shares: np.ndarray) -> np.ndarray:
    """The colours, (..., 3) of 8 bits, of differences as shares of the full one, in [-1, 1]."""
    strength = np.sqrt(np.clip(np.abs(shares), 0, 1))[..., None]
    ends = np.where(shares[..., None] < 0, DARKER, BRIGHTER)
    return np.round(np.array(SAME) + strength * (ends - np.array(SAME))).astype(np.uint8)


def load(path: Path) -> Image.Image:
    """A picture in colours."""
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _load_if(path: Path | None) -> Image.Image | None:
    return load(path) if path else None
