"""Figures on a page: the picture, where its numbers stand, and its other files."""

from collections.abc import Mapping, Sequence

from bench.report.tables import Table
from bench.report.text import escape

Shown = Mapping[str, Sequence[str]]
"""Figure -> its files beside the page, a png or else an svg first."""
OF_TASK = {
    "cost": ("Quality against cost", "Numbers: the table above."),
    "grid": ("Reconstructions", "Means: the table above; the number of each picture is in it."),
    "extremes": (
        "Best, median and worst pictures",
        "Means: the table above; the number of each picture is in it.",
    ),
    "ranks": ("Ranks of the truth", "Numbers: the table of samples above."),
}
"""What a figure of one task shows, and where its numbers stand."""


def of_task(kind: str, table: Table, figures: Shown) -> list[str]:
    """A figure of a task, by its kind in `OF_TASK`, where it was drawn."""
    title, numbers = OF_TASK[kind]
    return figure(f"{kind}_{table.slug}", f"{title}: {escape(table.title)}", numbers, figures)


def figure(name: str, title: str, numbers: str, figures: Shown) -> list[str]:
    """A figure, if it was drawn, and a line on its numbers and further files.

    Args:
        name: of the figure.
        title: what it shows, in Markdown.
        numbers: where they stand, as sentences.
        figures: all that were drawn.
    """
    if name not in figures:
        return []
    first, *others = figures[name]
    parts = [] if first.endswith(".pdf") else [f"![{title}]({first})"]
    linked = others if parts else [first, *others]
    links = [f"[{file.rpartition('.')[2]}]({file})" for file in linked]
    files = f" {title}: {', '.join(links)}." if links else ""
    return [*parts, f"<sub>{numbers}{files}</sub>"]
