"""Small conversions of values to text, and the parts of Markdown."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bench.records.keys import canonical

NBSP = "\u00a0"
"""A space at which no line breaks."""
ARROWS = {1: f"{NBSP}↑", -1: f"{NBSP}↓", 0: ""}
"""The direction of a column, after its label."""


def escape(text: Any, limit: int = 300) -> str:
    """Text that Markdown shows as it is, on one line."""
    line = one_line(text)
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    return re.sub(r"(?<!\w)_|_(?!\w)|[|*<>`$\[\]\\~]", lambda m: "\\" + m[0], line)


def one_line(text: Any) -> str:
    """Text without line breaks and other characters that show nothing or end a paragraph."""
    found = str(text)
    if not found.isprintable():
        found = "".join(letter if letter.isprintable() else " " for letter in found)
    return " ".join(found.split())


def sentence(text: str, limit: int = 300) -> str:
    """Escaped text without its own full stop, to be put into a sentence."""
    return escape(text.rstrip("."), limit)


def code(text: Any) -> str:
    """Text as inline code, on one line: a blank line would end it, and what follows would be Markdown."""
    return "`" + one_line(text).replace("`", "'").replace("|", "\\|") + "`"


def codes(texts: Iterable[Any]) -> str:
    """Several texts as inline code, with commas between them."""
    return ", ".join(map(code, texts))


def small(text: str) -> str:
    """A second line of a cell, in small print; its spaces do not break."""
    return f"<br><sub>{text.replace(' ', NBSP)}</sub>" if text else ""


def table_line(cells: Iterable[Any]) -> str:
    """One line of a Markdown table; line breaks within a cell become spaces."""
    texts = [re.sub(r"\s*\n\s*", " ", str(cell)) for cell in cells]
    return f"| {' | '.join(texts)} |"


def table_head(titles: Iterable[Any]) -> list[str]:
    """The first two lines of a Markdown table: the first column left-aligned, the others right-aligned."""
    titles = list(titles)
    return [table_line(titles), "|:--|" + "--:|" * (len(titles) - 1)]


def bullets(lines: Iterable[str]) -> str:
    """A Markdown list; "" without lines."""
    return "\n".join(f"- {line}" for line in lines)


def citation(paper: str) -> str:
    """A paper's identifier as a link.

    Args:
        paper: an arXiv number, ``openreview:<id>``, ``doi:<id>`` or an address; anything else stays text.
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


def named(params: Mapping[str, Any]) -> str:
    """Names and values of parameters that are set, as in "std 1.5, taps 11"; "" where none is."""
    return ", ".join(f"{name} {plain(value)}" for name, value in params.items() if value is not None)


def parameters(params: Mapping[str, Any]) -> str:
    """`named`, escaped, in parentheses after a space; "" where none is set."""
    return f" ({escape(text)})" if (text := named(params)) else ""


def noise_words(sigma: float | None, noise: Mapping[str, Any]) -> str:
    """The noise of a measurement, as in "σ = 0.1" or "Poisson noise (rate 1)"."""
    if noise:
        params = named({name: value for name, value in noise.items() if name != "kind"})
        return f"{noise['kind'].capitalize()} noise" + (f" ({params})" if params else "")
    return "noise not known" if sigma is None else f"σ = {sigma:g}"


def noise_text(sigma: float | None, noise: Mapping[str, Any]) -> str:
    """`noise_words`, escaped."""
    return escape(noise_words(sigma, noise))


def told_words(told: Mapping[str, Any]) -> str:
    """What solvers are told that is not so, as in "σ = 0.05"; "" where they are told the truth."""
    return ", ".join(f"{'σ' if name == 'sigma' else name} = {plain(value)}" for name, value in told.items())


def told_text(told: Mapping[str, Any]) -> str:
    """`told_words` as a part of a sentence; "" where solvers are told the truth."""
    return f"; **the solvers are told {escape(told_words(told))}**" if told else ""


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
