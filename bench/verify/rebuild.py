"""The cells behind recorded rows, made again; for each row that has none, the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from bench.names import first_line
from bench.operators.base.neutral import neutral_fields
from bench.plan.build import Kept, make_cells
from bench.plan.cell import Cell
from bench.plan.loading import Loader, make_loader
from bench.plan.options import Options
from bench.plan.plan import Plan
from bench.records.record import Record
from bench.suites.suite import Suite
from bench.system.code.user_code import is_user_code
from bench.verify.sources import UNUSABLE, Name, Place, Source
from bench.verify.trust import Trust, is_lost

CHANGED = (
    "what it depends on has changed: the prior's card, a supplied file, a revision of ours "
    "or the version of the keys"
)
EVERYTHING = Trust(everything=True)
HINT = "; --code DIR names the folder that the file is in now"
OTHER_IMAGES = "its images are not the recorded ones now, or not among those that the suite asks for"


def rebuild(
    source: Source, records: Mapping[Name, Sequence[Record]], suite: Suite, options: Options
) -> tuple[Plan, dict[Name, str]]:
    """A plan with those cells that are recorded, and for the others why there is no such cell.

    Args:
        records: of each cell of interest.

    Raises:
        DeviceError: the device is not usable.
    """
    cells, broken = cells_of(suite, make_loader(suite, options), options.numerics, source.kept, source.trust)
    by_name: dict[Name, Cell] = {}
    by_place: dict[Place, Cell] = {}
    for cell in cells:
        # of equal cells that were made each alone the first counts
        by_name.setdefault((cell.id, cell.data.name), cell)
        by_place[cell.label, cell.task.name] = cell
    found, reasons = [], {}
    for name in records:
        place = source.places[name]
        if name in by_name:
            found.append(by_name[name])
        elif place in broken:
            reasons[name] = broken[place] + (HINT if lost_files(suite, place) else "")
        elif place in by_place:
            reasons[name] = difference(records[name][0], by_place[place], options)
        else:
            reasons[name] = f"suite '{suite.name}' has no such row and task now"
    return Plan(suite, found, options), reasons


def lost_files(suite: Suite, place: Place) -> list[str]:
    """The user's files of a row and a task that are not where the manifest says."""
    label, task = place
    specs = [row.solver for row in suite.solvers if row.label == label]
    for row in suite.tasks:
        if row.name == task:
            specs += [row.operator, (row.prior or suite.prior).removeprefix("azula:")]
    return [spec for spec in specs if is_user_code(spec) and is_lost(spec)]


def cells_of(
    suite: Suite,
    load: Loader,
    numerics: Mapping[str, Any],
    kept: Kept | None = None,
    trust: Trust = EVERYTHING,
) -> tuple[list[Cell], dict[Place, str]]:
    """All cells that can be made, and for each other row and task the reason."""
    try:
        trust.refuse(suite)
        return make_cells(suite, load, numerics, kept), {}
    except UNUSABLE as error:
        if len(suite.tasks) == len(suite.solvers) == 1:
            return [], {(suite.solvers[0].label, suite.tasks[0].name): first_line(error)}
    part = "tasks" if len(suite.tasks) > 1 else "solvers"
    cells: list[Cell] = []
    reasons: dict[Place, str] = {}
    for row in getattr(suite, part):
        some, why = cells_of(suite.model_copy(update={part: (row,)}), load, numerics, kept, trust)
        cells += some
        reasons |= why
    return cells, reasons


def difference(record: Record, cell: Cell, options: Options) -> str:
    """Why the cell of the same row and task is not the record's."""
    about = cell.config["solver"]
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
        ("the noise", record.noise, cell.task.noise),
        ("what solvers are told", record.told, cell.task.misspecified),
        ("the dtype", record.dtype, options.dtype),
    ]
    # a record may be older than a field of its solver
    then = {**neutral_fields(type(cell.solver)), **record.params}
    for before, now in ((record.operator_params, cell.task.params), (then, asdict(cell.solver))):
        for name in {**before, **now}:
            facts.append((name, before.get(name), now.get(name)))
    texts = []
    for what, old, new in facts:
        if old != new:
            texts.append(f"{what} is {short(new)} now, {short(old)} in the records")
    return "; ".join(texts) or CHANGED


def short(value: Any) -> str:
    """A hash by its first digits, and other values as they are."""
    return value[:12] if isinstance(value, str) and len(value) == 64 else str(value)


def chosen(
    plan: Plan, records: Mapping[Name, Sequence[Record]], images: int
) -> tuple[list[tuple[Cell, list[Record]]], dict[Name, str]]:
    """The cells of a plan, each with so many of its records; for the others why no record can be made again.

    The records are those with the smallest keys: a choice that nobody made.
    """
    pairs, reasons = [], {}
    for cell in plan.cells:
        name = cell.id, cell.data.name
        try:
            planned = {job.key for job in plan.missing(cell, set())}
        except UNUSABLE as error:
            reasons[name] = first_line(error)
            continue
        recorded = [record for record in records[name] if record.key in planned]
        found = sorted(recorded, key=lambda record: record.key)[:images]
        if found:
            kept = replace(cell, images=tuple(record.image for record in found), samples=1)
            pairs.append((kept, found))
        else:
            reasons[name] = OTHER_IMAGES
    return pairs, reasons
