"""The two sides of a comparison: their folders, names, tables, and which rows stand beside each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.names import nearest
from bench.records.files import check_run_folder
from bench.records.journal import read_records
from bench.records.manifest import RunManifest, read_manifests
from bench.records.record import Record
from bench.report.selection.folders import folder_names
from bench.report.selection.rows import is_called
from bench.report.tables import Row, Table, build


@dataclass(frozen=True)
class Side:
    """One side.

    Attributes:
        name: as the folder is called, unlike the other side's.
        tables: its tables; rows are paired by the table's slug and the row's name, as `named` finds it.
        runs: its manifests.
        row: the only row that is meant; None for all.
    """

    name: str
    tables: tuple[Table, ...]
    runs: tuple[RunManifest, ...]
    row: str | None = None

    @property
    def title(self) -> str:
        """The name, with the row if one is named."""
        return f"{self.name}:{self.row}" if self.row else self.name

    def rows(self, slug: str) -> dict[str, Row]:
        """Row name -> row, of one task."""
        found = {}
        for table in self.tables:
            if table.slug == slug:
                for row in table.rows:
                    found[row.name] = row
        if self.row is None:
            return found
        only = named(found, self.row)
        return {only.name: only} if only else {}


@dataclass(frozen=True)
class Pair:
    """Two rows beside each other; None where a side lacks the row."""

    slug: str
    title: str
    name: str
    a: Row | None
    b: Row | None


def named(rows: Mapping[str, Row], name: str) -> Row | None:
    """The row of a name; where a table has several of that label, the one that the newest run asks for.

    None where there is none, or no run says which is the newest.
    """
    if name in rows:
        return rows[name]
    several = [row for row in rows.values() if row.head.label == name]
    newest = max((row.asked for row in several), default=-1)
    latest = [row for row in several if row.asked == newest]
    return latest[0] if newest >= 0 and len(latest) == 1 else None


def read_sides(a: str, b: str, reference: str | None = None) -> tuple[Side, Side]:
    """Both sides.

    Args:
        a, b: a run folder, or ``FOLDER:ROW`` for one row of it.
        reference: a row of the first folder beside which every row of the second is put.

    Raises:
        StoreError: a folder that is none of a run.
        ValueError: no records, or no such row.
    """
    (path_a, row_a), (path_b, row_b) = split(a), split(b)
    if reference is not None:
        if row_a is not None:
            raise ValueError(f"{a} names a row already; leave --reference out")
        row_a = reference
    names = folder_names([path_a, path_b])
    return _read(path_a, names[0], row_a), _read(path_b, names[1], row_b)


def split(text: str) -> tuple[Path, str | None]:
    """The folder, and the row if one is named."""
    folder, colon, row = text.rpartition(":")
    return (Path(folder), row) if colon and not Path(text).is_dir() else (Path(text), None)


def _read(path: Path, name: str, row: str | None) -> Side:
    check_run_folder(path)
    records, runs = read_records(path)[0], read_manifests(path)
    if not records:
        raise ValueError(f"no records in {path}; run a suite first")
    tables = tuple(build(records, runs))
    return Side(name, tables, tuple(runs), _row_name(tables, row, path) if row else None)


def _row_name(tables: Sequence[Table], row: str, path: Path) -> str:
    """The row that is meant, by its name or its solver's."""
    heads: dict[str, Record] = {}
    for table in tables:
        own = {one.name: one for one in table.rows}
        if named(own, row):
            return row
        heads |= {one.name: one.head for one in table.rows}
    called = [name for name, head in heads.items() if is_called(row, head)]
    if len(called) == 1:
        return called[0]
    if called:
        raise ValueError(f"{path}: row '{row}' may be any of {', '.join(called)}; name one")
    raise ValueError(f"{path}: no row '{row}'{nearest(row, heads)}")


def pair(a: Side, b: Side) -> list[Pair]:
    """The rows beside each other: those of one name; one row of a side stands beside all of the other."""
    titles = {table.slug: table.title for table in (*b.tables, *a.tables)}
    pairs = []
    for slug, title in titles.items():
        ours, theirs = a.rows(slug), b.rows(slug)
        if a.row is not None and ours:
            (only,) = ours.values()
            for name, row in theirs.items():
                pairs.append(Pair(slug, title, name, only, row))
        elif b.row is not None and theirs:
            (only,) = theirs.values()
            for name, row in ours.items():
                pairs.append(Pair(slug, title, name, row, only))
        elif a.row is None and b.row is None:
            pairs += _of_one_name(slug, title, ours, theirs)
    return pairs


def _of_one_name(slug: str, title: str, ours: Mapping[str, Row], theirs: Mapping[str, Row]) -> Iterator[Pair]:
    """Rows of one name beside each other; one of which the other side has several, beside its newest."""
    paired: set[str] = set()
    for name, row in ours.items():
        other = theirs.get(name)
        if other is None and named(ours, row.head.label) is row:
            newest = named(theirs, row.head.label)
            other = newest if newest and newest.name not in ours else None
        if other:
            paired.add(other.name)
        both = f"{name} → {other.name}" if other and other.name != name else name
        yield Pair(slug, title, both, row, other)
    for name, row in theirs.items():
        if name not in paired:
            yield Pair(slug, title, name, None, row)
