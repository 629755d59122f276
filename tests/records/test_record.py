"""Which records need not be made again, and how they are spelled on disk."""

from pathlib import Path

from bench.records.journal import Journal, read_records
from bench.records.lines import LineReader, write_line
from bench.records.record import DETERMINISTIC, done_keys
from tests.made_record import make


def test_a_metric_that_became_available_completes_the_record(tmp_path):
    with Journal(tmp_path) as journal:
        journal.append(make(0, unavailable={"lpips": "no weights"}))
        assert done_keys(read_records(tmp_path)[0], metrics={"psnr"}) == {make(0).key}
        assert done_keys(read_records(tmp_path)[0], metrics={"psnr", "lpips"}) == set()
        journal.append(make(0, metrics={"lpips": 0.1}, created="2026"))
    (record,), _ = read_records(tmp_path)
    assert record.metrics == {"lpips": 0.1}


def test_a_record_is_done_by_its_status():
    by_status = {
        status: make(i, status=status) for i, status in enumerate(("ok", "diverged", "timeout", "failed"))
    }
    assert done_keys(by_status.values()) == {record.key for record in by_status.values()}
    assert done_keys(by_status.values(), retry=True) == {by_status["ok"].key, by_status["diverged"].key}


def test_disk_keeps_its_words():
    record = make(samples_per_problem=3, switches=["compiled", DETERMINISTIC])
    written = record.to_disk()
    assert (written["block"], written["switches"]) == (3, ["compiled", "reference mode"])
    assert "samples_per_problem" not in written
    assert LineReader()(write_line(record)[:-1], Path("a.jsonl")) == record
    assert "notes" not in written and make(notes={"moves": 1.0}).to_disk()["notes"] == {"moves": 1.0}
    assert record.is_deterministic and not make().is_deterministic
