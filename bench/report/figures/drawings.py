"""The figures of image suites, and their files."""

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.figure import Figure

from bench.report.across.ranks import Across
from bench.report.columns import Column
from bench.report.figures import critical, ranks
from bench.report.figures.colours import looks
from bench.report.figures.cost import plot as cost
from bench.report.figures.page import encode
from bench.report.figures.pictures import extremes, grid
from bench.report.figures.pictures.sheet import Sheet, encode_sheet
from bench.report.figures.pictures.shots import Find
from bench.report.ranking import Judged
from bench.report.trajectories import figure as trajectories
from bench.report.trajectories.kept import KeptTrajectories

Drawing = Figure | Sheet
Drawings = Iterable[tuple[str, Drawing | None]]
"""Name of a figure -> the figure, if the records allow it."""


def draw(kinds: Sequence[str], drawings: Drawings) -> tuple[dict[str, bytes], dict[str, list[str]]]:
    """Draws figures in these formats.

    Returns:
        The files by name, and the names of the files of each figure, in the order of the formats.
    """
    files: dict[str, bytes] = {}
    shown: dict[str, list[str]] = {}
    for name, drawing in drawings:
        if drawing is None:
            continue
        shown[name] = [f"{name}.{kind}" for kind in kinds]
        for kind, file in zip(kinds, shown[name], strict=True):
            made = encode_sheet(drawing, kind) if isinstance(drawing, Sheet) else encode(drawing, kind)
            files[file] = made
    return files, shown


def of_images(
    judged: Sequence[Judged],
    columns: Sequence[Column],
    across: Sequence[Across],
    find: Find,
    curves: Mapping[str, KeptTrajectories],
) -> Drawings:
    """The figures of image suites, each made when it is asked for."""
    own = looks([one.table for one in judged])
    by_name = {column.name: column for column in columns}
    first = by_name.get("psnr") or next((column for column in columns if column.better), None)
    metrics = [column for column in (first, by_name.get("lpips")) if column]
    for suite in across:
        tables = [one.table for one in judged if one.table.head.suite == suite.suite]
        yield f"average_ranks_{suite.suite}", critical.draw(suite, columns, own, tables)
    for one in judged:
        table = one.table
        marks = one.scores[first.name] if first else {}
        yield f"cost_{table.slug}", cost.draw(one, metrics, own)
        yield f"grid_{table.slug}", grid.draw(table, first, marks, own, find)
        yield f"extremes_{table.slug}", extremes.draw(table, first, find)
        yield f"ranks_{table.slug}", ranks.draw(table, one.spreads, own)
    yield from trajectories.of_images([one.table for one in judged], curves)
