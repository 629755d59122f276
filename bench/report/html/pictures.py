"""The pictures of the page: one strip a cell, so that the browser decodes few files.

    pics     task -> @truth, @y, @mask or row -> [data address, width, height, 0 or 1 for each picture]
    samples  task -> row -> a strip for each sample of y
    npics    how many pictures a strip has
    large    task -> name of the file that has them in full size, where they are shrunk here
    kept     a sentence about what is not here, "" where nothing is missing

Strips are lossless. Pictures of more than `SIDE` pixels are shrunk, and a script beside the page has them in
full size: a page from disk may read the pixels of what a script hands over, but not of a picture file.
"""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from bench.records.objects import read_arrays
from bench.report.rows import Row
from bench.report.tables import Table

SHOWN = 8
"""Images of a task."""
SIDE = 64
"""Longest side of a picture in the page, in pixels."""
MOST = 14_000_000
"""Most bytes of all strips in the page, which leaves 1 MB for the rest of 15 MB."""
WIDEST = 16_383
"""Widest WebP."""
SMALL, FAST = {"quality": 50, "method": 4}, {"quality": 0, "method": 0}
"""Effort of the lossless encoder: 8 photographs of 64 pixels take 28 ms and 59 kB, or 1 ms and 63 kB."""
SAMPLES = 8
"""Most samples of one y."""
Strip = list[Any]
Strips = dict[str, Strip]


class PictureFiles(Protocol):
    """Finds the files of run folders: path below objects/ -> the file, None where it was not kept.

    Attributes:
        unreadable: pictures that were asked for and cannot be read; they count as not kept.
    """

    unreadable: set[Path]

    def __call__(self, name: str, /) -> Path | None: ...


@dataclass
class PagePictures:
    """The pictures of all tasks.

    Attributes:
        n: pictures of a strip.
        strips: task -> what -> strip.
        samples: task -> row -> strips.
        large: task -> what -> strip in full size, for tasks with larger pictures.
        note: what was left out, and why.
    """

    n: int
    strips: dict[str, Strips] = field(default_factory=dict)
    samples: dict[str, dict[str, list[Strip]]] = field(default_factory=dict)
    large: dict[str, Strips] = field(default_factory=dict)
    note: str = ""

    @property
    def size(self) -> int:
        """Bytes of the strips in the page."""
        strips = list(chain.from_iterable(found.values() for found in self.strips.values()))
        for rows in self.samples.values():
            strips += chain.from_iterable(rows.values())
        return sum(len(strip[0]) for strip in strips)

    def entries(self) -> dict[str, Any]:
        """What the document says of pictures."""
        files = {slug: f"{slug}.js" for slug in self.large}
        return {
            "pics": self.strips,
            "samples": self.samples,
            "npics": self.n,
            "large": files,
            "kept": self.note,
        }

    def side_files(self) -> dict[str, str]:
        """Name -> content of the scripts with larger pictures."""
        files = {}
        for slug, strips in self.large.items():
            files[f"{slug}.js"] = f"window.largePictures({json.dumps(slug)}, {json.dumps(strips)});\n"
        return files


def collect(tables: Sequence[Table], find: PictureFiles, most: int | None = None) -> PagePictures:
    """The first `SHOWN` images of each task, fewer where they would not fit.

    Args:
        most: bytes of all strips in the page, by default `MOST`.
    """
    most = MOST if most is None else most
    found = _collect(tables, find, SHOWN, SAMPLES)
    if found.size > most and found.samples:
        found = _collect(tables, find, SHOWN, 0)
        found.note = "Samples of one y are left out, since the page would be too large."
    n = SHOWN
    while found.size > most and n > 1:
        n = min(n - 1, int(n * most / found.size)) or 1
        found = _collect(tables, find, n, 0)
        found.note = f"Only the first {n} images are shown, since the page would be too large."
    for table in tables:
        paths = _paths(table, find, found.n)
        if any(map(_is_larger, paths.values())):
            found.large[table.slug] = _strips(paths, None)
    return found


def _collect(tables: Sequence[Table], find: PictureFiles, n: int, samples: int) -> PagePictures:
    found = PagePictures(n)
    for table in tables:
        paths = _paths(table, find, n)
        found.strips[table.slug] = _strips(paths, SIDE) | _masks(table, find, n)
        if several := _samples(table, find, n, samples):
            found.samples[table.slug] = several
    return found


def _strips(paths: Mapping[str, Sequence[Path | None]], side: int | None) -> Strips:
    """What -> its strip, where there is one."""
    found = {}
    for what, files in paths.items():
        if made := strip(files, side):
            found[what] = made
    return found


def _paths(table: Table, find: PictureFiles, n: int) -> dict[str, list[Path | None]]:
    """@truth, @y or row -> the files of the first images."""
    images = table.images[:n]
    paths: dict[str, list[Path | None]] = {"@truth": [], "@y": []}
    for image in images:
        paths["@truth"].append(find(f"truth/{table.truths.get(image)}.png"))
        paths["@y"].append(find(f"measurement/{table.measurements.get(image)}.png"))
    for row in table.rows:
        paths[row.name] = _reconstructions(row, images, 0, find)
    return paths


def _reconstructions(row: Row, images: Sequence[str], sample: int, find: PictureFiles) -> list[Path | None]:
    """The files of one sample of each image."""
    paths: list[Path | None] = []
    for image in images:
        records = row.solved.get(image, [])
        record = records[sample] if sample < len(records) else None
        paths.append(find(f"{record.key[:2]}/{record.key}.png") if record else None)
    return paths


def _samples(table: Table, find: PictureFiles, n: int, most: int) -> dict[str, list[Strip]]:
    """Row -> a strip for each of its samples, for rows with several."""
    found = {}
    for row in table.rows:
        strips = []
        for sample in range(min(row.samples, most) if row.samples > 1 else 0):
            if made := strip(_reconstructions(row, table.images[:n], sample, find), SIDE):
                strips.append(made)
        if len(strips) > 1:
            found[row.name] = strips
    return found


def _masks(table: Table, find: PictureFiles, n: int) -> Strips:
    """What was measured of y, white, where the operator is a mask: grey in its picture is no value there."""
    pictures: list[Image.Image | None] = []
    for image in table.images[:n]:
        path = find(f"measurement/{table.measurements.get(image)}.npz")
        pictures.append(_mask(path) if path else None)
    made = _strip(pictures, SIDE, Image.Resampling.NEAREST)
    return {"@mask": made} if made else {}


def _mask(path: Path) -> Image.Image | None:
    """The picture of a stored mask; None where the operator has none."""
    mask = (read_arrays(path) or {}).get("mask")
    if mask is None:
        return None
    plane = mask.reshape(-1, *mask.shape[-2:])[0] if mask.ndim > 1 else None
    return None if plane is None else Image.fromarray(np.where(plane > 0, 255, 0).astype(np.uint8))


def strip(paths: Sequence[Path | None], side: int | None) -> Strip | None:
    """Pictures beside each other in one lossless file; None where there is none.

    Args:
        paths: files; None leaves a place empty.
        side: the longest side to which pictures are shrunk, None to keep them as they are.
    """
    pictures: list[Image.Image | None] = []
    for path in paths:
        pictures.append(_open(path) if path else None)
    return _strip(pictures, side, Image.Resampling.BOX)


def _open(path: Path) -> Image.Image | None:
    """A picture in grey or colours; None where it cannot be read."""
    try:
        with Image.open(path) as picture:
            return picture.convert("L" if picture.mode in {"1", "L", "I;16"} else "RGB")
    except OSError:
        return None


def _strip(pictures: Sequence[Image.Image | None], side: int | None, way: Image.Resampling) -> Strip | None:
    known = [picture for picture in pictures if picture]
    if not known:
        return None
    width, height = _size(known[0], side)
    colours = "RGB" if any(picture.mode == "RGB" for picture in known) else "L"
    sheet = Image.new(colours, (width * len(pictures), height))
    for k, picture in enumerate(pictures):
        if picture:
            fitting = picture if picture.size == (width, height) else picture.resize((width, height), way)
            sheet.paste(fitting, (k * width, 0))
    return [
        _address(sheet, FAST if side is None else SMALL),
        width,
        height,
        [int(picture is not None) for picture in pictures],
    ]


def _size(picture: Image.Image, side: int | None) -> tuple[int, int]:
    """Width and height within a square of this side, of whole pixels."""
    longest = max(picture.size)
    if side is None or longest <= side:
        return picture.size
    return max(1, round(picture.width * side / longest)), max(1, round(picture.height * side / longest))


def _address(sheet: Image.Image, effort: Mapping[str, int]) -> str:
    """A picture as a data address: WebP, or PNG where it is too wide for that."""
    kind = "WEBP" if sheet.width <= WIDEST and sheet.height <= WIDEST else "PNG"
    buffer = io.BytesIO()
    if kind == "WEBP":
        sheet.save(buffer, kind, lossless=True, **effort)
    else:
        sheet.save(buffer, kind, optimize=True)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _is_larger(paths: Sequence[Path | None]) -> bool:
    """Whether the first picture is larger than the page shows it."""
    for path in paths:
        if path:
            try:
                with Image.open(path) as picture:
                    return max(picture.size) > SIDE
            except OSError:
                continue
    return False
