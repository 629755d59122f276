"""The suites and options that make recorded cells again: from manifests, then from suites as they are."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.names import selected
from bench.plan.options import Options, make_options
from bench.plan.request import parse_request
from bench.records.manifest import Request, RunManifest
from bench.records.record import Record
from bench.suites.cards import list_cards
from bench.suites.changes import override
from bench.suites.suite import Suite, SuiteError, load_suite
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


def sources(
    runs: Sequence[RunManifest], records: Sequence[Record], wanted: Wanted, **where: Any
) -> Iterator[Source]:
    """The newest manifests first; then the suites as they are now, for manifests that do not say what was
    asked.

    Args:
        where: the batch, the device, the folder of images.

    Raises:
        SuiteError: the wanted suite is not known.
    """
    called = suite_name(wanted.suite, runs) if wanted.suite else None
    for run in reversed(runs):
        if run.asked and called in {None, run.suite}:
            yield Source(places_of(run), _as_asked(run, run.asked, where))
    for suite, seed in _current_suites(runs, wanted):
        for dtype in dict.fromkeys(r.dtype for r in reversed(records)):
            places = {name_of(r): (r.label, r.task) for r in records if r.dtype == dtype}
            yield Source(places, _as_it_is(suite, wanted, seed, make_options(dtype=dtype, **where)))


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


def _current_suites(runs: Sequence[RunManifest], wanted: Wanted) -> dict[tuple[str, int | None], None]:
    """The suites, with the seed, that may have made what no manifest asks for; the newest first."""
    found: dict[tuple[str, int | None], None] = {}
    for run in reversed(runs):
        if wanted.suite or not run.asked:
            found[wanted.suite or run.suite, run.seed] = None
    return found


def _as_asked(
    run: RunManifest, asked: Request, where: Mapping[str, Any]
) -> Callable[[Places], tuple[Suite, Options]]:
    def make(places: Places) -> tuple[Suite, Options]:
        root = where.get("data_root") or run.data_root
        suite, options = parse_request(asked, **{**where, "data_root": Path(root) if root else None})
        return only(suite, places.values()), options

    return make


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
