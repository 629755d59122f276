"""Committed runs are older than what manifests say of methods today; their reports stay as they are."""

import pytest

from bench.records.journal import read_records
from bench.records.manifest import read_manifests
from bench.records.words import METHODS_THEN
from bench.report import render
from bench.report.figures.colours import BASELINE, FILLED, HOLLOW, hue, looks, shape
from bench.report.tables import build
from bench.suites.cards import list_cards
from tests import ROOT


@pytest.mark.long
@pytest.mark.parametrize("name", ["linear", "nonlinear", "exact"])
def test_committed_pages_and_numbers_stay_byte_for_byte(name, tmp_path):
    written = render(ROOT / "results" / "reference" / name, tmp_path, ("md", "csv"))
    for path in written:
        kept = (ROOT / "reports" / name / path.name).read_text()
        lines = [
            line for line in kept.splitlines() if not line.startswith(("![", "<sub>Numbers", "<sub>Means"))
        ]
        assert [line for line in lines if line] == [line for line in path.read_text().splitlines() if line]


def test_committed_figures_have_the_places_of_their_methods():
    """Also where a manifest does not describe them: methods of then keep their places, newer ones follow."""
    folder = ROOT / "results" / "reference" / "linear"
    tables = build(read_records(folder)[0], read_manifests(folder))
    found = looks(tables)
    assert found.pop("pinv").colour == BASELINE
    for name, look in found.items():
        method = name.partition("-")[0]
        place = METHODS_THEN.index(method) if method in METHODS_THEN else list_cards()[method].order - 1
        assert (look.colour, look.marker) == (hue(place), shape(place))
    assert [found[name].inside for name in ("dps-100", "dps-50", "ddrm-100", "ddrm-20")] == [
        FILLED,
        HOLLOW,
    ] * 2
