"""An entry written into a card leaves the rest of the file alone."""

import pytest

from bench.suites.cards import FOLDER
from bench.suites.loader import read_yaml
from bench.suites.yamlfile import SuiteError
from bench.tune.written.cardfile import write_entry

KEYS = ["presets", "bench", "fashion32", "sr_*"]
VALUE = {"steps": 100, "zeta": 3.21, "lr": 1e-05, "mode": "no"}
NESTED = {"presets": {"bench": {"fashion32": {"sr_*": VALUE}}}}


@pytest.mark.parametrize("card", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_of_our_cards_only_the_lines_of_the_entry_change(tmp_path, card):
    path = tmp_path / card.name
    path.write_text(card.read_text())
    write_entry(path, KEYS, VALUE)
    once = path.read_text()
    assert read_yaml(once)[1]["presets"]["bench"]["fashion32"]["sr_*"] == VALUE
    before, now = card.read_text().splitlines(), once.splitlines()
    gone = [line for line in before if line not in now]
    assert all(line.strip().startswith('"sr_*"') for line in gone) and len(gone) <= 1
    assert len([line for line in now if line not in before]) <= 4
    write_entry(path, KEYS, VALUE)
    assert path.read_text() == once


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("", {}),
        ("# a comment\n", {}),
        ("title: x\n", {"title": "x"}),
        ("{title: x}\n", {"title": "x"}),
        ("presets: {}\n", {}),
        ("presets:\n", {}),
        (
            "presets:\n  bench:\n    fashion32:\n      'sr_*': {a: 1,\n        b: 2}\ntitle: x\n",
            {"title": "x"},
        ),
        ("presets:\n  bench: {fashion32: {sr_*: {a: 1}}}\ntitle: |\n  x\n\n# end\n", {"title": "x\n"}),
    ],
)
def test_every_form_of_a_card_takes_an_entry(tmp_path, text, rest):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    write_entry(path, KEYS, VALUE)
    assert read_yaml(path.read_text())[1] == NESTED | rest
    assert all(line in path.read_text() for line in text.splitlines() if line.startswith("#"))


def test_comments_of_other_entries_stay(tmp_path):
    path = tmp_path / "mine.yaml"
    begin = "presets:\n  bench:\n    fashion32:\n      # why\n      '*': {a: 1}  # because\n"
    path.write_text(begin + "search:\n  # so\n")
    write_entry(path, KEYS, {"a": 2})
    assert path.read_text() == begin + '      "sr_*": {a: 2}\nsearch:\n  # so\n'


def test_what_is_no_yaml_is_refused_and_kept(tmp_path):
    path = tmp_path / "mine.yaml"
    for text in ("a: [1\n", "- 1\n", "presets: &x {a: {b: 1}}\nother: *x\n"):
        path.write_text(text)
        with pytest.raises(SuiteError, match=r"mine.yaml: "):
            write_entry(path, KEYS, VALUE)
        assert path.read_text() == text
