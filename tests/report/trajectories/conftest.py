"""A made-up run that kept trajectories of two rows."""

import numpy as np
import pytest

from bench.report import Pictures
from bench.report.tables import build
from tests.made_run import N, make_run, record

STEPS = {"best": 8, "worse": 200}


def curves(row, i):
    """PSNR rises by 1 dB a step from i, misfit falls; every step of "best" is two passes."""
    k = np.arange(1, STEPS[row] + 1)
    vjps = k if row == "best" else 0 * k
    return {
        "nfe": k,
        "vjps": vjps,
        "psnr": (i + k).astype(np.float32),
        "misfit": (10.0 / k).astype(np.float32),
    }


def keep(folder, found):
    for r in found:
        if r.label in STEPS:
            place = folder / "objects" / "trajectory" / r.key[:2]
            place.mkdir(parents=True, exist_ok=True)
            np.savez(place / f"{r.key}.npz", **curves(r.label, int(r.image)))


@pytest.fixture
def walked(tmp_path):
    """A run folder, its table, and what finds its files."""
    found = [record(row, i) for row in ("best", "worse", "same") for i in range(N)]
    folder = make_run(tmp_path / "run", found)
    keep(folder, found)
    (table,) = build(found, [])
    return folder, table, Pictures([folder])
