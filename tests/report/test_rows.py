"""What the records of one cell say together."""

from dataclasses import replace

import pytest

from bench.records.manifest import RowEntry
from bench.report.rows import UNTIMED, Method, Row, method_of
from bench.stats.intervals import mean_interval
from tests.made_record import make
from tests.made_run import IMAGES, PSNR, N, make_run, record, report


def test_samples_of_an_image_are_averaged_first(tmp_path):
    found = [record("best", i, sample=k, psnr=PSNR["best"][i] + k) for i in range(N) for k in range(3)]
    _, rows = report(make_run(tmp_path / "run", found), tmp_path / "out")
    assert (rows["best"]["n"], rows["best"]["samples"]) == ("12", "3")
    assert float(rows["best"]["psnr_low"]) == pytest.approx(mean_interval(PSNR["best"] + 1).low, rel=1e-5)


def row_of(*changes):
    """A row with one record for each change of a record."""
    return Row("best", tuple(replace(record("best", i), **change) for i, change in enumerate(changes)))


def test_an_image_counts_where_all_its_samples_succeeded():
    failed = {"status": "failed", "reason": "why"}
    row = row_of(
        {"image": "1"}, {"image": "0"}, {"image": "1", "sample": 1} | failed, {"image": "0", "sample": 1}
    )
    assert list(row.attempted) == ["1", "0"] and list(row.solved) == ["0"] and row.samples == 2
    assert row.failures == {"failed": 1} and row.n_failed == 1 and row.failure_reasons == ["why"]
    assert not row.complete and row.missing == 0
    assert replace(row, planned=("0", "2")).missing == 1


def test_a_metric_counts_where_all_samples_have_it():
    values = [{"psnr": 1.0}, {"psnr": 3.0}, {"psnr": 5.0}, {"psnr": None}]
    row = row_of(*({"image": str(i // 2), "sample": i % 2, "metrics": m} for i, m in enumerate(values)))
    assert row.scores("psnr") == {"0": 2.0} and row.scores("ssim") == {}


def test_seconds_are_those_of_the_commonest_conditions_once_a_batch():
    row = row_of(
        {"seconds": 1.0}, {"seconds": 1.0}, {"seconds": 2.0}, {"seconds": 9.0, "batch": 1}, {"seconds": None}
    )
    assert row.timing[:4] == (4, "cpu", 1, "plain") and row.seconds == [1.0, 2.0]
    assert row_of({"status": "failed"}).timing == UNTIMED and row_of({"status": "failed"}).mean("nfe") is None


def test_a_row_over_fewer_images_has_only_their_records():
    row = replace(row_of({}, {}, {}), planned=IMAGES[:3]).over(["0", "2", "7"])
    assert row.images == ("0", "2") == row.planned and list(row.solved) == ["0", "2"]


def test_what_the_manifest_says_counts():
    entry = RowEntry(label="x", kind="anchor", order=7, colour=3, title="T", paper="p")
    assert method_of(make(solver="dps"), entry) == Method("anchor", 7, 3, "T", "p")
    bare = RowEntry(label="x", kind="method", order=7)
    assert method_of(make(paper="q"), bare) == Method("method", 7, None, "", "q")


@pytest.mark.parametrize("entry", [None, RowEntry(label="x")])
def test_without_a_word_the_method_is_as_it_was(entry):
    assert method_of(make(solver="dps", paper="q"), entry) == Method("method", 2, 1, "", "q")
