"""Small conversions of values to text."""

import re
from collections.abc import Iterable
from typing import Any

from bench.records import canonical


def escape(text: Any, limit: int = 300) -> str:
    """Text that Markdown shows as it is, on one line."""
    line = " ".join(str(text).split())
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    return re.sub(r"(?<!\w)_|_(?!\w)|[|*<>`\[\]\\~]", lambda m: "\\" + m[0], line)


def code(text: Any) -> str:
    """Text as inline code."""
    return "`" + str(text).replace("`", "'").replace("|", "\\|") + "`"


def plain(value: Any) -> str:
    """A parameter's value: short numbers, bare strings, JSON for the rest."""
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else canonical(value)


def count(value: float) -> str:
    """A mean of counts: without decimals where it is whole."""
    return f"{value:.0f}" if value == round(value) else f"{value:.1f}"


def seconds(value: float) -> str:
    """Seconds with three significant digits, never in exponential form."""
    if value < 0.0005:
        return "<0.001" if value > 0 else "0"
    return f"{value:#.3g}" if value < 99.95 else f"{value:.0f}"


def distinct(values: Iterable[Any]) -> list[str]:
    """Distinct texts in order of appearance."""
    return list(dict.fromkeys(str(value) for value in values))
