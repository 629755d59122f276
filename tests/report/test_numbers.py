"""tables.csv: every number, unscaled, with six significant digits."""

import csv
import io

from bench.report.columns import KNOWN
from bench.report.numbers import sheet
from bench.report.ranking import judge_all
from bench.report.scores import Sets
from bench.report.tables import build
from tests.made_run import PSNR, asked, manifest, record, records


def test_every_row_has_a_line_and_every_line_the_same_columns(tmp_path):
    skipped = record(
        "worse", 0, psnr=0, image="*", label="needy", cell="n", key="n", status="skipped", reason="no"
    )
    (table,) = build([*records(), skipped], [manifest(**asked())])
    psnr, kid = KNOWN[0], KNOWN[5]
    text = sheet([judge_all(table, [psnr, kid], Sets([tmp_path]), {})], [psnr, kid]).decode()
    lines = {line["row"]: line for line in csv.DictReader(io.StringIO(text))}
    assert {name: line["status"] for name, line in lines.items()} == {
        **dict.fromkeys(PSNR, "run"),
        "needy": "skipped",
        "later": "not run",
    }
    assert lines["best"]["psnr"] == f"{PSNR['best'].mean():.6g}" and lines["best"]["psnr_gap"] == ""
    assert float(lines["worse"]["psnr_gap"]) < 0 and lines["fails"]["psnr_gap_n"] == "10"
    assert (lines["fails"]["failures"], lines["fails"]["reason"]) == ("diverged:2", "not finite")
    assert lines["needy"]["reason"] == "no" and lines["needy"]["cell"] == "n"
    assert lines["later"]["task"] == "blur" and lines["later"]["solver"] == ""
    assert lines["best"]["operator_params"] == '{"std":1.0}'
    assert "kid_gap" not in lines["best"] and lines["best"]["kid_unavailable"] == "no features were kept"


def test_a_label_that_a_spreadsheet_would_run_is_text(tmp_path):
    found = [record("best", i, label="=cmd|'/C calc'!A0") for i in range(3)]
    (table,) = build(found, [])
    text = sheet([judge_all(table, [KNOWN[0]], Sets([tmp_path]), {})], [KNOWN[0]]).decode()
    (line,) = csv.DictReader(io.StringIO(text))
    assert line["row"] == line["label"] == "'=cmd|'/C calc'!A0"
