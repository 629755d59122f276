"""The trajectories of a table's rows: read from the run folders, and their quartiles over images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from bench.records.objects import read_arrays
from bench.report.rows import Row
from bench.report.tables import Table
from bench.stats.intervals import quartiles

FOLDER = "trajectory"
"""Below objects/."""
COUNTS = ("nfe", "vjps")
MISFITS = ("misfit", "residual")
"""The second quantity, which is the residual where y has no noise."""
MOST_STEPS = 100_000
"""Length of a trajectory, at most; a longer one is no solver's."""

Curves = Mapping[str, np.ndarray]
"""Name -> (steps,), of one image."""


class TrajectoryFiles(Protocol):
    """Finds the files of run folders: path below objects/ -> the file, None where it was not kept."""

    def __call__(self, name: str, /) -> Path | None: ...
    def has(self, folder: str, /) -> bool:
        """Whether any run folder has this folder below objects/."""
        ...


@dataclass(frozen=True)
class Trajectory:
    """The estimates of a row on one task, step by step.

    Attributes:
        row: its name.
        passes: (steps,), evaluations of the network with backward passes, the median over images.
        images: image -> metric -> (steps,), the mean over samples of this y.
        quartiles: metric -> (steps, 3), over images.
    """

    row: str
    passes: np.ndarray
    images: Mapping[str, Curves]
    quartiles: Mapping[str, np.ndarray]

    @property
    def metrics(self) -> list[str]:
        """``psnr``, then ``misfit`` or ``residual``."""
        return list(self.quartiles)


@dataclass(frozen=True)
class KeptTrajectories:
    """The trajectories of a table, in the order of its rows, and how many files could not be read."""

    rows: tuple[Trajectory, ...] = ()
    damaged: int = 0


def read(table: Table, find: TrajectoryFiles) -> KeptTrajectories:
    """The trajectories of a table; empty where none were kept."""
    if not find.has(FOLDER):
        return KeptTrajectories()
    rows, damaged = [], 0
    for row in table.rows:
        images, lost = _images(row, find)
        damaged += lost
        if images:
            rows.append(summary(row.name, images))
    return KeptTrajectories(tuple(rows), damaged)


def _images(row: Row, find: TrajectoryFiles) -> tuple[dict[str, Curves], int]:
    """Image -> its curves, and how many files could not be read."""
    found: dict[str, Curves] = {}
    damaged = 0
    for image, records in row.solved.items():
        samples: list[Curves] = []
        for record in records:
            path = find(f"{FOLDER}/{record.key}.npz")
            curves = load(path) if path else None
            damaged += path is not None and curves is None
            samples += [curves] if curves else []
        if samples and len({tuple(curves) for curves in samples}) == 1:
            found[image] = mean(samples)
    return found, damaged


def load(path: Path) -> Curves | None:
    """The curves of a file; None where it is damaged or holds something else."""
    kept = read_arrays(path) or {}
    misfit = "misfit" if "misfit" in kept else "residual"
    try:
        curves = {name: kept[name].astype(np.float64) for name in (*COUNTS, "psnr", misfit)}
    except (KeyError, ValueError, TypeError):
        return None
    shapes = {values.shape for values in curves.values()}
    ((length, *rest), *others) = [shape or (0,) for shape in shapes]
    return curves if not others and not rest and 0 < length <= MOST_STEPS else None


def mean(samples: Sequence[Curves]) -> Curves:
    """The mean curves of several samples of one y; shorter ones stay where they ended."""
    found = {}
    for name in samples[0]:
        found[name] = together([curves[name] for curves in samples]).mean(0)
    return found


def together(curves: Sequence[np.ndarray]) -> np.ndarray:
    """Curves of different lengths as (n, steps): shorter ones stay where they ended."""
    longest = max(map(len, curves))
    rows = np.empty((len(curves), longest))
    for row, curve in zip(rows, curves, strict=True):
        row[:] = np.pad(curve, (0, longest - len(curve)), mode="edge")
    return rows


def summary(name: str, images: Mapping[str, Curves]) -> Trajectory:
    """The trajectory of a row from the curves of its images, at least one."""
    metrics = [name for name in next(iter(images.values())) if name not in COUNTS]
    calls = {}
    for count in COUNTS:
        calls[count] = together([curves[count] for curves in images.values()])
    passes = np.median(calls["nfe"] + calls["vjps"], axis=0)
    bands = {}
    for metric in metrics:
        values = together([curves[metric] for curves in images.values() if metric in curves])
        bands[metric] = quartiles(values)
    return Trajectory(name, passes, images, bands)


def steps(length: int, most: int) -> np.ndarray:
    """At most so many steps of a trajectory, the first and the last among them, dense where it begins."""
    if length <= most:
        return np.arange(length)
    return np.unique(np.geomspace(1, length, most).round().astype(int)) - 1
