"""Resolves a suite into cells."""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError

from bench.data.images import Images
from bench.exact.prior import ExactPrior
from bench.metrics.fid_stats import describe_fid_stats
from bench.names import counted
from bench.noise import SCHEME
from bench.operators import operator_name, operator_parameters
from bench.operators.base import Operator
from bench.operators.base.neutral import added, is_neutral, keyed, neutral_values
from bench.plan.cell import DISTANCES_REV, FORMAT, Cell
from bench.plan.loading import DataAndPrior, Loader, load_images, make_loader
from bench.plan.options import Options
from bench.plan.plan import Plan
from bench.plan.task import BLOCK_SCHEME, Task, supplied
from bench.solver import particles
from bench.suites.methods import SolverClass, build_solver, load_solver
from bench.suites.presets import resolve
from bench.suites.suite import SolverRow, Suite, SuiteError, TaskRow
from bench.system.user_code import is_user_code


def prepare(suite: Suite, options: Options) -> Plan:
    """Loads data, prior and solvers, and resolves the cells.

    Raises:
        ValueError: anything that a user can get wrong; the message names the thing, the reason and the
            choice.
    """
    worlds = make_loader(suite, options)
    fid_stats = None
    if suite.fid_stats:
        fid_stats = describe_fid_stats(load_images(suite.fid_stats, options, None), suite.fid_stats)
    return Plan(suite, make_cells(suite, worlds, options.numerics), options, fid_stats)


def make_task(suite: Suite, row: TaskRow, data: Images) -> Task:
    """A task of a suite, tried on the shape of the data.

    Raises:
        SuiteError: the operator is unknown, or does not take its parameters or the shape.
    """
    try:
        params = operator_settings(row.operator, row.params)
        name = operator_name(row.operator)
        task = Task(row.name, data.name, name, row.noise_std, params, suite.seed, row.title, row.operator)
        A = task.operators(data.shape, data.ids[:1])
        if is_user_code(row.operator):
            try_out(A)
    except ValueError as error:
        others = f" (--task '!{row.name}' runs the others)" * (len(suite.tasks) > 1)
        raise SuiteError(f"{row.where()}: task '{row.name}': {error}{others}") from error
    return task


def try_out(A: Operator) -> None:
    """Measures one image, so that what is wrong with a user's operator is told before a run.

    Raises:
        ValueError: an exception, or a measurement of another shape than it says.
    """
    what, more = type(A).__name__, "`python -m bench check` on it says more"
    try:
        y = A(torch.full((1, *A.shape), 0.5, dtype=torch.float64))
        shape, form = tuple(y.shape), (1, *A.out_shape)
        A[:1].display(y), A.conventions(), A.parameters(), A.to(dtype=torch.float32)
        picture = len(A.shape) != 3 or (A.display(y).ndim == 4 and A.display(y).shape[1] in {1, 3})
    except Exception as error:
        raise ValueError(f"{what} raised {type(error).__name__}: {error}; {more}") from error
    if shape != form:
        raise ValueError(f"{what}.forward gave {shape}, expected (B, *out_shape) = {form}; {more}")
    if not picture:
        raise ValueError(f"{what}.display(y) must be an image of 1 or 3 channels, (B, C, H', W'); {more}")


def operator_settings(operator: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of an operator, defaults included, numbers in the type that is declared: equal settings,
    equal keys.

    A parameter at its neutral value is left out, of keys, records and manifests too: a table groups records
    by what they hold, and those from before the operator had the parameter belong with them.

    Raises:
        ValueError: unknown operator, or a neutral value that is not the default. What cannot be converted is
            left as it is, for `make_operator` to refuse.
    """
    settings, parameters = dict(params), operator_parameters(operator)
    neutral = neutral_values({name: parameter.annotation for name, parameter in parameters.items()})
    for name, parameter in parameters.items():
        if name in neutral and not is_neutral(name, parameter.default, neutral):
            raise ValueError(
                f"operator '{operator}': {name} is neutral at {neutral[name]}, so its default must be that"
            )
        if name in params:
            with contextlib.suppress(ValidationError):
                settings[name] = TypeAdapter(parameter.annotation).validate_python(params[name])
        elif parameter.default is not parameter.empty:
            settings[name] = parameter.default
    return {name: value for name, value in settings.items() if not is_neutral(name, value, neutral)}


def make_cells(suite: Suite, worlds: Loader, numerics: Mapping[str, Any]) -> list[Cell]:
    """All cells of a suite, task by task, the rows in the suite's order.

    Args:
        numerics: further entries of the key: the dtype, limits.

    Raises:
        SuiteError: a setting that a solver does not take, data that do not fit the prior, or two rows that
            would compute the same.
    """
    rows = [(row, _load(row)) for row in suite.solvers]
    cells = []
    for task_row in suite.tasks:
        world = worlds(task_row)
        block = task_row.block or suite.block or 1
        _check_data(suite, task_row, world, block)
        task = make_task(suite, task_row, world.data)
        cells += [
            _make_cell(suite, task_row, *pair, task, world, block, numerics)
            for pair in rows
            if pair[0].takes(task.name)
        ]
    return list(_without_duplicates(cells, {row.label: row for row in suite.solvers}))


def _without_duplicates(cells: Sequence[Cell], rows: Mapping[str, SolverRow]) -> Iterator[Cell]:
    """The cells that compute something of their own; a twin is an error unless its row allows for it."""
    known: dict[str, Cell] = {}
    for cell in cells:
        twin, row = known.setdefault(cell.id, cell), rows[cell.label]
        if twin is cell:
            yield cell
        elif not row.skip_duplicates or len(cell.images) > len(twin.images):
            same = f"row '{cell.label}' has the same settings as '{twin.label}' in task '{cell.task.name}'"
            raise SuiteError(f"{row.where()}: {same}")


def _check_data(suite: Suite, row: TaskRow, world: DataAndPrior, block: int) -> None:
    data, prior = world
    most = min(suite.most_images, row.images or math.inf)
    if most > len(data.ids):
        raise SuiteError(
            f"suite '{suite.name}' asks for {counted(most, 'image')}, dataset '{data.name}' has {len(data.ids)}"
        )
    if prior.classes:
        labels = getattr(data, "labels", None) or {}
        told = [labels.get(image, -1) for image in data.ids[:most]]
        if not all(0 <= label < prior.classes for label in told):
            raise SuiteError(
                f"prior '{prior.name}' must be told classes 0 to {prior.classes - 1}; dataset '{data.name}' "
                + ("has others" if labels else "has no labels")
            )
    if tuple(prior.shape) != tuple(data.shape):
        raise SuiteError(
            f"prior '{prior.name}' is for images {tuple(prior.shape)}, dataset '{data.name}' has {tuple(data.shape)}"
        )
    if block > 1 and not (isinstance(prior, ExactPrior) and prior.name == data.name):
        raise SuiteError(
            f"{row.where()}: task '{row.name}': block = {block} needs data drawn from a prior in closed form; "
            f"prior '{prior.name}' and dataset '{data.name}' are no such pair"
        )
    if block == 1 and len(data.shape) != 3:
        raise SuiteError(
            f"{row.where()}: task '{row.name}': '{data.name}' holds vectors, which have no image metrics; set `block`"
        )


def _load(row: SolverRow) -> SolverClass:
    try:
        return load_solver(row.solver)
    except SuiteError as error:
        raise SuiteError(f"{row.where()}: {error}") from error.__cause__


def _make_cell(
    suite: Suite,
    task_row: TaskRow,
    row: SolverRow,
    found: SolverClass,
    task: Task,
    world: DataAndPrior,
    block: int,
    numerics: Mapping[str, Any],
) -> Cell:
    data, prior = world
    try:
        preset, settings = resolve(row.solver, row.preset, prior.name, task.name, task.operator)
    except SuiteError as error:
        raise SuiteError(f"{row.where('preset')}: {error}") from None
    solver = build_solver(found, {**settings, **row.params}, row.where)
    if block > 1 and block % particles(solver):
        raise SuiteError(
            f"{row.where()}: {particles(solver)} particles do not divide the block of {block} of task '{task.name}'"
        )
    images = tuple(data.ids[: min(row.images or suite.images, task_row.images or math.inf)])
    A = task.operators(data.shape, images[:1])
    about = {
        "name": task.name,
        "operator": task.operator,
        "rev": A.rev,
        "params": dict(task.params),
        "sigma": task.sigma,
    }
    params = keyed(solver)
    config = {
        "format": FORMAT,
        "solver": {"name": found.name, "rev": found.cls.rev, "source": found.source_sha256, "params": params},
        "task": {**about, **added(task), **supplied(A)},
        "prior": {"name": prior.name, "weights": prior.weights_sha256, "config": prior.config_sha256},
        "seed": task.seed,
        "numerics": {"noise": SCHEME, **numerics},
    }
    if block > 1:
        config["block"] = {"size": block, "noise": BLOCK_SCHEME, "distances": DISTANCES_REV}
    reason = solver.reject(A, prior)
    return Cell(
        task, data, prior, row.label, found.name, solver, preset, images, suite.samples, config, reason, block
    )
