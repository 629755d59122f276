"""The files of a page, for image suites and for exact ones."""

from collections.abc import Sequence
from pathlib import Path

from bench.records.manifest import RunManifest
from bench.report import exact
from bench.report.columns import Column
from bench.report.html import numbers
from bench.report.html.data import Source, document
from bench.report.html.page import page
from bench.report.html.pictures import Find
from bench.report.html.theirs import Theirs
from bench.report.scores import Sets
from bench.report.tables import Table


def of_images(
    tables: Sequence[Table],
    columns: Sequence[Column],
    runs: Sequence[RunManifest],
    folders: Sequence[Path],
    find: Find,
    n_bad: int = 0,
) -> Source:
    """What a page of image suites shows; FID and KID are kept for the next report."""
    sets = Sets(folders, runs)
    scores = [numbers.of_images(table, columns, sets) for table in tables]
    theirs = Theirs(tables, sets, runs)
    sets.save()
    return Source(tables, columns, runs, scores, find, theirs, n_bad)


def of_problems(
    tables: Sequence[Table],
    columns: Sequence[Column],
    found: Sequence[exact.Numbers],
    runs: Sequence[RunManifest],
    find: Find,
    n_bad: int = 0,
) -> Source:
    """What a page of exact suites shows, on which no paper has a number."""
    scores = [numbers.of_problems(one) for one in found]
    return Source(tables, columns, runs, scores, find, Theirs((), None, ()), n_bad)


def files(source: Source, name: str = "report") -> dict[str, bytes]:
    """The page ``name.html``, and the scripts with larger pictures below ``name.pics/``."""
    content, beside = document(source)
    written = {f"{name}.html": page(content | {"beside": f"{name}.pics/"})}
    for file, text in beside.items():
        written[f"{name}.pics/{file}"] = text.encode()
    return written
