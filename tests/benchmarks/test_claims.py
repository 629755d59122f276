"""What the documents claim across tasks stands in the records."""

import runpy

import numpy as np
import pytest

from bench.report.columns import Column
from tests import ROOT
from tests.made_run import exact_table

CLAIMS = runpy.run_path(str(ROOT / "benchmarks" / "claims.py"))


@pytest.mark.long
def test_every_claim_holds():
    assert CLAIMS["main"]() == 0


def test_the_nearest_row_is_counted_over_resampled_problems():
    """PiGDM is nearest on seven of twelve problems: nearest by the median, but not in every resample."""
    exact, far = np.zeros(12), np.full(12, 5.0)
    pigdm = np.where(np.arange(12) < 7, 1.0, 9.0)
    table = exact_table(mmd={"exact": exact, "pigdm-100": pigdm, "dps": far})
    is_nearest, *resampled = CLAIMS["nearest_rows"](table, Column("MMD", 3, False, name="mmd"))
    assert is_nearest and 0.3 < np.mean(resampled) < 0.99
