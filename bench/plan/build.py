"""Resolves a suite into cells."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from bench.checks.try_out import try_out
from bench.data.images import Images
from bench.exact.prior import ExactPrior
from bench.likelihood import check_noise
from bench.metrics.fid_stats import describe_fid_stats
from bench.names import counted
from bench.noise import SCHEME
from bench.operators import operator_name, operator_parameters
from bench.operators.base import Operator
from bench.operators.base.neutral import added, is_neutral, keyed, neutral_values
from bench.plan.cell import DISTANCES_REV, FORMAT, Cell, class_labels
from bench.plan.loading import DataAndPrior, Loader, load_images, make_loader
from bench.plan.options import Options
from bench.plan.plan import Plan
from bench.plan.task import SAMPLES_SCHEME, Task, supplied
from bench.prior import Prior
from bench.records.words import KEY, to_disk
from bench.solver import Solver, particles
from bench.suites.methods import SolverClass, build_solver, load_solver
from bench.suites.presets import resolve
from bench.suites.suite import SolverRow, Suite, SuiteError, TaskRow
from bench.system.code.reads import reading, refuse_undeclared
from bench.system.code.user_code import is_user_code
from bench.system.gate import conform

MOST_JOBS = 2_000_000
"""Reconstructions of a run: the keys of all are made before the first is computed."""


def prepare(suite: Suite, options: Options) -> Plan:
    """Loads data, prior and solvers, and resolves the cells.

    Raises:
        ValueError: anything that a user can get wrong; the message names the thing, the reason and the
            choice.
    """
    load = make_loader(suite, options)
    fid_stats = None
    if suite.fid_stats:
        fid_stats = describe_fid_stats(load_images(suite.fid_stats, options, None), suite.fid_stats)
    return Plan(suite, make_cells(suite, load, options.numerics), options, fid_stats)


def make_task(suite: Suite, row: TaskRow, data: Images) -> Task:
    """Makes a task of a suite and tries its operator on the shape of the data.

    Raises:
        SuiteError: the operator is unknown, or does not take its parameters or the shape.
    """
    try:
        params = operator_settings(row.operator, row.params)
        task = Task(
            name=row.name,
            dataset=data.name,
            operator=operator_name(row.operator),
            sigma=row.noise_std,
            params=params,
            seed=suite.seed,
            title=row.title,
            spec=row.operator,
            noise=row.noise.model_dump() if row.noise else {},
            told_sigma=None if row.told_sigma == row.sigma else row.in_unit(row.told_sigma),
            told=told_settings(row, params),
            draws_of=row.draws_of or "",
        )
        with reading() as opened:
            A = _try_operators(task, data)
        if is_user_code(row.operator):
            refuse_undeclared(type(A), opened)
    except ValueError as error:
        others = f" (--task '!{row.name}' runs the others)" if len(suite.tasks) > 1 else ""
        raise SuiteError(f"{row.where()}: task '{row.name}': {error}{others}") from error
    return task


def told_settings(row: TaskRow, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters in which the operator that solvers are given differs from the true one."""
    settings = {**row.told, **operator_settings(row.operator, {**row.params, **row.told})}
    told = {name: settings[name] for name in row.told}
    return {name: value for name, value in told.items() if name not in params or params[name] != value}


def _try_operators(task: Task, data: Images) -> Operator:
    """Makes the operators of one image; returns the one that measures.

    Raises:
        ValueError: they cannot be made, do not work, or what solvers are told does not fit what is measured.
    """
    A, told = task.operators(data.shape, data.ids[:1]), task.told_operators(data.shape, data.ids[:1])
    if is_user_code(task.spec):
        try_out(A)
    check_noise(A, task.likelihood)
    if told.out_shape != A.out_shape:
        raise ValueError(f"told: y is {A.out_shape}, and that of the told operator {told.out_shape}")
    return A


def operator_settings(operator: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of an operator, defaults included, in their declared types: equal settings, equal keys.

    A parameter at its neutral value is left out, of records and manifests too: a table groups records by what
    they hold, and those from before the operator had the parameter belong with them.

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
                settings[name] = conform(parameter.annotation, params[name])
        elif parameter.default is not parameter.empty:
            settings[name] = parameter.default
    return {name: value for name, value in settings.items() if not is_neutral(name, value, neutral)}


class Settings(NamedTuple):
    """The settings of a row in a task, as a manifest keeps them."""

    preset: str | None
    params: Mapping[str, Any]


Kept = Mapping[tuple[str, str], Settings]
"""(label of a row, task) -> its settings, which count instead of what presets say now."""


def make_cells(
    suite: Suite, load: Loader, numerics: Mapping[str, Any], kept: Kept | None = None
) -> list[Cell]:
    """Makes all cells of a suite, task by task, the rows in the suite's order.

    Args:
        load: loads the data and the prior of a task.
        numerics: further entries of the key: the dtype, limits.
        kept: settings of rows that are made again.

    Raises:
        SuiteError: a setting that a solver does not take, data that do not fit the prior, or two rows that
            would compute the same.
    """
    solvers = [(row, _load_solver(row)) for row in suite.solvers]
    made = []
    for task_row in suite.tasks:
        given = load(task_row)
        check_data(suite, task_row, given)
        task = make_task(suite, task_row, given.data)
        for row, found in solvers:
            if row.takes(task.name):
                settings = (kept or {}).get((row.label, task.name)) or _settings(row, given.prior, task)
                cell = _make_cell(suite, task_row, task, given, row, found, settings, numerics)
                made.append((row, cell))
    cells = list(_without_duplicates(made))
    if (n := sum(len(cell.images) * cell.samples for cell in cells)) > MOST_JOBS:
        most = f"more than {MOST_JOBS} in one run"
        raise SuiteError(
            f"suite '{suite.name}' asks for {n} reconstructions, {most}; take fewer samples or tasks"
        )
    return cells


def _without_duplicates(made: Sequence[tuple[SolverRow, Cell]]) -> Iterator[Cell]:
    """The cells that compute something of their own; a duplicate is an error unless its row allows for it."""
    known: dict[str, Cell] = {}
    for row, cell in made:
        first = known.setdefault(cell.id, cell)
        if first is cell:
            yield cell
        elif not row.skip_duplicates or len(cell.images) > len(first.images):
            same = f"row '{cell.label}' has the same settings as '{first.label}' in task '{cell.task.name}'"
            raise SuiteError(f"{row.where()}: {same}; leave one of them out")


def samples_per_problem(suite: Suite, row: TaskRow) -> int:
    """How many samples of an image of a task make one record."""
    return row.samples_per_problem or suite.samples_per_problem or 1


def at_most(images: int, row: TaskRow) -> int:
    """So many images, or as many as a task takes."""
    return images if row.images is None else min(images, row.images)


def check_data(suite: Suite, row: TaskRow, given: DataAndPrior) -> None:
    """Checks that the data of a task are enough, fit its prior and can be scored.

    Raises:
        SuiteError: otherwise.
    """
    data, prior = given
    most = at_most(suite.most_images, row)
    if most > len(data.ids):
        raise SuiteError(
            f"suite '{suite.name}' asks for {counted(most, 'image')}, "
            f"dataset '{data.name}' has {len(data.ids)}"
        )
    _check_labels(data, prior, most)
    if tuple(prior.shape) != tuple(data.shape):
        raise SuiteError(
            f"prior '{prior.name}' is for images {tuple(prior.shape)}, "
            f"dataset '{data.name}' has {tuple(data.shape)}"
        )
    n, place = samples_per_problem(suite, row), f"{row.where()}: task '{row.name}'"
    if n > 1:
        _check_sets(n, row, given, place)
    if n == 1 and len(data.shape) != 3:
        raise SuiteError(
            f"{place}: '{data.name}' holds vectors, which have no image metrics; set `samples_per_problem`"
        )


def _check_sets(n: int, row: TaskRow, given: DataAndPrior, place: str) -> None:
    """Checks that sets of n samples can be scored: by an exact posterior, or by a network's score of it."""
    data, prior = given
    is_exact = isinstance(prior, ExactPrior)
    if (is_exact or len(data.shape) != 3) and not (is_exact and prior.name == data.name):
        raise SuiteError(
            f"{place}: samples_per_problem = {n} needs data drawn from a prior in closed form, or images and "
            f"a network; prior '{prior.name}' and dataset '{data.name}' are no such pair"
        )
    if row.noise and is_exact:
        raise SuiteError(f"{place}: exact posteriors are those of Gaussian noise, not of {row.noise.kind}")
    if row.noise_std == 0:
        raise SuiteError(f"{place}: samples_per_problem = {n} needs noise: without it y has no score")
    if prior.classes:
        raise SuiteError(f"{place}: samples_per_problem = {n} needs a prior that is told no class")


def _check_labels(data: Images, prior: Prior, most: int) -> None:
    if not prior.classes:
        return
    labels = class_labels(data)
    told = [labels.get(image, -1) for image in data.ids[:most]]
    if not all(0 <= label < prior.classes for label in told):
        has = "has others" if labels else "has no labels"
        raise SuiteError(
            f"prior '{prior.name}' must be told classes 0 to {prior.classes - 1}; dataset '{data.name}' {has}"
        )


def _load_solver(row: SolverRow) -> SolverClass:
    try:
        return load_solver(row.solver)
    except SuiteError as error:
        raise SuiteError(f"{row.where()}: {error}") from error.__cause__


def _settings(row: SolverRow, prior: Prior, task: Task) -> Settings:
    """What the presets of a row say for a task."""
    try:
        return Settings(*resolve(row.solver, row.preset, prior.name, task.name, task.operator))
    except SuiteError as error:
        raise SuiteError(f"{row.where('preset')}: {error}") from None


def _make_cell(
    suite: Suite,
    task_row: TaskRow,
    task: Task,
    given: DataAndPrior,
    row: SolverRow,
    found: SolverClass,
    settings: Settings,
    numerics: Mapping[str, Any],
) -> Cell:
    data, prior = given
    solver = build_solver(found, {**settings.params, **row.params}, row.where)
    n, P = samples_per_problem(suite, task_row), particles(solver)
    if n > 1 and n % P:
        raise SuiteError(f"{row.where()}: {_undivided(row.label, P, n, task.name)}")
    images = tuple(data.ids[: at_most(row.images or suite.images, task_row)])
    A, told = task.operators(data.shape, images[:1]), task.told_operators(data.shape, images[:1])
    return Cell(
        task=task,
        data=data,
        prior=prior,
        label=row.label,
        name=found.name,
        solver=solver,
        preset=settings.preset,
        images=images,
        samples=row.samples or suite.samples,
        config=key_config(task, A, told, prior, found, solver, n, numerics),
        reason=solver.refuses(told, prior, task.told_likelihood),
        samples_per_problem=n,
    )


def _undivided(label: str, P: int, n: int, task: str) -> str:
    """Why a row's particles cannot make the samples of a problem, and how many could."""
    near = min((k for k in range(1, n + 1) if n % k == 0), key=lambda k: abs(k - P))
    return (
        f"row '{label}': {P} particles do not divide the {n} samples per problem of task '{task}'; "
        f"choose a number that does, such as {near}"
    )


def key_config(
    task: Task,
    A: Operator,
    told: Operator,
    prior: Prior,
    found: SolverClass,
    solver: Solver,
    n: int,
    numerics: Mapping[str, Any],
) -> dict[str, Any]:
    """The configuration that the keys of a cell are made of, in the words of keys.

    Args:
        A, told: the operators that measure, and those that solvers are given.
        n: samples per problem.
    """
    files = supplied(A)
    if (given := supplied(told)) != files:
        files = files | {"told_supplied": given.get("supplied", {})}
    about = {
        "name": task.name,
        "operator": task.operator,
        "rev": A.rev,
        "params": dict(task.params),
        "sigma": task.sigma,
    }
    method = {
        "name": found.name,
        "rev": found.cls.rev,
        "source": found.source_sha256,
        "params": keyed(solver),
    }
    config = {
        "format": FORMAT,
        "solver": method,
        "task": {**about, **added(task), **files},
        "prior": {"name": prior.name, "weights": prior.weights_sha256, "config": prior.config_sha256},
        "seed": task.seed,
        "numerics": {"noise": SCHEME, **numerics},
    }
    if n > 1:
        config["samples_per_problem"] = {"size": n, "noise": SAMPLES_SCHEME, "distances": DISTANCES_REV}
    return to_disk(config, KEY)
