"""Old words on disk and new names in the package are told apart in one place, both ways."""

import gzip
import json

import pytest

from bench.records import words
from bench.records.lines import LineReader
from bench.suites.cards import list_cards
from tests import ROOT

MAPPINGS = ("RECORD", "SWITCHES", "ROW", "SETS", "SUITE", "TASK", "OPTIONS", "KEY")


@pytest.mark.parametrize("name", MAPPINGS)
def test_there_and_back_nothing_changes(name):
    mapping = getattr(words, name)
    values = dict.fromkeys([*mapping, "other"], 1)
    written = words.to_disk(values, mapping)
    assert not written.keys() & mapping.keys(), "names of the package stay off the disk"
    assert words.from_disk(written, mapping) == values
    assert list(words.from_disk(written, mapping)) == list(values), "in the same order"


def test_a_suite_is_mapped_with_its_tasks_and_rows():
    stored = {
        "name": "s",
        "block": 2,
        "reference": None,
        "tasks": [{"name": "t", "block": 3}],
        "solvers": [{"solver": "dps", "if_other": False}],
    }
    read = words.suite_from_disk(stored)
    assert (read["samples_per_problem"], read["tasks"][0]["samples_per_problem"]) == (2, 3)
    assert read["solvers"][0]["skip_duplicates"] is False and "fid_stats" in read
    assert json.dumps(words.suite_to_disk(read)) == json.dumps(stored)


@pytest.mark.parametrize("folder", ["linear", "exact-full"])
def test_committed_records_are_spelled_as_they_were(folder):
    """What a later version added is written too."""
    path = next((ROOT / "results" / "reference" / folder / "journal").iterdir())
    read = LineReader()
    for line in gzip.decompress(path.read_bytes()).splitlines()[:200]:
        stored = json.loads(line.partition(b" ")[2])
        del stored["format"]
        assert stored.items() <= read(line, path).to_disk().items()


def test_methods_of_old_manifests_are_known_by_name():
    assert words.known_method("red_diff", False) == ("method", 1, 0)
    assert words.known_method("tds", True) == ("anchor", 103, 2)
    assert words.known_method("pinv", True) == ("baseline", 0, None)
    assert words.known_method("Mine", False) == ("method", 1000, None)
    for name in (*words.METHODS_THEN, *words.ANCHORS_THEN):
        card = list_cards()[name]
        assert words.known_method(name, False)[:2] == (card.kind, card.order), "none has moved since"
