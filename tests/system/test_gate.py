"""The gate lets nothing through that is not what it says."""

import math
from typing import Annotated

import pytest
from annotated_types import Gt, Lt
from pydantic import ValidationError

from bench.system.gate import conform, read_json, read_toml, real, scalar, whole

TEXTS = "yes off On n 010 0x1f 0o17 0b1 1_000 1:30 2020-13-45 1e --1 nan inf \u0663 \u00b2 1\u00a02"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("3", 3), ("-7", -7), ("0", 0), ("1e-4", 1e-4), (".5", 0.5), ("2.", 2.0), ("+1.5E+3", 1500.0)),
        *(("true", True), ("False", False), ("~", None), ("null", None), ("", None), ("1\n", "1\n")),
        *((text, text) for text in TEXTS.split(" ")),
    ],
)
def test_words_have_the_core_types_of_yaml_in_decimal(text, value):
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "1e999", "9" * 19, "9" * 5000])
def test_numbers_that_are_not_finite_or_too_long_are_refused(text):
    with pytest.raises(ValueError, match=r"not a finite number|more than 18 digits") as caught:
        scalar(text)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    "text", ["", "1.0", "\u00b2", "\uff11", "0x1", "1_0", " 1", "1 ", "1\n", "0", "9", "01"]
)
def test_whole_numbers_are_ascii_digits_within_bounds(text):
    with pytest.raises(ValueError, match=r"whole|least|most"):
        whole(text, 1, 8)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "0", "-1", "1_0.5", "\uff11", "x", "", "9"])
def test_real_numbers_are_finite_and_within_bounds(text):
    with pytest.raises(ValueError, match=r"finite|above|least"):
        real(text, 0, 8, above=True)


FRACTION = Annotated[float, Gt(0), Lt(1)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (float, True),
        (float, "1"),
        (float, math.nan),
        (float, math.inf),
        (int, True),
        (int, 1.0),
        (int, "1"),
        (bool, 1),
        (bool, "yes"),
        (str, 1),
        (FRACTION, 1),
        (tuple[float, int], [1, True]),
        (list[int], [1.0]),
        (float | None, "~"),
        (dict[str, int], {"a": 1.0}),
    ],
)
def test_no_value_of_another_type_passes(kind, value):
    with pytest.raises(ValidationError):
        conform(kind, value)


def test_whole_numbers_become_floats_and_lists_tuples():
    assert conform(tuple[float, ...], [1, 0.5]) == (1.0, 0.5)
    assert type(conform(FRACTION | float, 1)) is float


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[1e999]",
        "NaN",
        "[-Infinity]",
        '{"a": 1, "a": 2}',
        "9" * 5000,
        "9" * 19,
        "[",
        "\x00",
        "[" * 40 + "]" * 40,
    ],
)
def test_no_hostile_json_is_read(text):
    with pytest.raises(ValueError, match=r"\w"):
        read_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "a = 2020-01-02",
        "a = 2020-13-45",
        "a = inf",
        "a = nan",
        "a = 1e999",
        "a = " + "9" * 5000,
        "a",
        "a = " + "[" * 100_000,
        "a = 0x" + "f" * 5000,
        "a = " + "[" * 40 + "]" * 40,
        "a = 07:32:00",
    ],
)
def test_no_hostile_toml_is_read(text):
    with pytest.raises(ValueError, match=r"\w") as caught:
        read_toml(text.encode())
    assert "\n" not in str(caught.value)
