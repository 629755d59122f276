"""Figures on a page: the picture, where its numbers stand, and its other files."""

from collections.abc import Mapping, Sequence

from bench.report.tables import Table
from bench.report.text import escape

Shown = Mapping[str, Sequence[str]]
"""Figure -> its files beside the page."""
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
    parts: list[str] = []
    links: list[str] = []
    for file in figures[name]:
        kind = file.rpartition(".")[2]
        if parts or kind == "pdf":
            links.append(f"[{kind}]({file})")
        else:
            parts.append(f"![{title}]({file})")
    files = f" {title}: {', '.join(links)}." if links else ""
    return [*parts, f"<sub>{numbers}{files}</sub>"]
