"""Records, grouped into tables: one per task, one row per cell. Nothing is averaged here."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from operator import attrgetter
from typing import Any

from bench.records.keys import canonical
from bench.records.manifest import RowEntry, RunManifest
from bench.records.record import Record
from bench.report.planned import PlannedRun, labels, last_asked, ranks
from bench.report.rows import UNTIMED, Row, Timing
from bench.report.text import named, noise_words, one_line, plain, told_words

SETTING = (
    "suite",
    "dataset",
    "prior",
    "weights_sha256",
    "task",
    "operator",
    "operator_params",
    "operator_rev",
    "operator_sha256",
    "sigma",
    "seed",
    "noise",
    "told",
)
"""What the rows of one table share; results that differ in one of these never meet in a table."""


MAPPINGS = ("operator_params", "noise", "told")
"""Those of them that are mappings, which records mostly share."""
PLAIN = tuple(name for name in SETTING if name not in MAPPINGS)
IN_TITLES = {
    "seed": "seed",
    "sigma": "σ",
    "dataset": "images",
    "prior": "prior",
    "operator": "operator",
    "operator_params": "operator",
    "noise": "noise",
    "told": "told",
    "operator_rev": "revision",
    "operator_sha256": "source",
    "weights_sha256": "weights",
}
"""What tells tables of one title apart: fields of `SETTING`, and what they are called in titles."""
DIGITS = 8
"""Hexadecimal digits of a hash in a title."""


@dataclass(frozen=True)
class Table:
    """The rows of one task; everything in `SETTING` is equal in all records."""

    slug: str
    """Unique and fit for file names."""
    title: str
    rows: tuple[Row, ...]
    skipped: tuple[Record, ...]
    pending: tuple[str, ...]
    """Labels that the manifest asks for and that have no record yet."""
    images: tuple[str, ...]
    """All images that any row attempted, but for a single row's extra ones."""
    entries: Mapping[str, RowEntry | None] = field(default_factory=dict)
    """Cell that was skipped -> `Row.entry`."""

    @property
    def head(self) -> Record:
        """Any record, for what is equal in all."""
        return self.rows[0].head if self.rows else self.skipped[0]

    @property
    def samples_per_problem(self) -> int:
        """1 for images; more for problems of exact suites, whose samples are scored as one set."""
        return self.head.samples_per_problem

    @cached_property
    def usual(self) -> int:
        """The commonest number of images of a row, the larger of equally common ones."""
        return len(_usual(self.rows))

    @cached_property
    def unusual(self) -> dict[str, int]:
        """Row name -> its number of images, for rows that are about other numbers than is usual here."""
        return {row.name: len(row.images) for row in self.rows if len(row.images) != self.usual}

    @property
    def by_images(self) -> list[tuple[int, list[Row]]]:
        """(number of images, rows): the usual ones first, then those with the most images."""
        groups: dict[int, list[Row]] = defaultdict(list)
        for row in self.rows:
            groups[len(row.images)].append(row)
        return sorted(groups.items(), key=lambda group: (group[0] != self.usual, -group[0]))

    @cached_property
    def measurements(self) -> dict[str, str]:
        """Image -> hash of the measurement that most rows saw; of equally common ones the least."""
        votes: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self.rows:
            for image, y_hash in {(record.image, record.y_hash) for record in row.records}:
                if y_hash:
                    votes[image][y_hash] += 1
        usual = {}
        for image, counts in votes.items():
            usual[image] = max(sorted(counts), key=counts.__getitem__)
        return usual

    @cached_property
    def truths(self) -> dict[str, str]:
        """Image -> hash of its pixels, as those records have it that saw the usual measurement."""
        usual, found = self.measurements, {}
        for record in records_of([self]):
            if record.image_sha256 and record.y_hash == usual.get(record.image):
                found[record.image] = record.image_sha256
        return found

    @cached_property
    def strangers(self) -> dict[str, int]:
        """Row name -> images on which it saw another measurement than most rows; such a row is not ranked."""
        usual, found = self.measurements, {}
        for row in self.rows:
            odd = {r.image for r in row.records if r.y_hash and r.y_hash != usual[r.image]}
            if odd:
                found[row.name] = len(odd)
        return found

    @cached_property
    def earlier(self) -> dict[str, str]:
        """Row name -> the row that the newest run asks for under its label, where it is another one."""
        by_label: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            by_label[row.head.label].append(row)
        found = {}
        for rows in by_label.values():
            newest = max(rows, key=attrgetter("asked"))
            for row in rows:
                if row.asked < newest.asked:
                    found[row.name] = newest.name
        return found

    @cached_property
    def timing(self) -> Timing:
        """The commonest `Row.timing` of the methods, or of the baselines where there are only these."""
        solved = [row for row in self.rows if row.ok]
        methods = [row for row in solved if not row.head.baseline]
        timings = Counter(row.timing for row in methods or solved)
        return timings.most_common(1)[0][0] if timings else UNTIMED


def records_of(tables: Iterable[Table]) -> Iterator[Record]:
    """All records of all rows of some tables; those of skipped cells are left out."""
    for table in tables:
        for row in table.rows:
            yield from row.records


class SettingTexts:
    """The `SETTING` of a record as text. Records mostly share its mappings, so that few texts are made."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], tuple[str, tuple[Any, ...]]] = {}
        """Values with their types, mappings by their identity -> text, and the mappings, which live on."""
        self._plain, self._mappings = attrgetter(*PLAIN), attrgetter(*MAPPINGS)

    def __call__(self, record: Record) -> str:
        values, mappings = self._plain(record), self._mappings(record)
        name = values, *map(type, values), *map(id, mappings)
        if name not in self._known:
            self._known[name] = canonical(list(attrgetter(*SETTING)(record))), mappings
        return self._known[name][0]


def build(
    records: Iterable[Record],
    runs: Sequence[RunManifest],
    folders: Mapping[str, tuple[str, ...]] | None = None,
) -> list[Table]:
    """Groups records into tables, in the order of the manifest's runs, then by name.

    Args:
        folders: cell -> the run folders that it is from, for a report of several.
    """
    groups: dict[str, list[Record]] = defaultdict(list)
    names, setting_of, line_of = labels(runs), SettingTexts(), cache(one_line)
    for record in records:
        label = line_of(names.get((record.suite, record.cell), record.label))
        record = record if label == record.label else replace(record, label=label)
        groups[setting_of(record)].append(record)
    order, asked = ranks(task.name for run in runs for task in run.tasks), last_asked(runs)
    suites = ranks(run.suite for run in runs)

    def place(setting: str) -> tuple:
        suite, task = groups[setting][0].suite, groups[setting][0].task
        return suites.get(suite, len(suites)), suite, order.get(task, len(order)), task, setting

    tables = []
    taken: set[str] = set()
    for setting in sorted(groups, key=place):
        group = groups[setting]
        slug = file_name(group[0].task, taken)
        tables.append(_table(slug, group, PlannedRun(runs, group[0]), folders or {}, asked))
    return _with_own_titles(tables)


def _with_own_titles(tables: Sequence[Table]) -> list[Table]:
    """The tables, with what differs behind the titles that several tables of a suite share."""
    by_title: dict[tuple[str, str], list[Table]] = defaultdict(list)
    for table in tables:
        by_title[table.head.suite, table.title].append(table)
    found = []
    for table in tables:
        same = by_title[table.head.suite, table.title]
        about = ", ".join(_own(table, same)) if len(same) > 1 else ""
        found.append(replace(table, title=one_line(f"{table.title} ({about})")) if about else table)
    return found


def _own(table: Table, same: Sequence[Table]) -> Iterator[str]:
    """Yields in what a table differs from the others of its title, until that is enough."""
    for name, word in IN_TITLES.items():
        if name == "sigma" and table.head.noise:
            continue  # other noise has none
        value = getattr(table.head, name)
        like = [other for other in same if getattr(other.head, name) == value]
        if len(like) < len(same):
            yield _in_title(name, word, value)
            same = like


def _in_title(name: str, word: str, value: Any) -> str:
    """One field of a table, as a title says it."""
    if value in (None, {}):
        return f"{word} none"
    if name == "noise":
        return noise_words(None, value)
    if name == "told":
        return f"{word} {told_words(value)}"
    if name == "operator_params":
        return f"{word} {named(value)}"
    return f"{word} {plain(value)[:DIGITS] if name.endswith('sha256') else plain(value)}"


def file_name(task: str, taken: set[str]) -> str:
    """A name for the files of a table, which no other has, also where case makes no difference.

    Args:
        taken: the names so far, in lower case; the new one is added.
    """
    slug = name = re.sub(r"[^A-Za-z0-9_.-]+", "-", task)
    n = 1
    while name.lower() in taken:
        n += 1
        name = f"{slug}-{n}"
    taken.add(name.lower())
    return name


def _table(
    slug: str,
    group: Iterable[Record],
    planned: PlannedRun,
    folders: Mapping[str, tuple[str, ...]],
    asked: Mapping[str, int],
) -> Table:
    """One table of the records of one task."""
    cells: dict[str, list[Record]] = defaultdict(list)
    skipped: dict[str, Record] = {}
    for record in group:
        if record.status == "skipped":
            skipped.setdefault(record.cell, record)
        else:
            cells[record.cell].append(record)
    rows = _rows(cells, planned, folders, asked)
    attempted: set[str] = set()
    for row in rows:
        attempted.update(row.attempted)
    left_out = [record for cell, record in skipped.items() if cell not in cells]
    return Table(
        slug=slug,
        title=one_line(planned.title),
        rows=tuple(rows),
        skipped=tuple(sorted(left_out, key=lambda r: (*planned.place(r.label), r.cell))),
        pending=planned.pending({*cells, *skipped}),
        images=tuple(sorted(attempted, key=lambda image: _image_place(image, planned))),
        entries={cell: planned.entry(cell) for cell in skipped},
    )


def _rows(
    cells: dict[str, list[Record]],
    planned: PlannedRun,
    folders: Mapping[str, tuple[str, ...]],
    asked: Mapping[str, int],
) -> list[Row]:
    """The rows of a table, in the manifests' order; a label that several cells carry gets letters."""

    def place(cell: str) -> tuple:
        return *planned.place(cells[cell][0].label), min(record.created for record in cells[cell]), cell

    shared = Counter(records[0].label for records in cells.values())
    letters: Counter[str] = Counter()
    rows = []
    for cell in sorted(cells, key=place):
        label = cells[cell][0].label
        letters[label] += 1
        name = label if shared[label] == 1 else f"{label} ({_letter(letters[label])})"
        records = sorted(cells[cell], key=lambda r: (_image_place(r.image, planned), r.sample))
        entry, samples = planned.entry(cell), planned.samples(cell)
        about = planned.images(cell), 0, entry, samples, folders.get(cell, ()), asked.get(cell, -1)
        rows.append(Row(name, tuple(records), *about))
    usual = _usual(rows)
    return [_trim(row, usual) for row in rows]


def _usual(rows: Iterable[Row]) -> set[str]:
    """The images of most rows; of equally common sets the larger."""
    counts = Counter(frozenset(row.images) for row in rows)
    return set(max(counts, key=lambda images: (counts[images], len(images), sorted(images)), default=()))


def _trim(row: Row, usual: set[str]) -> Row:
    """A row that is about all of the usual images and more, over just the usual ones."""
    whole = usual < set(row.images) and usual & set(row.attempted)
    return replace(row.over(usual), extra=len(set(row.attempted) - usual)) if whole else row


def _image_place(image: str, planned: PlannedRun) -> tuple:
    """Sort key: planned images in their order, then the others."""
    return planned.order.get(image, len(planned.order)), natural(image)


@cache  # images of a row are mostly those of the others
def natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key under which im2 comes before im10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|\D+", text)]


def _letter(i: int) -> str:
    return chr(ord("a") + i - 1) if i <= 26 else str(i)
