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
from bench.report.ranking import Judged
from bench.report.scores import Sets
from bench.report.tables import Table


def of_images(
    judged: Sequence[Judged],
    columns: Sequence[Column],
    runs: Sequence[RunManifest],
    folders: Sequence[Path],
    find: Find,
    n_bad: int = 0,
) -> Source:
    """What a page of image suites shows."""
    shown = [numbers.of_images(one, columns) for one in judged]
    theirs = Theirs([one.table for one in judged], Sets(folders, runs), runs)
    return Source(shown, columns, runs, find, theirs, n_bad)


def of_problems(
    tables: Sequence[Table],
    columns: Sequence[Column],
    found: Sequence[exact.Numbers],
    runs: Sequence[RunManifest],
    find: Find,
    n_bad: int = 0,
) -> Source:
    """What a page of exact suites shows, on which no paper has a number."""
    shown = [numbers.of_problems(table, one) for table, one in zip(tables, found, strict=True)]
    return Source(shown, columns, runs, find, Theirs((), None, ()), n_bad)


def files(source: Source, name: str = "report") -> dict[str, bytes]:
    """The page ``name.html``, and the scripts with larger pictures below ``name.pics/``."""
    content, beside = document(source)
    written = {f"{name}.html": page(content | {"beside": f"{name}.pics/"})}
    for file, text in beside.items():
        written[f"{name}.pics/{file}"] = text.encode()
    return written
