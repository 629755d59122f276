"""Coil sensitivities: simulated, or read from a user's file."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from bench.system.supplied import Version

FILE = "coil_sensitivities.npy"
VARIABLE = "BENCH_COIL_SENSITIVITIES"
RADIUS = 1.5
"""Distance of the simulated coils from the centre, where the image's corners are at sqrt(2)."""


class Sensitivities(NamedTuple):
    """The sensitivity of each coil at each pixel."""

    maps: np.ndarray
    """(coils, H, W) complex128."""
    sha256: str = ""
    """Hash of what a user supplied; empty where simulated."""


def simulated(coils: int, size: Sequence[int]) -> Sensitivities:
    """Straight wires around the image, each of which sees the field that a current in it would make.

    At p = x + i y in [-1, 1]^2, the field of a wire at c is proportional to i / conj(p - c) (Biot and
    Savart). The wires stand at equal angles on a circle, and each has its angle as a phase, as in a birdcage.
    A single coil sees every pixel alike.
    """
    H, W = size
    if coils == 1:
        return Sensitivities(np.ones((1, H, W), complex))
    y, x = (2 * (np.arange(n) + 0.5) / n - 1 for n in size)
    turns = np.exp(2j * np.pi * np.arange(coils) / coils)[:, None, None]
    field = 1j / (turns * np.conj(x + 1j * y[:, None] - RADIUS * turns))
    return Sensitivities(normalised(field))


def normalised(maps: np.ndarray) -> np.ndarray:
    """Maps whose squares add up to 1 over the coils, (coils, H, W), but for pixels that no coil sees."""
    root = np.sqrt((np.abs(maps) ** 2).sum(0))
    return np.where(root > 0, maps / np.where(root > 0, root, 1), 0)


@lru_cache(maxsize=2)  # every batch asks again
def read_maps(file: Version) -> Sensitivities:
    """The maps of a file of ``numpy.save``, (coils, H, W), real or complex, and normalised.

    Raises:
        ValueError: it cannot be read, or holds something else.
    """
    try:
        maps = np.load(file.path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"mri: {file.path} is not an npy file that can be read ({error})") from error
    if not isinstance(maps, np.ndarray) or maps.ndim != 3 or maps.dtype.kind not in "fc":
        found = f"{maps.dtype} {maps.shape}" if isinstance(maps, np.ndarray) else "several arrays"
        raise ValueError(f"mri: {file.path} holds {found}, not complex sensitivities (coils, H, W)")
    if not np.isfinite(maps).all():
        raise ValueError(f"mri: {file.path} holds sensitivities that are not finite")
    maps = np.ascontiguousarray(maps, complex)
    return Sensitivities(normalised(maps), hashlib.sha256(maps.data).hexdigest())
