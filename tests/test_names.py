"""Patterns, suggestions, counted things and first lines."""

import pytest

from bench.names import counted, first_line, matches, nearest, selected

NAMES = ("blur_gauss", "blur_motion", "hdr", "inpaint_box")


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ((), NAMES),
        (("blur_*",), NAMES[:2]),
        (("hdr", "*box"), NAMES[2:]),
        (("!hdr",), (*NAMES[:2], NAMES[3])),
        (("blur_*", "!blur_m*"), NAMES[:1]),
        (("!*", "hdr"), ()),
        (("HDR",), ()),
        (("blur",), ()),
    ],
)
def test_patterns_include_and_exclude(patterns, chosen):
    assert tuple(name for name in NAMES if selected(name, patterns)) == chosen


def test_a_pattern_is_about_what_it_excludes_too():
    assert matches("hdr", "!h*") and matches("hdr", "h?r") and not matches("hdr", "!blur*")


@pytest.mark.parametrize(
    ("name", "known", "message"),
    [
        ("lrr", ["lam", "lr"], " (did you mean 'lr'?); known: lam, lr"),
        ("abcd", ["xyz"], "; known: xyz"),
        ("ac", ["ab", "ad"], " (did you mean 'ab'?); known: ab, ad"),  # equally near: the first
        ("lr", [], "; known: none"),
    ],
)
def test_the_nearest_name_is_suggested_if_it_is_near(name, known, message):
    assert nearest(name, iter(known)) == message


def test_the_end_of_the_message_says_what_is_known():
    assert nearest("a", ["b"], "operators") == "; operators: b"


def test_plurals():
    assert [counted(n, "image") for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]


def test_an_error_has_a_first_line_without_a_message_too():
    assert first_line(ValueError("a\nb")) == "a"
    assert first_line(NotImplementedError()) == "NotImplementedError", "which has no message"
