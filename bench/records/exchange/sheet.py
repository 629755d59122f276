"""CSV that a spreadsheet shows and does not run."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

FORMULA = ("=", "+", "-", "@", "\t")
"""What a text begins with that spreadsheets take for a formula, after blanks."""


def neutral(value: object) -> object:
    """A text that no spreadsheet takes for a formula: with an apostrophe before it where it would be one.

    Labels and titles come from anywhere, and a formula may start a program. Numbers are as they are.

    >>> neutral("=1+1"), neutral("dps"), neutral(-0.5)
    ("'=1+1", 'dps', -0.5)
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r", " ")
    return f"'{text}" if text.lstrip(" \n").startswith(FORMULA) else text


def write_csv(names: Sequence[str], lines: Iterable[Mapping[str, object]]) -> bytes:
    """A CSV file of some lines, each value by the name of its column; texts are `neutral`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(neutral, names))
    for line in lines:
        writer.writerow(map(neutral, map(line.get, names)))
    return text.getvalue().encode()
