"""Folders that disagree about a key: it is told, and the folder that is named first counts."""

from dataclasses import replace

from bench.records.exchange.conflicts import difference, find, read_together, told, units_of
from bench.records.exchange.tables import write_table
from bench.records.manifest import read_manifests
from tests import ROOT
from tests.made_record import make
from tests.made_run import make_run, record, report


def test_rounding_is_no_other_result():
    one = make(0)
    near, far = (replace(one, metrics={"psnr": 20.0 + gap}) for gap in (0.004, 0.02))
    assert difference(one, near, {"psnr": 0.01}) == "" != difference(one, far, {"psnr": 0.01})
    assert difference(one, near, {}) and difference(one, replace(one, nfe=1), {}) == "nfe 0 and 1"
    assert difference(one, replace(far, status="failed"), {}) == ""


def test_the_first_folder_counts_whatever_is_older(tmp_path):
    """A later result of the folder that is named first is not replaced by an older one."""
    old = record("best", 0)
    new = replace(old, metrics={"psnr": 40.0}, created="2026-07-01T00:00:00.000000+00:00")
    assert new.created > old.created
    a = make_run(tmp_path / "a", [new, record("best", 1)])
    b = make_run(tmp_path / "b", [old, record("best", 2)])
    for folders, psnr in (([a, b], 40.0), ([b, a], old.metrics["psnr"])):
        found = read_together(folders)
        assert len(found.records) == 3
        assert {r.key: r.metrics["psnr"] for r in found.records}[old.key] == psnr
        (one,) = found.conflicts
        assert (one.key, one.kept, one.left_out) == (old.key, str(folders[0]), str(folders[1]))
        assert told(found.conflicts).startswith("1 key with another result in another folder: ")
    assert told([]) == "" and read_together([a]).conflicts == []
    assert units_of(read_manifests(ROOT / "results" / "reference" / "linear"))["psnr"] == 0.01


def test_two_results_of_a_key_within_a_folder_are_told(tmp_path):
    """As where the journals of another machine were copied there; the first result counts, as before."""
    old = record("best", 0)
    new = replace(old, metrics={"psnr": 40.0}, created="2026-07-01T00:00:00.000000+00:00")
    lost = replace(old, status="failed", metrics={})
    folder = make_run(tmp_path / "a", [lost, old, new, replace(old, created=new.created)])
    found = read_together([folder])
    assert found.records == [old]
    said = told(found.conflicts)
    assert said.startswith("1 key with several results in one folder: that with the most metrics, then the")
    assert f"psnr {old.metrics['psnr']:.6g} and 40; in {folder})" in said
    page, rows = report(folder, tmp_path / "out")
    assert "**1 key with several results in one folder: " in page and rows["best"]["n"] == "1"
    assert write_table([folder], tmp_path / "t.csv") == (1, said)


def test_a_result_that_is_not_done_is_no_conflict_and_does_not_count():
    failed, one, other = make(0, status="failed", metrics={}), make(0), make(0, metrics={"psnr": 3.0})
    conflicts, excluded = find(["a", "b", "c"], [[failed], [one], [other]], {})
    assert [(c.kept, c.left_out) for c in conflicts] == [("b", "c")]
    assert excluded == [set(), set(), {one.key}]
