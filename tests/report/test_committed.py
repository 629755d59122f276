"""Committed runs are older than what manifests say of methods today; their reports stay as they are."""

import pytest

from bench.records.journal import read_records
from bench.records.manifest import read_manifests
from bench.records.words import METHODS_THEN
from bench.report import render
from bench.report.figures.colours import BASELINE, HUES_THEN, SHAPES, hues_of, markers
from bench.report.tables import build
from tests import ROOT


@pytest.mark.long
@pytest.mark.parametrize("name", ["linear", "nonlinear", "exact"])
def test_committed_pages_and_numbers_stay_byte_for_byte(name, tmp_path):
    written = render(ROOT / "results" / "reference" / name, tmp_path, ("md", "csv"))
    for path in written:
        kept = (ROOT / "reports" / name / path.name).read_text()
        lines = [line for line in kept.splitlines() if not line.startswith("![")]
        assert [line for line in lines if line] == [line for line in path.read_text().splitlines() if line]


def test_committed_figures_keep_their_looks():
    folder = ROOT / "results" / "reference" / "linear"
    tables = build(read_records(folder)[0], read_manifests(folder))
    palette, shapes = hues_of(tables), markers(tables)
    assert palette.pop("pinv") == BASELINE
    assert palette == dict(zip(METHODS_THEN, HUES_THEN, strict=True))
    assert [shapes[name] for name in ("dps-100", "dps-1000", "ddrm-20", "ddrm-100", "pinv")] == [
        *SHAPES[:2],
        *SHAPES[:2],
        SHAPES[0],
    ]
