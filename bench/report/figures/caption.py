"""What is printed in every figure, which is read without its page: suite, images, noise and prior."""

import textwrap
from collections.abc import Sequence

from matplotlib.figure import Figure

from bench.names import counted
from bench.report.figures.page import font
from bench.report.tables import Table
from bench.report.text import plain, told_words

SOFT = "#565b62"
"""Colour of captions."""
SIZE = 8.0
"""Their font size, in points."""
TITLE = 11.0
"""That of titles."""
EXACT = 64
"""Font size at which texts are measured, in pixels."""
LINE_HEIGHT = 0.155
"""Height of a caption's line, in inches."""
PER_INCH = 17.0
"""Letters of a caption that an inch holds."""
UNITS = (" problems", " images")
"""What stands once behind several numbers."""


def caption(table: Table) -> str:
    """What a figure of one task is about: suite, images or problems, noise, prior."""
    return "; ".join(_facts(table).values())


def captions(panels: Sequence[Sequence[Table]]) -> tuple[str, list[str]]:
    """What a figure of several panels is about: what all share, and what differs for each.

    Args:
        panels: the tables of each, which are pooled.
    """
    facts = [_pooled(tables) for tables in panels]
    shared = set(facts[0])
    for found in facts:
        shared = {name for name in shared if found[name] == facts[0][name]}
    own = []
    for found in facts:
        own.append(", ".join(text for name, text in found.items() if name not in shared and text))
    return "; ".join(text for name, text in facts[0].items() if name in shared and text), own


def _pooled(tables: Sequence[Table]) -> dict[str, str]:
    """The facts of some tables, each of them once."""
    found: dict[str, dict[str, None]] = {}
    for table in tables:
        for name, text in _facts(table).items():
            found.setdefault(name, {})[text] = None
    facts = {}
    for name, texts in found.items():
        first, *others = texts
        start = first[: first.find("= ") + 2]
        facts[name] = _once([first, *(text.removeprefix(start) for text in others)])
    return facts | {"tasks": f"{len(tables)} tasks pooled" if len(tables) > 1 else ""}


def _once(values: Sequence[str]) -> str:
    """Numbers with the unit that they share, which stands behind the last."""
    *others, last = values
    for unit in UNITS:
        if last.endswith(unit):
            others = [value.removesuffix(unit) for value in others]
    return ", ".join([*others, last])


def noise(table: Table) -> str:
    """The noise of a measurement, as in "σ = 0.1"; also what solvers are told that is not so."""
    head = table.head
    text = "noise not known" if head.sigma is None else f"σ = {head.sigma:g}"
    if head.noise:
        params = [f"{name} {plain(value)}" for name, value in head.noise.items() if name != "kind"]
        text = " ".join([f"{head.noise['kind']} noise", *params])
    return text + (f" (solvers are told {told_words(head.told)})" if head.told else "")


def fold(text: str, inches: float) -> list[str]:
    """The lines of a caption of this width."""
    return textwrap.wrap(text, max(int(inches * PER_INCH), 20))


def head(page: Figure, title: str, left: float = 0.1) -> None:
    """Writes the title of a page at its upper edge, smaller where it is long."""
    width, height = page.get_size_inches()
    size = fitting(title, TITLE, width - 2 * left)
    page.text(left / width, 1 - 0.1 / height, title, size=size, va="top")


def fitting(text: str, size: float, inches: float) -> float:
    """The font size, at most this one, at which a text is no wider than so many inches."""
    return min(size, inches * 72 * EXACT / max(font(EXACT).getlength(text), 1))


def write(page: Figure, texts: Sequence[str], left: float, top: float) -> None:
    """Writes captions below each other, from a place in inches from the left and upper edge of the page."""
    width, height = page.get_size_inches()
    for i, text in enumerate(texts):
        y = 1 - (top + i * LINE_HEIGHT) / height
        page.text(left / width, y, text, size=SIZE, color=SOFT, va="top")


def _facts(table: Table) -> dict[str, str]:
    head = table.head
    unit = "problem" if table.samples_per_problem > 1 else "image"
    of_dataset = "" if head.prior == head.dataset else f" of {head.dataset}"
    return {
        "suite": f"suite {head.suite}",
        "n": f"n = {counted(table.usual, unit)}" + of_dataset,
        "noise": noise(table),
        "prior": f"prior {head.prior}",
    }
