"""The examples in docstrings give what they say."""

import doctest
import importlib

import pytest

from tests import ROOT

SOURCES = [path for path in sorted((ROOT / "bench").rglob("*.py")) if ">>> " in path.read_text()]
NAMES = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in SOURCES]


@pytest.mark.parametrize("name", NAMES)
def test_examples_give_what_they_say(name):
    failed, attempted = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert attempted and not failed


@pytest.mark.parametrize("module", ["intervals", "comparisons", "distances"])
def test_statistics_have_examples(module):
    assert f"bench.stats.{module}" in NAMES
