"""A paper's number stands in the cell that it is about."""

from bench.report.html import theirs
from bench.report.html.theirs import Theirs
from bench.report.papers.published import load_published
from bench.report.scores import Sets
from bench.report.tables import build
from tests.made_paper import FILE, ours


def test_a_number_comes_with_verdict_and_source(tmp_path, monkeypatch):
    path = tmp_path / "published.toml"
    path.write_text(FILE)
    monkeypatch.setattr(theirs, "FILE", path)
    monkeypatch.setattr(theirs, "load_published", lambda: load_published(path))
    tables = build(ours(), [])
    sets = Sets([tmp_path])
    found = Theirs(tables, sets, []).of(tables[0], tables[0].rows[0])
    assert found["psnr"] == [25.0, "reproduced, verbatim", "", "Table 1, DPS (1000)"]
    monkeypatch.setattr(theirs, "FILE", tmp_path / "absent")
    assert Theirs(tables, sets, []).of(tables[0], tables[0].rows[0]) == {}
