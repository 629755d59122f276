"""Trajectories on the page.

    traj     task -> row -> the trajectory; absent where none was kept
    passes   evaluations with backward passes, at some of the steps
    n        images
    q        metric -> [lower quartiles, medians, upper quartiles] over the images, at these steps
    each     metric -> for each pictured image its values, or null

Numbers are as printed, null where they are not known.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.report.html.cells import number
from bench.report.tables import Table
from bench.report.trajectories.kept import KeptTrajectories, Trajectory, steps

MOST = 40
"""Most steps of a trajectory on the page."""
DIGITS = {"psnr": 2, "misfit": 3, "residual": 5}


def entries(tables: Sequence[Table], found: Mapping[str, KeptTrajectories], pictured: int) -> dict[str, Any]:
    """What the document says of trajectories.

    Args:
        found: slug of a table -> its trajectories.
        pictured: how many images of each task have pictures.
    """
    written: dict[str, Any] = {}
    for table in tables:
        own = found.get(table.slug, KeptTrajectories())
        images = table.images[:pictured]
        written[table.slug] = {one.row: _entry(one, images) for one in own.rows}
    return {"traj": written}


def size(content: Mapping[str, Any]) -> int:
    """Bytes of a part of the document."""
    return len(json.dumps(content, separators=(",", ":")))


def _entry(one: Trajectory, images: Sequence[str]) -> dict[str, Any]:
    at = steps(len(one.passes), MOST)
    quartiles, each = {}, {}
    for metric, values in one.quartiles.items():
        quartiles[metric] = [_numbers(column, metric) for column in values[at].T]
        each[metric] = [_image(one, image, metric, at) for image in images]
    return {"passes": _numbers(one.passes[at], ""), "n": len(one.images), "q": quartiles, "each": each}


def _image(one: Trajectory, image: str, metric: str, at: np.ndarray) -> list[Any] | None:
    """The values of one image; it may have ended before others."""
    values = one.images.get(image, {}).get(metric)
    return None if values is None else _numbers(values[np.minimum(at, len(values) - 1)], metric)


def _numbers(values: np.ndarray, metric: str) -> list[Any]:
    return [number(value, DIGITS.get(metric, 1)) for value in values.tolist()]
