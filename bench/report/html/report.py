"""The files of a page, for image suites and for exact ones."""

from collections.abc import Sequence

from bench.records.manifest import RunManifest
from bench.report import exact
from bench.report.across.ranks import Across
from bench.report.columns import Column
from bench.report.html import numbers
from bench.report.html.data import PageSource, document
from bench.report.html.page import page
from bench.report.html.pictures import MOST, SHOWN, PictureFiles, collect
from bench.report.html.theirs import Theirs
from bench.report.ranking import Judged
from bench.report.scores import Sets
from bench.report.tables import Table
from bench.report.trajectories.page import entries, size


def of_images(
    judged: Sequence[Judged],
    columns: Sequence[Column],
    across: Sequence[Across],
    runs: Sequence[RunManifest],
    sets: Sets,
    n_bad: int = 0,
) -> PageSource:
    """What a page of image suites shows."""
    shown = [numbers.of_images(one, columns) for one in judged]
    theirs = Theirs([one.table for one in judged], sets, runs)
    return PageSource(shown, columns, runs, theirs, across, n_bad)


def of_problems(
    tables: Sequence[Table],
    columns: Sequence[Column],
    found: Sequence[exact.Numbers],
    runs: Sequence[RunManifest],
    n_bad: int = 0,
) -> PageSource:
    """What a page of exact suites shows, on which no paper has a number."""
    shown = [numbers.of_problems(table, one) for table, one in zip(tables, found, strict=True)]
    return PageSource(shown, columns, runs, Theirs((), None, ()), (), n_bad)


def files(source: PageSource, find: PictureFiles, name: str = "report") -> dict[str, bytes]:
    """The page ``name.html``, and the scripts with larger pictures below ``name.pics/``."""
    curves = entries(source.tables, source.curves, SHOWN)
    pictures = collect(source.tables, find, MOST - size(curves))
    damaged = sorted(path.name for path in find.unreadable)
    content = document(source, damaged) | pictures.entries() | curves | {"beside": f"{name}.pics/"}
    if lost := sum(found.damaged for found in source.curves.values()):
        content["meta"]["bad"].append(f"Files of trajectories that cannot be read: {lost}.")
    if source.conflicts:
        content["meta"]["bad"].append(f"{source.conflicts}.")
    written = {f"{name}.html": page(content)}
    for file, text in pictures.side_files().items():
        written[f"{name}.pics/{file}"] = text.encode()
    return written
