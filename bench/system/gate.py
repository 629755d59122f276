"""The gate for what comes from outside: options, YAML, TOML, cards, manifests and journals.

A number passes if it is finite, of the declared type and within its bounds. Nothing is guessed: true is not
1, "3" is not 3, 1.0 is not a whole number, and only the digits 0 to 9 make a number. A whole number is fine
where any number is asked for. Every reason is one line without the place, which the caller knows. No torch
in here.
"""

import json
import math
import re
import reprlib
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, time
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

MOST_DIGITS = 18
"""Digits of a whole number, at most; so many always fit into 64 bits."""
TOO_LONG = f"a whole number has more than {MOST_DIGITS} digits"
MOST_BYTES = 4_000_000
"""Size of a file of settings, at most."""
MOST_SHOWN = 80
"""Characters of an option in a message."""
MOST_DEPTH = 30
"""Lists and mappings inside one another."""

NULL = re.compile(r"~|null|Null|NULL|")
BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
REAL = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN")

UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
"""Unit of time -> seconds."""
MOST_SECONDS = 100 * 365 * 86400.0

WORDS = {
    "a mapping": ("an object", "a valid dictionary"),
    "a list": ("a valid array", "a valid tuple", "a valid list"),
}
"""Our word for a kind of value -> those of pydantic."""

INSTANCE = re.compile(r" or (an )?instance of \w+")

T = TypeVar("T", int, float)
short = reprlib.repr
"""A value as a message shows it."""


def shortened(text: str) -> str:
    """A text of a user as a message shows it, without quotes."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def scalar(text: str) -> bool | int | float | str | None:
    """The value of a word, by the core types of YAML 1.2 in decimal: "3" -> 3, "1e-4" -> 0.0001.

    All else is a text, such as yes, off, 010, 1_000, 0x1f, 1:30 and 2020-01-02.

    Raises:
        ValueError: a number that is not finite or has more than `MOST_DIGITS` digits.

    >>> [scalar(text) for text in ("true", "7", "1e-4", "yes", "010", "1:30", "~")]
    [True, 7, 0.0001, 'yes', '010', '1:30', None]
    """
    if NULL.fullmatch(text):
        return None
    if BOOL.fullmatch(text):
        return text.lower() == "true"
    if WHOLE.fullmatch(text):
        return whole(text)
    if REAL.fullmatch(text) or NOT_FINITE.fullmatch(text):
        return real(text)
    return text


def whole(text: str, low: int | None = None, high: int | None = None) -> int:
    """The whole number that a text says, between ``low`` and ``high``.

    Raises:
        ValueError: it says none, or one out of range.
    """
    if not WHOLE.fullmatch(text):
        raise ValueError(f"{short(text)} is not a whole number")
    if len(text.lstrip("+-")) > MOST_DIGITS:
        raise ValueError(f"{short(text)} has more than {MOST_DIGITS} digits")
    return between(int(text), low, high)


def real(text: str, low: float | None = None, high: float | None = None, above: bool = False) -> float:
    """The finite number that a text says, between ``low`` and ``high``.

    Args:
        above: whether ``low`` itself is out of range.

    Raises:
        ValueError: it says none, or one out of range.
    """
    value = float(text) if REAL.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ValueError(f"{short(text)} is not a finite number")
    if above and value == low:
        raise ValueError(f"{short(value)} is not above {low:g}")
    return between(value, low, high)


def seconds(text: str) -> float:
    """The seconds of a time with its unit, above 0 and at most a hundred years.

    Raises:
        ValueError: it is none.

    >>> [seconds(text) for text in ("30s", "90min", "1.5h", "2d")]
    [30.0, 5400.0, 5400.0, 172800.0]
    """
    number, unit = re.fullmatch(r"(.*?)([a-z]*)", text, re.DOTALL).groups()  # type: ignore[union-attr]  # any text
    if unit not in UNITS:
        raise ValueError(f"{short(text)} is not a time with its unit ({', '.join(UNITS)}), as in 8h")
    return UNITS[unit] * real(number, 0, MOST_SECONDS / UNITS[unit], above=True)


def between(value: T, low: T | None, high: T | None) -> T:
    """The value, if it is in range; None is no bound.

    Raises:
        ValueError: it is not.
    """
    if low is not None and value < low:
        raise ValueError(f"{short(value)} is below {low}, the least")
    if high is not None and value > high:
        raise ValueError(f"{short(value)} is above {high}, the most")
    return value


def conform(kind: Any, value: Any) -> Any:
    """The value as the declared type, with nothing converted but what loses nothing.

    A whole number becomes a float where a float is declared, and a list a tuple where a tuple is, since files
    have no tuples.

    Args:
        kind: an annotation, with its bounds, or a dataclass, whose value is a mapping of its fields.

    Raises:
        pydantic.ValidationError: it is of another type, not finite or out of range.
    """
    try:
        adapter = _adapter(kind)
    except TypeError:  # an annotation without a hash
        adapter = _adapter.__wrapped__(kind)
    try:
        return adapter.validate_python(value, strict=True)
    except ValueError:
        text = _as_json(value)
        if text is None:
            raise
    return adapter.validate_json(text, strict=True)


def reason(error: "ValidationError") -> str:
    """The first reason of a `conform` that failed, in one line: "Input should be less than 1"."""
    return plain_words(error.errors()[0]["msg"])


def plain_words(message: str) -> str:
    """A message of pydantic with one word each for what has one in JSON and another in Python."""
    words = message.removeprefix("Value error, ")
    for ours, theirs in WORDS.items():
        for word in theirs:
            words = words.replace(f"should be {word}", f"should be {ours}")
    return INSTANCE.sub("", words)


@cache
def _adapter(kind: Any) -> "TypeAdapter[Any]":
    """What checks a type; a class may bring a configuration of its own."""
    from pydantic import ConfigDict, TypeAdapter  # the command line parses numbers without it

    if hasattr(kind, "__pydantic_config__") or hasattr(kind, "model_config"):
        return TypeAdapter(kind)
    return TypeAdapter(kind, config=ConfigDict(arbitrary_types_allowed=True, allow_inf_nan=False))


def _as_json(value: Any) -> str | None:
    """A value of a file as JSON text; None for what no file can hold, such as a tensor."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return None


def read_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is no JSON, gives a field twice, or is no `check_plain` value.
    """
    return _parsed(lambda: json.loads(text, parse_int=whole, object_pairs_hook=_without_repetition))


def read_toml(content: bytes) -> dict[str, Any]:
    """The entries of a TOML text.

    Raises:
        ValueError: it is no TOML in UTF-8, has more than `MOST_BYTES`, or is no `check_plain` value.
    """
    if len(content) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES / 1e6:g} MB")
    entries: dict[str, Any] = _parsed(lambda: tomllib.loads(content.decode()))
    return entries


def _parsed(parse: Callable[[], Any]) -> Any:
    """What ``parse`` returns; whatever a parser raises becomes a ValueError of one line."""
    try:
        value = parse()
    except RecursionError:
        raise ValueError(f"nested more than {MOST_DEPTH} deep") from None
    except ValueError as error:
        raise ValueError(TOO_LONG if "digits" in str(error) else str(error).partition("\n")[0]) from None
    check_plain(value)
    return value


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field is given twice")
    return found


def check_plain(value: Any, depth: int = 0) -> None:
    """Makes sure that parsed data are texts, truth values, finite numbers, and lists and mappings of these.

    Raises:
        ValueError: a date, NaN, infinity, a whole number of more than `MOST_DIGITS` digits, or lists and
            mappings more than `MOST_DEPTH` deep.
    """
    if depth > MOST_DEPTH:
        raise ValueError(f"nested more than {MOST_DEPTH} deep")
    if isinstance(value, (date, time)):
        raise ValueError(f"{value} is a date; write a text in quotes")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    if isinstance(value, int) and abs(value) >= 10**MOST_DIGITS:
        raise ValueError(TOO_LONG)
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            check_plain(item, depth + 1)
