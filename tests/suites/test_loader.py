"""YAML by the core types of version 1.2: nothing is guessed, and whatever a file holds, reading it ends."""

import pytest
import yaml

from bench.suites.loader import MOST_NODES, RefusedError, read_yaml


def read(text):
    return read_yaml(text)[1]


def test_words_without_quotes_have_the_core_types():
    words = "yes, no, on, Off, y, 010, 0x1f, 1_000, 1:30, 2020-01-02, 2020-13-45"
    assert read(f"a: [{words}]")["a"] == words.split(", ")
    assert read("a: [1, -2.5, 1e-4, true, null, ~, x y]")["a"] == [1, -2.5, 1e-4, True, None, None, "x y"]
    quoted = {"a": ["1", "true", "~"], "b": "7\n", "c": "8"}
    assert read("a: ['1', \"true\", '~']\nb: |\n  7\nc: >-\n  8\n") == quoted
    assert read("yes: 1\non: 2\n'3': 3") == {"yes": 1, "on": 2, "3": 3}
    assert read_yaml("") == (None, None) and read_yaml("# nothing") == (None, None)


def test_anchors_and_merges_are_understood():
    a = {"x": 1, "y": [2, "yes"]}
    assert read("a: &a {x: 1, y: [2, yes]}\nb: *a\nc: {<<: *a, x: 3}") == {"a": a, "b": a, "c": a | {"x": 3}}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: .inf", 2, "not a finite number"),
        ("a: 1\nb: 1e999", 2, "not a finite number"),
        (f"a: {'9' * 19}", 1, "more than 18 digits"),
        ("a: !!int '3'", 1, "the tag"),
        ("a: !mine {}", 1, "the tag"),
        ("a: &a\n  b: *a", 1, "part of"),
        ("a: &a {b: {<<: *a}}", 1, "part of"),
        ("1: 2", 1, "no text"),
        ("true: 2", 1, "no text"),
        ("? [a]\n: 2", 1, "no text"),
        (f"a: {'[' * 40}{']' * 40}", 1, "deep"),
        (f"{'- ' * 5000}x", 1, "deep"),
        ("a: [" + "1," * MOST_NODES + "]", 1, "values"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text, line, words):
    with pytest.raises(RefusedError) as error:
        read_yaml(text)
    assert words in error.value.problem and error.value.problem_mark.line + 1 == line


def test_aliases_count_each_time_that_they_stand_for_something():
    ten = "[" + ",".join(["x"] * 10) + "]"
    lines = [f"a0: &a0 {ten}"] + [f"a{k}: &a{k} [{','.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 9)]
    assert len(read("\n".join(lines[:3]))["a2"]) == 10
    with pytest.raises(RefusedError, match="values"):
        read_yaml("\n".join(lines))
    deep = ["a0: &a0 [x]"] + [f"a{k}: &a{k} [*a{k - 1}]" for k in range(1, 60)]
    with pytest.raises(RefusedError, match="deep"):
        read_yaml("\n".join(deep))


def test_what_is_no_yaml_is_said_by_the_parser():
    for text in ("a: [", "a: *b", "--- 1\n--- 2", "\x00"):
        with pytest.raises(yaml.YAMLError):
            read_yaml(text)
