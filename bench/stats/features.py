"""Sets of image features: rows read in chunks, their moments, and the stored statistics of a whole data set.

This module needs no torch.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bench.records.files import write_atomic
from bench.records.keys import digest
from bench.system.cache import cache_dir

ROWS_AT_ONCE = 1024
"""Rows that are held at once in float64 (16 MB of 2048 features)."""
MODES = ("legacy_pytorch", "clean")
"""How images become features, see `bench.metrics.networks.Inception`."""
FORMAT = 2
"""Version of a file of statistics."""
ARRAYS = ("mean", "covariance", "rows", "within")
"""What a file of statistics holds beside what it is about."""


class FeatureMatrix(Protocol):
    """Features, (n, d), that need not be in memory: an array, or `FeatureFiles`."""

    shape: tuple[int, int]

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice | np.ndarray) -> np.ndarray: ...


class FeatureFiles:
    """Features whose rows are .npy files, read when they are asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self.shape = (len(paths), np.load(paths[0]).size)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: slice | np.ndarray) -> np.ndarray:
        chosen = np.arange(len(self.paths))[index]
        return np.stack([np.load(self.paths[i]).ravel() for i in chosen])


class Moments:
    """Mean and covariance of rows that come in chunks, in float64 (Chan, Golub and LeVeque 1983, eq. 2.1).

    Attributes:
        n: rows seen.
        mean: (d,).
    """

    def __init__(self, d: int) -> None:
        self.n, self.mean, self._scatter = 0, np.zeros(d), np.zeros((d, d))

    def add(self, rows: np.ndarray) -> None:
        """Takes in k >= 1 further rows, (k, d)."""
        rows = np.asarray(rows, np.float64)
        k, mean = len(rows), rows.mean(0)
        shift, n = mean - self.mean, self.n + len(rows)
        centred = rows - mean
        self._scatter += centred.T @ centred
        self._scatter += np.outer(shift, shift * (self.n * k / n))
        self.mean = self.mean + shift * (k / n)
        self.n = n

    @property
    def covariance(self) -> np.ndarray:
        """The covariance, (d, d), divided by n - 1."""
        return self._scatter / (self.n - 1)


def chunks(rows: FeatureMatrix) -> Iterator[np.ndarray]:
    """All rows in order, at most `ROWS_AT_ONCE` at once."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[start : start + ROWS_AT_ONCE]


def evenly(n: int, most: int) -> np.ndarray:
    """Indices of at most ``most`` of n rows, evenly spread and ascending."""
    return np.arange(n) if n <= most else np.arange(most) * n // most


def features_folder(mode: str) -> str:
    """Name of the folder in a run folder that holds the features of a mode."""
    return "features" if mode == MODES[0] else f"features-{mode}"


@dataclass(frozen=True)
class Statistics:
    """What FID and KID need to know of the n images of a data set.

    Attributes:
        about: ``mode``, ``dataset``, ``list`` (see `list_hash`), ``n``, ``pixels``, the hash of all images in
            order, and ``sample``, the hash of some of them.
        mean, covariance: those of all n images, (d,) and (d, d) float64.
        rows: the features of some images for the KID, evenly spread over the list, float16.
        within: for each of these rows the sum of the kernel with the others.
    """

    about: dict[str, Any]
    mean: np.ndarray
    covariance: np.ndarray
    rows: np.ndarray
    within: np.ndarray

    @cached_property
    def root(self) -> np.ndarray:
        """The `root` of the covariance, which takes seconds."""
        return root(self.covariance)


def root(covariance: np.ndarray) -> np.ndarray:
    """R, (d, d), with R^T R = C, from the eigenvalues of C; those that rounding makes negative count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    return np.sqrt(np.clip(values, 0, None))[:, None] * vectors.T


def list_hash(name: str, card_sha256: str | None, shape: Sequence[int], ids: Sequence[str]) -> str:
    """Identity of a list of images: the data set, its card, and the ids in order."""
    return digest([name, card_sha256, list(shape), list(ids)])


def statistics_path(list_sha256: str, mode: str) -> Path:
    """Where the statistics of a list are cached."""
    return cache_dir() / "reference" / f"{list_sha256}-{mode}.npz"


def write_statistics(found: Statistics) -> Path:
    """Stores statistics under `statistics_path`, as a whole or not at all.

    Raises:
        StoreError: full disk or missing rights.
    """
    path = statistics_path(found.about["list"], found.about["mode"])
    about = np.array(json.dumps({"format": FORMAT} | found.about))
    data = io.BytesIO()
    np.savez(data, about=about, **{name: getattr(found, name) for name in ARRAYS})
    write_atomic(path, data.getvalue())
    return path


def read_statistics(list_sha256: str, mode: str) -> Statistics | None:
    """The statistics of a list of images.

    None where there are none, where another version computed something else, or where the file is damaged.
    """
    path = statistics_path(list_sha256, mode)
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            if about.pop("format") != FORMAT:
                return None
            return Statistics(about, *(stored[name] for name in ARRAYS))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None  # a damaged file is made again, like one that is not there
