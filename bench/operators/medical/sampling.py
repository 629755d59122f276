"""Which entries of k-space a scanner measures: masks with the zero frequency at (H // 2, W // 2)."""

import math
from collections.abc import Sequence

import numpy as np

from bench.noise import philox_bits, stream_key
from bench.operators.kernels import uniforms

GOLDEN = math.pi * (math.sqrt(5) - 1) / 2
"""Angle between one spoke and the next: 111.2 degrees (Winkelmann et al. 2007, IEEE TMI 26)."""
MOST_SPOKES = 20
"""Per entry of a side; a tenth of them leave no gap within the reach of spokes."""


def cartesian(seed: int, size: Sequence[int], acceleration: float, center: float) -> np.ndarray:
    """(H, W) bool: whole columns, those around the zero frequency and others at random.

    There are W / ``acceleration`` of them, rounded, and the middle ones are ``center`` W, rounded, at least
    one (as in Zbontar et al., arXiv 1811.08839).

    Raises:
        ValueError: the middle alone is more than that.
    """
    H, W = size
    lines, middle = max(1, round(W / acceleration)), max(1, round(center * W))
    if middle > lines:
        raise ValueError(
            f"mri: center = {center:g} measures {middle} of {W} lines, and acceleration = {acceleration:g} "
            f"leaves {lines}; lower one of them"
        )
    first = W // 2 - middle // 2
    kept = np.zeros(W, bool)
    kept[first : first + middle] = True
    others = np.flatnonzero(~kept)
    order = np.argsort(philox_bits(stream_key("mri cartesian", seed), 0, len(others)), kind="stable")
    kept[others[order[: lines - middle]]] = True
    return np.broadcast_to(kept, (H, W)).copy()


def radial(seed: int, size: Sequence[int], acceleration: float) -> np.ndarray:
    """(H, W) bool: spokes through the zero frequency, each a golden angle after the last one.

    The first is at random. They are as few as measure at least 1 / ``acceleration`` of the entries. A spoke
    takes, at steps of half an entry, the nearest one, and ends at the border of k-space, short of the
    corners.

    Raises:
        ValueError: that is more than the spokes of all angles measure, about 78 % of the entries.
    """
    H, W = size
    kept = np.zeros((H, W), bool)
    angle = math.pi * uniforms(stream_key("mri radial", seed), 1)[0]
    r = np.arange(-max(H, W), max(H, W) + 1) / 2
    for _ in range(MOST_SPOKES * max(H, W)):
        if kept.sum() * acceleration >= H * W:
            return kept
        # Rounded before they are, so that the last bits of a machine's sine do not choose.
        i = np.floor(np.round(H // 2 + r * math.sin(angle) * H / max(H, W), 6) + 0.5).astype(int)
        j = np.floor(np.round(W // 2 + r * math.cos(angle) * W / max(H, W), 6) + 0.5).astype(int)
        inside = (i >= 0) & (i < H) & (j >= 0) & (j < W)
        kept[i[inside], j[inside]] = True
        angle += GOLDEN
    raise ValueError(
        f"mri: acceleration = {acceleration:g} measures {1 / acceleration:.0%} of k-space, and spokes of all "
        f"angles {kept.mean():.0%}; take a larger one, or mask: cartesian"
    )
