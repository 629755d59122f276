"""The values of ``--solver``: names, settings, and the values of each parameter."""

import pytest

from bench.suites.flags import Setting, split_flags, values_of
from bench.suites.yamlfile import SuiteError


def test_a_setting_is_read_as_yaml_and_without_repetitions():
    assert Setting.read("a/mine.py:Mine.zeta=0.3,1,0.3") == (
        "a/mine.py:Mine", "zeta", [0.3, 1], "--solver a/mine.py:Mine.zeta=0.3,1,0.3"
    )  # fmt: skip
    assert Setting.read("dps.clip=false").choices == [False]
    assert Setting.read("dps.a=yes,010,1:30,2020-13-45,'1',\u00b2,1e-1").choices == [
        *("yes", "010", "1:30", "2020-13-45", "1", "\u00b2"), 0.1,
    ]  # fmt: skip


@pytest.mark.parametrize("flag", ["dps.=3", "dps=3", ".zeta=3", "dps.zeta="])
def test_another_form_is_refused(flag):
    with pytest.raises(SuiteError, match=r"expected NAME or NAME.param=value"):
        split_flags([flag])
    with pytest.raises(SuiteError, match=r"^--solver dps.zeta=.inf: '.inf' is not a finite number"):
        Setting.read("dps.zeta=.inf")


def test_an_empty_value_is_refused():
    with pytest.raises(SuiteError, match=r"^--solver dps.zeta=1,: a value is empty"):
        Setting.read("dps.zeta=1,")


def test_settings_of_one_parameter_are_put_together_wherever_they_stand():
    _, settings = split_flags(["dps.zeta=0.3,1", "dps.clip=false", "dps.zeta=1,2", "dps.clip=0"])
    assert values_of(settings) == {"zeta": [0.3, 1, 2], "clip": [False, 0]}
