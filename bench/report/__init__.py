"""The report of some run folders: tables, numbers and figures, from records and manifests only.

No torch in here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from bench.records.exchange.conflicts import told
from bench.records.files import check_run_folder, write_atomic
from bench.records.journal import set_aside
from bench.records.manifest import RunManifest
from bench.records.objects import Finder
from bench.report import exact
from bench.report.across.ranks import Across, over_tasks
from bench.report.across.ranks import sheet as ranks_sheet
from bench.report.columns import Column, columns_of
from bench.report.figures import KINDS
from bench.report.latex import grid as latex
from bench.report.markdown import exact as exact_page
from bench.report.markdown import page
from bench.report.numbers import sheet
from bench.report.ranking import Judged, judge_all
from bench.report.samples import diversity
from bench.report.scores import Sets
from bench.report.selection.choice import Choice
from bench.report.selection.folders import Joined, join
from bench.report.selection.rows import Rows
from bench.report.tables import Table, build, records_of
from bench.report.text import one_line
from bench.report.trajectories import kept
from bench.report.trajectories import sheet as trajectories_sheet
from bench.report.verdicts import MARGINS

FORMATS = ("md", "csv", "png")
TEX = "tex"
ALL_FORMATS = (*FORMATS, "html")
"""What `run` writes."""
KNOWN = (*ALL_FORMATS, *(kind for kind in KINDS if kind not in FORMATS), TEX)
PAGE = "report.md"
Files = dict[str, bytes]
"""File name -> content."""


class Pictures:
    """Finds pictures below objects/, in the first folder that holds them.

    Attributes:
        unreadable: those that are damaged, which count as not kept.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._places = [folder / "objects" for folder in folders]
        self._find = Finder(self._places)
        self.unreadable: set[Path] = set()
        self._good: set[Path] = set()

    def has(self, folder: str) -> bool:
        """Whether any of them has this folder below objects/."""
        return any((place / folder).is_dir() for place in self._places)

    def __call__(self, name: str) -> Path | None:
        path = self._find(name)
        if path is None or path in self._good or path.suffix != ".png":
            return path
        if path not in self.unreadable:
            (self._good if _is_readable(path) else self.unreadable).add(path)
        return path if path in self._good else None


def _is_readable(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            picture.load()
    except Exception:  # noqa: BLE001 - Pillow raises SyntaxError, struct.error and others, as a file has it
        return False
    return True


def render(
    folders: str | Path | Sequence[str | Path],
    out: str | Path,
    formats: Sequence[str] = FORMATS,
    choice: Choice | None = None,
    warn: Callable[[str], None] | None = None,
) -> list[Path]:
    """Renders report.md, tables.csv, the figures, report.html and LaTeX; equal records give equal bytes.

    Args:
        folders: one run folder, or several whose records are put together. Equal keys count once; where
            their results differ, that of the folder which is named first.
        out: folder to write into; made if absent.
        formats: any of `KNOWN`; the Markdown shows the first one of a figure that it can, and links to the
            others.
        choice: rows, columns and digits; verdicts are about the rows that it leaves. None takes all.
        warn: gets a line where folders have different results of a key, which the pages say, too.

    Returns:
        The files written, a page first.

    Raises:
        ValueError: an unknown format, no records, or a choice of what there is not.
        StoreError: a folder that does not exist, or a file that cannot be read or written.
    """
    places = [Path(folders)] if isinstance(folders, (str, Path)) else list(map(Path, folders))
    choice = choice or Choice()
    joined = _read(places, formats, choice.rows)
    if joined.conflicts and warn:
        warn(one_line(told(joined.conflicts)))
    with set_aside():
        return _write(joined, places, formats, choice, Path(out))


def _write(
    joined: Joined, places: Sequence[Path], formats: Sequence[str], choice: Choice, out: Path
) -> list[Path]:
    """Writes the files of a report, as `render` says."""
    runs = joined.runs
    tables = [_asked(table, choice.rows) for table in build(joined.records, runs, joined.folders)]
    choice.check(columns_of(tables, runs))
    asked = Asked(places, runs, formats, choice, joined.damaged, told(joined.conflicts))
    of_images = [table for table in tables if table.samples_per_problem == 1]
    of_problems = [table for table in tables if table.samples_per_problem > 1]
    parts: list[Files] = []
    grids: list[latex.Grid] = []
    if of_images:
        columns = choice.of_columns(_image_columns(of_images, of_problems, runs))
        parts += _image_parts(of_images, columns, asked, grids)
    if of_problems:
        columns = choice.of_columns(columns_of(of_problems, runs))
        parts += _exact_parts(of_problems, columns, asked, grids, "exact" if of_images else "report")
    if TEX in formats:
        from bench.report.latex import document

        parts.append(document.files(grids, choice))
    written = []
    for name, data in _together(parts).items():
        written.append(out / name)
        write_atomic(written[-1], data)
    return written


@dataclass(frozen=True)
class Asked:
    """What all parts of a report share.

    Attributes:
        places: the folders.
        runs: their manifests.
        n_bad: damaged journal lines.
        conflicts: a sentence about keys of which folders have different results; "" without any.
    """

    places: Sequence[Path]
    runs: Sequence[RunManifest]
    formats: Sequence[str]
    choice: Choice
    n_bad: int
    conflicts: str


def _image_parts(
    tables: Sequence[Table], columns: Sequence[Column], asked: Asked, grids: list[latex.Grid]
) -> Iterator[Files]:
    """Yields the files of image suites; their numbers for LaTeX are added to ``grids``.

    What draws and what makes pages is imported where it is needed, since it takes half a second.
    """
    sets, find = Sets(asked.places, asked.runs), Pictures(asked.places)
    margins = {run.suite: run.margins for run in asked.runs}
    judged = [_judge(table, columns, sets, find, margins) for table in tables]
    sets.save()  # FID and KID are kept for the next report
    curves = {table.slug: kept.read(table, find) for table in tables}
    across = over_tasks(judged, columns)
    yield image_files(judged, columns, across, asked, find, curves)
    if "html" in asked.formats:
        from bench.report.html import report as html

        source = html.of_images(judged, columns, across, asked.runs, sets, asked.n_bad)
        yield html.files(replace(source, curves=curves, conflicts=asked.conflicts), find)
    grids += [latex.of_images(one, columns) for one in judged]


def _exact_parts(
    tables: Sequence[Table], columns: Sequence[Column], asked: Asked, grids: list[latex.Grid], name: str
) -> Iterator[Files]:
    """Yields the files of exact suites, the HTML page under this name, as `_image_parts` does."""
    numbers = [exact.numbers(table, columns) for table in tables]
    yield exact_files(tables, columns, numbers, asked)
    if "html" in asked.formats:
        from bench.report.html import report as html

        source = html.of_problems(tables, columns, numbers, asked.runs, asked.n_bad)
        yield html.files(replace(source, conflicts=asked.conflicts), Pictures(asked.places), name)
    for table, found in zip(tables, numbers, strict=True):
        grids.append(latex.of_problems(table, columns, found))


def _asked(table: Table, rows: Rows) -> Table:
    """The table, whose rows that have no record yet are those that are asked for."""
    return replace(table, pending=tuple(label for label in table.pending if rows.asks_for(label)))


def _together(parts: Sequence[Files]) -> Files:
    """The files of image suites and of exact suites: both pages in one, which comes first."""
    pages: list[bytes] = []
    files: Files = {}
    for part in parts:
        for name, data in part.items():
            if name == PAGE:
                pages.append(data)
            else:
                files[name] = data
    return {PAGE: b"\n".join(pages)} | files if pages else files


def _image_columns(
    of_images: Sequence[Table], of_problems: Sequence[Table], runs: Sequence[RunManifest]
) -> list[Column]:
    """The columns of image suites; a manifest may list metrics of exact suites beside them."""
    elsewhere: set[str] = set()
    for record in records_of(of_problems):
        elsewhere.update(record.metrics)
    return [column for column in columns_of(of_images, runs) if column.name not in elsewhere]


def _judge(
    table: Table,
    columns: Sequence[Column],
    sets: Sets,
    find: Pictures,
    margins: Mapping[str, Mapping[str, float]],
) -> Judged:
    """All that is computed of a table; its margins are those of its suite."""
    own = margins.get(table.head.suite, {})
    return judge_all(table, columns, sets, diversity.measure(table, find), MARGINS | own)


def image_files(
    judged: Sequence[Judged],
    columns: Sequence[Column],
    across: Sequence[Across],
    asked: Asked,
    find: Pictures,
    curves: Mapping[str, kept.KeptTrajectories],
) -> Files:
    """The files of the tables of image suites."""
    files: Files = {}
    drawn: Files = {}
    shown: dict[str, list[str]] = {}
    if "csv" in asked.formats:
        files["tables.csv"] = sheet(judged, columns)
        if across:
            files["across.csv"] = ranks_sheet(across)
        if steps := trajectories_sheet.sheet([one.table for one in judged], curves):
            files["trajectories.csv"] = steps
    if kinds := _kinds(asked.formats):
        from bench.report.figures import drawings

        drawn, shown = drawings.draw(kinds, drawings.of_images(judged, columns, across, find, curves))
    if "md" in asked.formats:
        lost = sum(found.damaged for found in curves.values())
        pictures = sorted(path.name for path in find.unreadable)
        damage = page.Damage(asked.n_bad, pictures, lost, asked.conflicts)
        files[PAGE] = page.document(judged, columns, asked.runs, shown, damage, across).encode()
    return files | drawn


def exact_files(
    tables: Sequence[Table],
    columns: Sequence[Column],
    numbers: Sequence[exact.Numbers],
    asked: Asked,
) -> Files:
    """The files of the tables of exact suites."""
    files: Files = {}
    if "csv" in asked.formats:
        files["exact.csv"] = exact.sheet(tables, numbers)
    shown: dict[str, list[str]] = {}
    if kinds := _kinds(asked.formats):
        from bench.report.figures import drawings
        from bench.report.figures.exact import plots

        drawn, shown = drawings.draw(kinds, plots.draw(tables, numbers))
        files |= drawn
    if "md" in asked.formats:
        damage = page.Damage(asked.n_bad, conflicts=asked.conflicts)
        first, others = exact_page.document(tables, columns, numbers, asked.runs, shown, damage)
        for name, text in {PAGE: first, **others}.items():
            files[name] = text.encode()
    return files


def _kinds(formats: Sequence[str]) -> list[str]:
    """The formats of figures."""
    return [name for name in formats if name in KINDS]


def _read(folders: Sequence[Path], formats: Sequence[str], rows: Rows) -> Joined:
    """What the folders have, once the request makes sense."""
    for name in formats:
        if name not in KNOWN:
            raise ValueError(f"unknown format '{name}'; known: {', '.join(KNOWN)}")
    if not folders:
        raise ValueError("no run folder given")
    for folder in folders:
        check_run_folder(folder)
    joined = join(folders, rows)
    if not joined.records:
        places = ", ".join(map(str, folders))
        raise ValueError(f"no records in {places} ({joined.damaged} damaged lines); run a suite first")
    return joined
