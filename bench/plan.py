"""A suite resolved into cells: one task, one solver row, all settings final, and a key for every image."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from bench.noise import SCHEME
from bench.operators import operator_parameters
from bench.prior import Prior
from bench.records import digest
from bench.solver import Solver
from bench.solver_loading import SolverClass, build_solver, load_solver
from bench.suites import SolverRow, Suite, SuiteError, TaskRow
from bench.suites.presets import resolve
from bench.tasks import Images, Task, supplied

FORMAT = 1
"""Version of the keys. Raising it recomputes everything."""


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

    @cached_property
    def id(self) -> str:
        """sha256 of the configuration."""
        return digest(self.config)

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
        task = Task(row.name, data.name, row.operator, row.noise_std, params, suite.seed, row.title)
        task.operators(data.shape, data.ids[:1])
    except ValueError as error:
        raise SuiteError(f"{row.where()}: task '{row.name}': {error}") from error
    return task


def operator_settings(operator: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of an operator, defaults included, numbers in the type that is declared: equal settings, equal keys.

    Raises:
        ValueError: unknown operator. What cannot be converted is left as it is, for `make_operator` to refuse.
    """
    settings = dict(params)
    for name, parameter in operator_parameters(operator).items():
        if name in params:
            with contextlib.suppress(ValidationError):
                settings[name] = TypeAdapter(parameter.annotation).validate_python(params[name])
        elif parameter.default is not parameter.empty:
            settings[name] = parameter.default
    return settings


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
        _check_world(suite, world)
        task = make_task(suite, task_row, world.data)
        chosen = (pair for pair in rows if pair[0].tasks is None or task.name in pair[0].tasks)
        cells += [_make_cell(suite, row, found, task, world, numerics) for row, found in chosen]
    labels: dict[str, str] = {}
    for cell in cells:
        twin = labels.setdefault(cell.id, cell.label)
        if twin != cell.label:
            place = next(row.where() for row in suite.solvers if row.label == cell.label)
            raise SuiteError(f"{place}: row '{cell.label}' has the same settings as '{twin}' in task '{cell.task.name}'")
    return cells


def _check_world(suite: Suite, world: World) -> None:
    data, prior = world
    most = max([suite.images, *(row.images or 0 for row in suite.solvers)])
    if most > len(data.ids):
        raise SuiteError(f"suite '{suite.name}' asks for {most} images, dataset '{data.name}' has {len(data.ids)}")
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


def _load(row: SolverRow) -> SolverClass:
    try:
        return load_solver(row.solver)
    except SuiteError as error:
        raise SuiteError(f"{row.where()}: {error}") from error.__cause__


def _make_cell(suite: Suite, row: SolverRow, found: SolverClass, task: Task, world: World, numerics: Mapping[str, Any]) -> Cell:
    data, prior = world
    try:
        preset, settings = resolve(row.solver, row.preset, prior.name, task.name, task.operator)
    except SuiteError as error:
        raise SuiteError(f"{row.where('preset')}: {error}") from None
    solver = build_solver(found, {**settings, **row.params}, row.where)
    images = tuple(data.ids[: row.images or suite.images])
    A = task.operators(data.shape, images[:1])
    about = {"name": task.name, "operator": task.operator, "rev": A.rev, "params": dict(task.params), "sigma": task.sigma}
    config = {
        "format": FORMAT,
        "solver": {"name": found.name, "rev": found.cls.rev, "source": found.source_sha256, "params": asdict(solver)},
        "task": {**about, **supplied(A)},
        "prior": {"name": prior.name, "weights": prior.weights_sha256, "config": prior.config_sha256},
        "seed": task.seed,
        "numerics": {"noise": SCHEME, **numerics},
    }
    reason = solver.reject(A, prior)
    return Cell(task, data, prior, row.label, found.name, solver, preset, images, suite.samples, config, reason)


def shard_of(dataset: str, image: str, n: int) -> int:
    """Which of n shards (0 .. n - 1) an image belongs to: a hash, so the same on every machine and in every suite."""
    return int(digest([dataset, image])[:12], 16) % n
