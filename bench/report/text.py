"""Small conversions of values to text."""

import re
from collections.abc import Iterable
from typing import Any

from bench.records.keys import canonical


def escape(text: Any, limit: int = 300) -> str:
    """Text that Markdown shows as it is, on one line."""
    line = " ".join(str(text).split())
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    return re.sub(r"(?<!\w)_|_(?!\w)|[|*<>`\[\]\\~]", lambda m: "\\" + m[0], line)


def code(text: Any) -> str:
    """Text as inline code."""
    return "`" + str(text).replace("`", "'").replace("|", "\\|") + "`"


def citation(paper: str) -> str:
    """A paper's identifier as a link: an arXiv number, ``openreview:<id>``, ``doi:<id>`` or an address; else
    as it is.
    """
    if re.fullmatch(r"\d{4}\.\d{4,5}(v\d+)?|[a-z.-]+/\d{7}", paper):
        return f"[arXiv:{paper}](https://arxiv.org/abs/{paper})"
    site, _, name = paper.partition(":")
    places = {"openreview": "https://openreview.net/forum?id=", "doi": "https://doi.org/"}
    if site in places:
        return f"[{escape(paper)}]({places[site]}{name})"
    return f"<{paper}>" if re.fullmatch(r"https?://[^\s<>]+", paper) else escape(paper)


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
