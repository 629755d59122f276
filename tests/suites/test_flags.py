"""The values of ``--solver``: names, settings, and which of them select rows."""

import pytest

from bench.suites.flags import Setting, selecting, split_flags
from bench.suites.yamlfile import SuiteError


def test_a_setting_is_read_as_yaml_and_without_repetitions():
    assert Setting.read("a/mine.py:Mine.zeta=0.3,1,0.3") == (
        "a/mine.py:Mine", "zeta", [0.3, 1], "--solver a/mine.py:Mine.zeta=0.3,1,0.3"
    )  # fmt: skip
    assert Setting.read("dps.clip=false").choices == [False]


@pytest.mark.parametrize("flag", ["dps.=3", "dps=3", ".zeta=3", "dps.zeta="])
def test_another_form_is_refused(flag):
    with pytest.raises(SuiteError, match=r"expected NAME or NAME.param=value"):
        split_flags([flag])
    with pytest.raises(SuiteError, match=r"'\{' is not a value"):
        Setting.read("dps.zeta={")


def test_settings_select_rows_only_where_no_plain_name_does():
    rows, is_called = ["dps-100", "dps-1000", "pinv"], lambda name, row: row.startswith(name)
    assert selecting(rows, ["dps-1000", "dps.zeta=1"], is_called) == ["dps-1000"]
    assert selecting(rows, ["pinv", "dps.zeta=1"], is_called) == ["pinv", "dps"]
