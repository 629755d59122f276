"""Records in files of other programs, and the page that documents their columns."""

import csv
import math
import re

import pandas as pd
import pytest

from bench.records.exchange.tables import write_table
from bench.records.files import StoreError
from bench.records.record import FIELDS
from bench.records.table import SPREAD, load
from tests import ROOT
from tests.made_record import make
from tests.made_run import make_run


@pytest.fixture
def folders(tmp_path):
    first = make(0, label="=cmd", params={"eta": 1, "at": [1, 2]}, metrics={"psnr": math.inf, "ssim": -0.5})
    second = make(1, params={"eta": "auto"}, metrics={"psnr": None}, unavailable={"psnr": "no"})
    return [make_run(tmp_path / f"{i}", [one], manifests=[]) for i, one in enumerate((first, second))]


def test_a_csv_file_has_every_record_and_no_formula(folders, tmp_path):
    assert write_table(folders, tmp_path / "t.csv") == (2, "")
    first, second = csv.DictReader((tmp_path / "t.csv").open())
    assert list(first) == list(load(*folders).columns)
    assert (first["label"], first["psnr"], first["ssim"], first["param.at"]) == (
        "'=cmd",
        "inf",
        "-0.5",
        "[1,2]",
    )
    assert (second["psnr"], second["param.at"], second["unavailable.psnr"]) == ("", "", "no")


def test_a_parquet_file_is_read_by_any_program(folders, tmp_path):
    pytest.importorskip("pyarrow")
    write_table(folders, tmp_path / "t.parquet")
    kept = pd.read_parquet(tmp_path / "t.parquet")
    assert kept["psnr"][0] == math.inf and list(kept.columns) == list(load(*folders).columns)


def test_another_ending_is_refused(folders, tmp_path):
    with pytest.raises(StoreError, match=r"a table is written as .csv or .parquet"):
        write_table(folders, tmp_path / "t.xlsx")


def test_every_column_is_documented():
    page = (ROOT / "docs" / "records.md").read_text()
    named = set(re.findall(r"`([\w.]+)`", page))
    assert set(FIELDS) - SPREAD.keys() <= named
    for prefix in filter(None, SPREAD.values()):
        assert any(name.startswith(prefix) for name in named), prefix
