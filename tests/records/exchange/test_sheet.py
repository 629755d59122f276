"""CSV files that no spreadsheet runs."""

import csv
import io

import pytest

from bench.records.exchange.sheet import neutral, write_csv


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", " =1"])
def test_what_a_spreadsheet_would_run_begins_with_an_apostrophe(text):
    safe = "'" + text.replace("\r", " ")
    assert neutral(text) == safe
    (row,) = csv.DictReader(
        io.StringIO(write_csv(["a", text], [{"a": text, text: -1.5}]).decode(), newline="")
    )
    assert row == {"a": safe, safe: "-1.5"}


def test_other_texts_and_numbers_stay_as_they_are():
    for value in ("dps-100", "a=b", "", -0.5, 3, None, True):
        assert neutral(value) == value
