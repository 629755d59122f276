"""The methods to tune, as the command line names them."""

import pytest

from bench.suites.yamlfile import SuiteError
from bench.tune.methods import methods
from tests.ours import METHODS
from tests.tune.made_search import write_card


def test_all_of_ours_are_tuned_by_default():
    assert [name for name, fixed in methods([]) if not fixed] == list(METHODS)


def test_parameters_of_the_command_line_are_fixed(tmp_path):
    mine = write_card(tmp_path)
    found = methods(["dps.clip=false", "dps.steps=50", mine, "ddrm"])
    assert found == [(mine, {}), ("ddrm", {}), ("dps", {"clip": False, "steps": 50})]


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("dsp", "unknown solver 'dsp'"),
        ("dps.zta=1", r"--solver dps.zta: unknown parameter \(did you mean 'zeta'\?\)"),
        ("dps.clip=true,false", "a parameter that is fixed has one value; the card has the ranges"),
        ("dps.zeta=1", "--solver dps: it has nothing to search: all of it is fixed here"),
        ("pinv", "--solver pinv: it has nothing to search: write ranges under `search` in "),
        ("none.py", "--solver none.py: none.py: no such file"),
    ],
)
def test_what_cannot_be_tuned_is_named(flag, message):
    with pytest.raises(SuiteError, match=message):
        methods([flag])


def test_a_method_with_and_without_what_is_fixed_is_two_searches():
    """As two rows in `run`; the plain one was not made, without a word."""
    message = "--solver dps.steps=50: --solver dps beside it is another search; give each a command"
    with pytest.raises(SuiteError, match=message):
        methods(["dps", "ddrm", "dps.steps=50"])


def test_a_card_without_a_space_is_named(tmp_path):
    mine = write_card(tmp_path, "title: x\n")
    with pytest.raises(SuiteError, match=r"nothing to search: write ranges under `search` in .*mine.yaml"):
        methods([mine])
