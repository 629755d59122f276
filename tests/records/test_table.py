"""Run folders as a table of pandas."""

import pytest

from bench.records.files import StoreError
from bench.records.journal import Journal
from bench.records.table import load
from tests.made_record import make


def test_a_wrong_path_is_refused(tmp_path):
    with pytest.raises(StoreError, match="no run folder wrong/path"):
        load("wrong/path")
    with pytest.raises(StoreError, match="is no run folder: it has neither a journal nor a manifest"):
        load(tmp_path)


def test_load_gives_a_tidy_table(tmp_path):
    with Journal(tmp_path) as journal:
        assert len(load(tmp_path)) == 0 and "label" in load(tmp_path)
        journal.append(
            make(
                0, operator_params={"factor": 4}, unavailable={"lpips": "no weights"}, versions={"torch": "2"}
            )
        )
        journal.append(make(1, params={"steps": 10}, notes={"accepted": 3.0}))
    table = load(tmp_path)
    assert table.psnr.tolist() == [20.0, 21.0]
    assert table["param.eta"].tolist()[0] == 1.0 and table["param.steps"].tolist()[1] == 10
    assert table["note.accepted"].isna().tolist() == [True, False] and table["note.accepted"][1] == 3
    assert table["operator.factor"][0] == 4 and table["unavailable.lpips"][0] == "no weights"
