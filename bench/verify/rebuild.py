"""The cells behind the records of a folder, made again from its manifests; and for each row that has none,
the reason.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.names import matches, nearest, selected
from bench.operators.base.neutral import neutral_fields
from bench.plan.build import make_cells
from bench.plan.cell import Cell
from bench.plan.loading import Loader, make_loader
from bench.plan.manifest import parse_request
from bench.plan.options import Options, make_options
from bench.plan.plan import Plan
from bench.records.record import Record
from bench.suites.changes import override
from bench.suites.flags import selecting, split_flags
from bench.suites.suite import Suite, SuiteError, default_label, load_suite
from solvers import ANCHORS, SOLVERS

UNUSABLE = (ValueError, OSError)
"""What a suite, a card or a user's file raises that is not there any more, or is another one."""
CHANGED = "what it depends on has changed: the prior's card, a supplied file, a revision of ours or the version of the keys"

Name = tuple[str, str]
"""A cell and a data set: a cell does not depend on images, and may have been solved on those of several data
sets."""
Places = Mapping[Name, tuple[str, str]]
"""Name -> label of the row, and task."""


@dataclass(frozen=True)
class Wanted:
    """Which records are meant: those of a suite, of tasks, of solvers; all, where nothing is said."""

    suite: str | None = None
    solvers: Sequence[str] = ()
    tasks: Sequence[str] = ()

    def among(self, records: Sequence[Record], runs: Sequence[Mapping[str, Any]]) -> list[Record]:
        """The records that are meant; of a suite under whose name there are none, all that it may know by
        another.

        Raises:
            SuiteError: an unknown suite, or a task or solver of which there is no record.
        """
        called = self.suite and suite_name(self.suite, runs)
        records = [r for r in records if r.suite == called] or records
        recorded = dict.fromkeys(r.task for r in records)
        for pattern in self.tasks:
            if not any(matches(task, pattern) for task in recorded):
                raise SuiteError(f"--task {pattern}: no record of it{nearest(pattern, recorded, 'recorded')}")
        own = [r for r in records if selected(r.task, self.tasks)]
        if records and not own:
            raise SuiteError(f"--task {' --task '.join(self.tasks)}: no task is left")
        plain, settings = split_flags(self.solvers)
        for name in (*plain, *(s.name for s in settings)):
            if not any(is_called(name, r) for r in own):
                labels = dict.fromkeys(r.label for r in own)
                raise SuiteError(f"--solver {name}: no record of it{nearest(name, labels, 'recorded')}")
        if self.solvers:
            chosen = selecting(own, self.solvers, is_called)
            own = [r for r in own if any(is_called(name, r) for name in chosen)]
        return [
            r
            for r in own
            if all(r.params.get(s.param) in s.choices for s in settings if is_called(s.name, r))
        ]


def is_called(name: str, record: Record) -> bool:
    """Whether a name on the command line is that of the record's row or solver."""
    return bool({name, default_label(name)} & {record.label, record.label.partition("[")[0], record.solver})


@dataclass(frozen=True)
class Source:
    """Something that says how records were made: which cells they may be, and their suite and options, made
    when asked for.
    """

    places: Places
    make: Callable[[Places], tuple[Suite, Options]]
    """Of those of its places that are still of interest. Raises one of `UNUSABLE`."""


def sources(
    runs: Sequence[Mapping[str, Any]], records: Sequence[Record], wanted: Wanted, **where: Any
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
        if "asked" in run and called in {None, run["suite"]}:
            data = {task["name"]: task.get("dataset", run["dataset"]) for task in run["tasks"]}
            cells = ((row["label"], task, cell) for row in run["rows"] for task, cell in row["cells"].items())
            yield Source(
                {(cell, data[task]): (label, task) for label, task, cell in cells}, _as_asked(run, where)
            )
    known = {
        (wanted.suite or run["suite"], run["seed"]): 0
        for run in reversed(runs)
        if wanted.suite or "asked" not in run
    }
    for suite, seed in known:
        for dtype in dict.fromkeys(r.dtype for r in reversed(records)):
            places = {name_of(r): (r.label, r.task) for r in records if r.dtype == dtype}
            yield Source(places, _as_it_is(suite, wanted, seed, make_options(dtype=dtype, **where)))


def name_of(record: Record) -> Name:
    """Which cell and data set it is of."""
    return record.cell, record.dataset


def suite_name(given: str, runs: Sequence[Mapping[str, Any]]) -> str:
    """The name of a suite by file or name; a name that manifests know need not be one of ours."""
    return given if given in {run["suite"] for run in runs} else load_suite(given).name


def _as_asked(run: Mapping[str, Any], where: Mapping[str, Any]) -> Callable[[Places], tuple[Suite, Options]]:
    def make(places: Places) -> tuple[Suite, Options]:
        root = where.get("data_root") or run.get("data_root")
        suite, options = parse_request(run["asked"], **{**where, "data_root": Path(root) if root else None})
        rows, tasks = ({pair[i] for pair in places.values()} for i in (0, 1))
        kept = {
            "solvers": tuple(row for row in suite.solvers if row.label in rows),
            "tasks": tuple(task for task in suite.tasks if task.name in tasks),
        }
        return suite.model_copy(update=kept), options

    return make


def _as_it_is(
    name: str, wanted: Wanted, seed: int, options: Options
) -> Callable[[Places], tuple[Suite, Options]]:
    def make(_: Places) -> tuple[Suite, Options]:
        suite = load_suite(name)
        tasks = [row.name for row in suite.tasks if selected(row.name, wanted.tasks)]
        if not tasks:
            raise SuiteError(f"suite '{suite.name}' has no such task now")
        return override(suite, wanted.solvers, tasks, [*SOLVERS, *ANCHORS], seed=seed), options

    return make


def rebuild(
    source: Source, records: Mapping[Name, Sequence[Record]], suite: Suite, options: Options
) -> tuple[Plan, dict[Name, str]]:
    """A plan with those cells that are recorded, and for the others why there is no such cell.

    Args:
        records: of each cell of interest.

    Raises:
        DeviceError: the device is not usable.
    """
    cells, broken = cells_of(suite, make_loader(suite, options), options.numerics)
    found = {
        (cell.id, cell.data.name): cell for cell in reversed(cells)
    }  # of twins that were made alone the first counts
    by_place = {(cell.label, cell.task.name): cell for cell in cells}
    reasons = {}
    for name in [name for name in records if name not in found]:
        place = source.places[name]
        other = by_place.get(place)
        why = (
            difference(records[name][0], other, options)
            if other
            else f"suite '{suite.name}' has no such row and task now"
        )
        reasons[name] = broken.get(place) or why
    return Plan(suite, [found[name] for name in records if name in found], options), reasons


def cells_of(
    suite: Suite, worlds: Loader, numerics: Mapping[str, Any]
) -> tuple[list[Cell], dict[tuple[str, str], str]]:
    """All cells that can be made, and for each other (row, task) the reason."""
    try:
        return make_cells(suite, worlds, numerics), {}
    except UNUSABLE as error:
        if len(suite.tasks) == len(suite.solvers) == 1:
            return [], {(suite.solvers[0].label, suite.tasks[0].name): first_line(error)}
    lists = "tasks" if len(suite.tasks) > 1 else "solvers"
    cells, reasons = [], {}
    for row in getattr(suite, lists):
        some, why = cells_of(suite.model_copy(update={lists: (row,)}), worlds, numerics)
        cells, reasons = cells + some, reasons | why
    return cells, reasons


def first_line(error: BaseException) -> str:
    """Of a message."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def difference(record: Record, cell: Cell, options: Options) -> str:
    """Why the cell of the same row and task is not the record's."""
    about, neutral = cell.config["solver"], neutral_fields(type(cell.solver))
    then, now = neutral | record.params, asdict(cell.solver)  # a record may be older than a field
    before, today = record.operator_params, cell.task.params
    facts = [
        (f"the code of solver {record.solver}", record.source_sha256, about["source"]),
        (f"the code of operator {record.operator}", record.operator_sha256, cell.operator_sha256),
        (f"the weights of prior '{record.prior}'", record.weights_sha256, cell.prior.weights_sha256),
        ("the prior", record.prior, cell.prior.name),
        ("the data set", record.dataset, cell.data.name),
        ("the revision of the solver", record.solver_rev, about["rev"]),
        ("the revision of the operator", record.operator_rev, cell.config["task"]["rev"]),
        ("the seed", record.seed, cell.task.seed),
        ("sigma", record.sigma, cell.task.sigma),
        ("the dtype", record.dtype, options.dtype),
        *((name, before.get(name), today.get(name)) for name in {**before, **today}),
        *((name, then.get(name), now.get(name)) for name in then | now),
    ]
    texts = [
        f"{what} is {short(new)} now, {short(old)} in the records" for what, old, new in facts if old != new
    ]
    return "; ".join(texts) or CHANGED


def short(value: Any) -> str:
    """A hash by its first digits, and other values as they are."""
    return value[:12] if isinstance(value, str) and len(value) == 64 else str(value)


def chosen(
    plan: Plan, records: Mapping[Name, Sequence[Record]], images: int
) -> tuple[list[tuple[Cell, list[Record]]], dict[Name, str]]:
    """The cells of a plan, each with so many of its records, and reasons for those of which none can be made
    again.

    Those with the smallest keys: a choice that nobody made.
    """
    pairs, reasons = [], {}
    for cell in plan.cells:
        name = cell.id, cell.data.name
        try:
            planned = {job.key for job in plan.missing(cell, set())}
        except UNUSABLE as error:
            reasons[name] = first_line(error)
            continue
        found = sorted((r for r in records[name] if r.key in planned), key=lambda r: r.key)[:images]
        if found:
            kept = replace(cell, images=tuple(r.image for r in found), samples=1)
            pairs.append((kept, found))
        else:
            reasons[name] = (
                "its images are not the recorded ones now, or not among those that the suite asks for"
            )
    return pairs, reasons
