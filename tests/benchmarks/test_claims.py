"""What the documents claim across tasks stands in the records."""

import runpy

import numpy as np
import pytest

from bench.report.columns import Column
from tests import ROOT
from tests.made_run import exact_table

CLAIMS = runpy.run_path(str(ROOT / "benchmarks" / "claims.py"))

TABLE = """# One

| row | a |
|:--|--:|
| other | 1 |

# Two

| row | a |
|:--|--:|
| stale | 1 |
| x | 2 |

Text.
"""
MMD = Column("MMD", 3, False, name="mmd")


@pytest.mark.long
def test_every_claim_holds():
    assert CLAIMS["main"]() == 0


def test_the_nearest_row_is_counted_over_resampled_problems():
    """One is nearest on seven of twelve problems: nearest by the median, but not in every resample."""
    exact, far = np.zeros(12), np.full(12, 5.0)
    often = np.where(np.arange(12) < 7, 1.0, 9.0)
    table = exact_table(mmd={"exact": exact, "pigdm": often, "dps": far})
    found = {row.name: row_nearest for row, row_nearest in CLAIMS["nearest_rows"](table, MMD)}
    (is_nearest, *resampled), (never, *others) = found["pigdm"], found["dps"]
    assert is_nearest and not never and 0.3 < np.mean(resampled) < 0.99
    assert np.mean(resampled) + np.mean(others) == pytest.approx(1)


def test_a_row_is_beaten_by_any_that_is_shown_to_be_nearer():
    """The nearest scatters too much to be shown nearer than the last; another one does not."""
    rng = np.random.default_rng(0)
    exact = rng.normal(0, 0.1, 10)
    wild = np.where(np.arange(10) % 2, 6.0, -6.0) + rng.normal(0, 0.1, 10)
    near, far = exact + 1 + rng.normal(0, 0.1, 10), exact + 3 + rng.normal(0, 0.1, 10)
    table = exact_table(mmd={"exact": exact, "pigdm": wild, "dps": near, "ddrm": far})
    assert CLAIMS["count_nearer"](table, MMD) == {"pigdm": 0, "dps": 0, "ddrm": 1}


def test_a_table_that_differs_is_told_and_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(CLAIMS["check"].__globals__, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(TABLE)
    claim = CLAIMS["Claim"]("page.md", "Two", "| row |", ("| x | 3 |",))
    assert not CLAIMS["check"](claim)
    assert capsys.readouterr().out.splitlines()[1:] == ["  - | stale | 1 |", "  - | x | 2 |", "  + | x | 3 |"]
    CLAIMS["write"](claim)
    assert CLAIMS["check"](claim)
    assert page.read_text() == TABLE.replace("| stale | 1 |\n| x | 2 |", "| x | 3 |")
    with pytest.raises(ValueError, match=r"page\.md: no table '\| col \|' below 'Two'"):
        CLAIMS["check"](CLAIMS["Claim"]("page.md", "Two", "| col |", ()))
