"""A suite resolved into cells: one task, one solver row, all settings final, and a key for every image."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from pydantic import TypeAdapter, ValidationError

from bench.exact import ExactPrior
from bench.names import counted
from bench.neutral import added, is_neutral, keyed, neutral_values
from bench.noise import SCHEME, Noise
from bench.operators import operator_name, operator_parameters
from bench.operators.base import Operator
from bench.prior import Prior
from bench.records import digest
from bench.solver import Measurement, Solver, particles
from bench.solver_loading import SolverClass, build_solver, load_solver
from bench.suites import SolverRow, Suite, SuiteError, TaskRow
from bench.suites.presets import resolve
from bench.tasks import BLOCK_SCHEME, Images, Measured, Task, supplied
from bench.user_code import is_user_code

FORMAT = 1
"""Version of the keys. Raising it recomputes everything."""
DISTANCES_REV = 2
"""Version of what blocks are scored by, `bench.distances` and `bench.blocks`: raised whenever a number changes for the same
samples, which are not kept."""


class World(NamedTuple):
    """What a task is about: images, and a prior that knows their kind."""

    data: Images
    prior: Prior


Worlds = Callable[[TaskRow], World]
"""The world of a task; equal names give the same objects."""


@dataclass(frozen=True)
class Job:
    """One reconstruction: the unit of resuming."""

    image: str
    sample: int
    key: str


@dataclass(frozen=True)
class Cell:
    """One task and one solver row.

    Attributes:
        config: all that determines the results but the image and the sample; never a batch size, device or thread count.
        reason: why the solver cannot solve the task; None where it can.
    """

    task: Task
    data: Images
    prior: Prior
    label: str
    name: str
    solver: Solver
    preset: str | None
    images: tuple[str, ...]
    samples: int
    config: Mapping[str, Any]
    reason: str | None = None
    block: int = 1
    """Samples of an image that make one record."""

    @cached_property
    def id(self) -> str:
        """sha256 of the configuration."""
        return digest(self.config)

    @property
    def operator_sha256(self) -> str | None:
        """Of the code of a user's operator."""
        return self.config["task"].get("supplied", {}).get("source")

    def jobs(self, image_sha256: Callable[[Images, str], str]) -> list[Job]:
        """Everything there is to compute, image by image; one job with image "*" where the solver cannot solve the task."""
        if self.reason is not None:
            return [Job("*", 0, self.key("*", None, 0))]
        pairs = ((image, sample) for image in self.images for sample in range(self.samples))
        return [Job(image, k, self.key(image, image_sha256(self.data, image), k)) for image, k in pairs]

    def key(self, image: str, image_sha256: str | None, sample: int) -> str:
        """The key of a record."""
        told = {"class": self.data.labels[image]} if self.privileged and image != "*" else {}
        return digest({**self.config, **told, "image": [self.task.dataset, image, image_sha256], "sample": sample})

    def prior_of(self, images: Sequence[str]) -> Prior:
        """The prior, told the classes of these images where it has classes."""
        return self.prior.condition([self.data.labels[image] for image in images]) if self.prior.classes else self.prior

    @property
    def privileged(self) -> bool:
        """Whether the solver's prior is told the class of the truth."""
        return bool(self.prior.classes) and not self.solver.baseline

    def inputs(self, measured: Measured, jobs: Sequence[Job]) -> tuple[Measurement, Prior, Noise]:
        """What the solver gets for a batch of jobs, or for the block of a single one, where every row is the same problem."""
        images, samples = [job.image for job in jobs], [job.sample for job in jobs]
        prior, (y, A, sigma) = self.prior_of(images), measured.measurement
        y, A = y.to(prior.device, prior.dtype, copy=True), A.to(prior.device, prior.dtype)
        if self.block == 1:
            noise = self.task.noise(images, samples, self.name, prior.dtype, prior.device)
            return Measurement(y, A, sigma), prior, noise
        n = self.block // particles(self.solver)
        noise = self.task.block_noise(images[0], samples[0], self.name, n, prior.dtype, prior.device)
        return Measurement(y.repeat_interleave(n, 0), A.repeat_interleave(n), sigma), prior, noise

    @property
    def steps(self) -> int | None:
        """How often the solver will yield, where it says so."""
        return 1 if self.solver.baseline else getattr(self.solver, "steps", None)


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
    """All parameters of an operator, defaults included, numbers in the type that is declared: equal settings, equal keys.

    A parameter at its neutral value is left out, of keys, records and manifests too: a table groups records by what
    they hold, and those from before the operator had the parameter belong with them.

    Raises:
        ValueError: unknown operator, or a neutral value that is not the default. What cannot be converted is left
            as it is, for `make_operator` to refuse.
    """
    settings, parameters = dict(params), operator_parameters(operator)
    neutral = neutral_values({name: parameter.annotation for name, parameter in parameters.items()})
    for name, parameter in parameters.items():
        if name in neutral and not is_neutral(name, parameter.default, neutral):
            raise ValueError(f"operator '{operator}': {name} is neutral at {neutral[name]}, so its default must be that")
        if name in params:
            with contextlib.suppress(ValidationError):
                settings[name] = TypeAdapter(parameter.annotation).validate_python(params[name])
        elif parameter.default is not parameter.empty:
            settings[name] = parameter.default
    return {name: value for name, value in settings.items() if not is_neutral(name, value, neutral)}


def make_cells(suite: Suite, worlds: Worlds, numerics: Mapping[str, Any]) -> list[Cell]:
    """All cells of a suite, task by task, the rows in the suite's order.

    Args:
        numerics: further entries of the key: the dtype, limits.

    Raises:
        SuiteError: a setting that a solver does not take, data that do not fit the prior, or two rows that would compute the
            same.
    """
    rows = [(row, _load(row)) for row in suite.solvers]
    cells = []
    for task_row in suite.tasks:
        world = worlds(task_row)
        block = task_row.block or suite.block or 1
        _check_world(suite, task_row, world, block)
        task = make_task(suite, task_row, world.data)
        cells += [_make_cell(suite, task_row, *pair, task, world, block, numerics) for pair in rows if pair[0].takes(task.name)]
    return list(_without_twins(cells, {row.label: row for row in suite.solvers}))


def _without_twins(cells: Sequence[Cell], rows: Mapping[str, SolverRow]) -> Iterator[Cell]:
    """The cells that compute something of their own; a twin is an error unless its row allows for it."""
    known: dict[str, Cell] = {}
    for cell in cells:
        twin, row = known.setdefault(cell.id, cell), rows[cell.label]
        if twin is cell:
            yield cell
        elif not row.if_other or len(cell.images) > len(twin.images):
            same = f"row '{cell.label}' has the same settings as '{twin.label}' in task '{cell.task.name}'"
            raise SuiteError(f"{row.where()}: {same}")


def _check_world(suite: Suite, row: TaskRow, world: World, block: int) -> None:
    data, prior = world
    most = min(suite.most_images, row.images or math.inf)
    if most > len(data.ids):
        raise SuiteError(f"suite '{suite.name}' asks for {counted(most, 'image')}, dataset '{data.name}' has {len(data.ids)}")
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
    world: World,
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
    about = {"name": task.name, "operator": task.operator, "rev": A.rev, "params": dict(task.params), "sigma": task.sigma}
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
    return Cell(task, data, prior, row.label, found.name, solver, preset, images, suite.samples, config, reason, block)


def shard_of(dataset: str, image: str, n: int) -> int:
    """Which of n shards (0 .. n - 1) an image belongs to: a hash, so the same on every machine and in every suite."""
    return int(digest([dataset, image])[:12], 16) % n
