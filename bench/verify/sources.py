"""The suites and options that make recorded cells again: from manifests, then from suites as they are."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.names import selected
from bench.plan.build import Kept, Settings
from bench.plan.options import Options, make_options
from bench.plan.request import parse_request
from bench.records.manifest import Request, RunManifest
from bench.records.record import Record
from bench.suites.cards import list_cards
from bench.suites.changes import override
from bench.suites.suite import Suite, SuiteError, load_suite
from bench.system.code.user_code import is_user_code
from bench.verify.trust import Trust, is_lost
from bench.verify.wanted import Wanted, suite_name

UNUSABLE = (ValueError, OSError)
"""What a suite, a card or a user's file raises that is not there any more, or is another one."""

Name = tuple[str, str]
"""A cell and a data set: a cell does not depend on images, and may have been solved on those of several data
sets."""
Place = tuple[str, str]
"""The label of a row, and a task."""
Places = Mapping[Name, Place]


@dataclass(frozen=True)
class Source:
    """Says how records were made: which cells they may be, and their suite and options."""

    places: Places
    make: Callable[[Places], tuple[Suite, Options]]
    """Takes those of its places that are still of interest. Raises one of `UNUSABLE`."""
    kept: Kept = field(default_factory=dict)
    """The settings of rows as they were; presets of today have to do for those that are not in here."""
    trust: Trust = field(default_factory=Trust)
    """Which of the code that it names may be imported."""


def sources(
    runs: Sequence[RunManifest],
    records: Sequence[Record],
    wanted: Wanted,
    code: Sequence[Path] = (),
    trust_code: bool = False,
    **where: Any,
) -> Iterator[Source]:
    """The newest manifests first; then the suites as they are now, for manifests that do not say what was
    asked.

    Args:
        code: folders of users' files that are no longer where a manifest says; code in them is trusted.
        trust_code: whether all code that manifests name is imported; a suite that is wanted by name may
            import its own.
        where: the batch, the device, the folder of images.

    Raises:
        SuiteError: the wanted suite is not known.
    """
    called = suite_name(wanted.suite, runs) if wanted.suite else None
    trust = Trust(trust_code, code)
    for run in reversed(runs):
        if run.asked and called in {None, run.suite}:
            kept = kept_settings(run, records)
            yield Source(places_of(run), _as_asked(run, run.asked, code, where), kept, trust)
    for suite, seed in _current_suites(runs, wanted):
        kept = {}
        for run in runs:
            if not run.asked and run.suite == suite:
                kept |= kept_settings(run, records)
        for dtype in dict.fromkeys(r.dtype for r in reversed(records)):
            places = {name_of(r): (r.label, r.task) for r in records if r.dtype == dtype}
            make = _as_it_is(suite, wanted, seed, make_options(dtype=dtype, **where))
            own = Trust(everything=True) if wanted.suite else trust
            yield Source(places, make, kept, own)


def name_of(record: Record) -> Name:
    """The cell and the data set of a record."""
    return record.cell, record.dataset


def places_of(run: RunManifest) -> dict[Name, Place]:
    """The cells that a manifest lists."""
    data = {task.name: task.dataset or run.dataset or "" for task in run.tasks}
    places = {}
    for row in run.rows:
        for task, cell in row.cells.items():
            places[cell, data[task]] = (row.label, task)
    return places


def kept_settings(run: RunManifest, records: Sequence[Record]) -> Kept:
    """The settings that a manifest keeps; those of the records of its cells for a version that kept none."""
    recorded = {record.cell: record.params for record in records}
    found = {}
    for row in run.rows:
        settings = row.settings or {}
        for task, cell in row.cells.items():
            params = settings.get(task, recorded.get(cell))
            if params is not None:
                found[row.label, task] = Settings(row.preset, params)
    return found


def _current_suites(runs: Sequence[RunManifest], wanted: Wanted) -> dict[tuple[str, int | None], None]:
    """The suites, with the seed, that may have made what no manifest asks for; the newest first."""
    found: dict[tuple[str, int | None], None] = {}
    for run in reversed(runs):
        if wanted.suite or not run.asked:
            found[wanted.suite or run.suite, run.seed] = None
    return found


def _as_asked(
    run: RunManifest, asked: Request, code: Sequence[Path], where: Mapping[str, Any]
) -> Callable[[Places], tuple[Suite, Options]]:
    def make(places: Places) -> tuple[Suite, Options]:
        root = where.get("data_root") or run.data_root
        suite, options = parse_request(asked, **{**where, "data_root": Path(root) if root else None})
        return moved(only(suite, places.values()), code), options

    return make


def moved(suite: Suite, folders: Sequence[Path]) -> Suite:
    """The suite with users' files that are gone as they are called in the first folder that has them.

    Whether a file found there is the recorded one is not asked here: its code is part of the cell's key.
    """
    tasks = tuple(
        row.model_copy(
            update={
                "operator": find_again(row.operator, folders),
                "prior": row.prior and prior_again(row.prior, folders),
            }
        )
        for row in suite.tasks
    )
    solvers = tuple(
        row.model_copy(update={"solver": find_again(row.solver, folders)}) for row in suite.solvers
    )
    found = {"tasks": tasks, "solvers": solvers, "prior": prior_again(suite.prior, folders)}
    return suite.model_copy(update=found)


def find_again(spec: str, folders: Sequence[Path]) -> str:
    """The name of a user's class by the file's new place; as it is where nothing is lost or found."""
    if not (is_user_code(spec) and is_lost(spec)):
        return spec
    file, class_name = split_place(spec)
    for folder in folders:
        if (folder / file.name).is_file():
            found = str((folder / file.name).absolute())
            return f"{found}:{class_name}" if class_name else found
    return spec


def prior_again(name: str, folders: Sequence[Path]) -> str:
    """The name of a prior by its file's new place, where a user's function makes it."""
    azula = "azula:" if name.startswith("azula:") else ""
    return azula + find_again(name.removeprefix(azula), folders)


def split_place(spec: str) -> tuple[Path, str]:
    """The file and the class of ``file.py:Class``; the class is "" where it is not named."""
    file, colon, name = spec.rpartition(":")
    return (Path(file), name) if colon else (Path(spec), "")


def only(suite: Suite, places: Iterable[Place]) -> Suite:
    """The suite with the rows and the tasks of some places."""
    labels, tasks = set(), set()
    for label, task in places:
        labels.add(label)
        tasks.add(task)
    solvers = tuple(row for row in suite.solvers if row.label in labels)
    kept = tuple(row for row in suite.tasks if row.name in tasks)
    return suite.model_copy(update={"solvers": solvers, "tasks": kept})


def _as_it_is(
    name: str, wanted: Wanted, seed: int | None, options: Options
) -> Callable[[Places], tuple[Suite, Options]]:
    def make(_: Places) -> tuple[Suite, Options]:
        suite = load_suite(name)
        tasks = [row.name for row in suite.tasks if selected(row.name, wanted.tasks)]
        if not tasks:
            raise SuiteError(f"suite '{suite.name}' has no such task now")
        return override(suite, wanted.solvers, tasks, list(list_cards()), seed=seed), options

    return make
