"""Suite files, checked before anything runs."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from bench.names import matches, nearest, selected
from bench.suites.yamlfile import Loc, SuiteError, YamlSource, explain
from bench.system.gate import MOST_DIGITS, shortened

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

FOLDER = Path(__file__).parent
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=80)]
"""A name that becomes part of file names."""
MOST_IMAGES, MOST_SAMPLES, MOST_SIGMA = 1_000_000, 10_000, 1000.0
"""Bounds of a row, so that jobs can be counted; noise of standard deviation 1000 drowns every image."""
MOST_RATE = 1e6
"""Largest rate of Poisson noise; a white pixel then has 255 million counts."""
Images = Annotated[int, Field(ge=1, le=MOST_IMAGES)]


def _one_line(label: str) -> str:
    """A label that a table can show; "" is none."""
    if label and not (label.isprintable() and label == label.strip()):
        raise ValueError("expected one line that neither begins nor ends with a blank")
    return label


Label = Annotated[str, Field(max_length=500), AfterValidator(_one_line)]
ImageMetric = Literal[
    "psnr",
    "psnr_quantised",
    "ssim",
    "ssim_full",
    "ssim_quantised",
    "lpips",
    "lpips_vgg",
    "lpips_quantised",
    "top1",
]


class _Strict(BaseModel):
    """Fields that are not declared are errors, and so are values of another type: true is not 1."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class _Row(_Strict):
    """An entry of a list in a suite, which knows where it stands in the file."""

    _where: dict[str, str] = PrivateAttr(default_factory=dict)

    def where(self, param: str = "") -> str:
        """The place of a parameter, as in "my.yaml:5: solvers.0.params.lr"; "" means the row itself."""
        return self._where.get(param) or self._where.get("", "")

    def placed(self, where: dict[str, str]) -> Self:
        """The same row, with more known places."""
        row = self.model_copy()
        row._where = {**self._where, **where}
        return row


class PoissonRow(_Strict):
    """Photon counts; see `bench.likelihood.Poisson`."""

    kind: Literal["poisson"]
    rate: float = Field(ge=1 / MOST_RATE, le=MOST_RATE)
    """A white pixel has 255 rate counts on average."""


class LaplaceRow(_Strict):
    """Double-exponential noise; see `bench.likelihood.Laplace`."""

    kind: Literal["laplace"]
    scale: float = Field(gt=0, le=MOST_SIGMA)
    """Mean of |y - A(x)|, for images in [-1, 1]."""


NoiseRow = Annotated[PoissonRow | LaplaceRow, Field(discriminator="kind")]


class TaskRow(_Row):
    """An inverse problem: y scatters around A(x). Either ``sigma`` or ``noise`` says how.

    What solvers are told may be wrong on purpose: ``told_sigma``, in the unit of sigma, and ``told``,
    parameters of the operator. What is measured, and how results are scored, does not depend on it.
    """

    name: Name
    operator: str
    params: dict[str, Any] = {}
    sigma: float | None = Field(None, ge=0, le=MOST_SIGMA)
    """Standard deviation of Gaussian noise."""
    sigma_unit: Literal["[-1,1]", "[0,1]"] = "[-1,1]"
    """The range of images that sigma refers to; papers differ, and 0.05 for [0, 1] is 0.1 for [-1, 1]."""
    noise: NoiseRow | None = None
    """Noise that is not Gaussian, as in ``{kind: poisson, rate: 1.0}``."""
    told_sigma: float | None = Field(None, ge=0, le=MOST_SIGMA)
    told: dict[str, Any] = {}
    draws_of: Name | None = None
    """The name of another task whose draws of noise this one has, for the same y where all else is equal; its
    solvers draw the same, too."""
    title: str | None = None
    dataset: str | None = None
    prior: str | None = None
    """Data set and prior, where they are not the suite's."""
    images: Images | None = None
    """The most images of the suite that a costly task takes."""
    samples_per_problem: int | None = Field(None, ge=2, le=MOST_SAMPLES)
    """Samples per image that are scored as one set, where the number is not the suite's."""

    @model_validator(mode="after")
    def _one_noise(self) -> Self:
        if (self.sigma is None) == (self.noise is None):
            raise ValueError("give either sigma, for Gaussian noise, or noise: {kind: ..., ...}")
        return self

    @property
    def noise_std(self) -> float | None:
        """Standard deviation of Gaussian noise, for images in [-1, 1]."""
        return self.in_unit(self.sigma)

    def in_unit(self, sigma: float | None) -> float | None:
        """A sigma of this task for images in [-1, 1]."""
        return 2 * sigma if sigma is not None and self.sigma_unit == "[0,1]" else sigma


class SolverRow(_Row):
    """One row of the tables: a solver with its settings.

    ``solver`` is NAME of ``solvers/NAME.py``, ``pkg.mod:Class`` or ``file.py:Class``; ``images`` and
    ``tasks`` restrict a costly row to the suite's first images and to some tasks, whose names may be patterns
    ("d8-*", "!d800-*").
    """

    solver: str
    label: Label = ""
    preset: str | None = None
    params: dict[str, Any] = {}
    images: Images | None = None
    samples: int | None = Field(None, ge=1, le=MOST_SAMPLES)
    """Reconstructions per image, where the number is not the suite's."""
    tasks: list[str] | None = Field(None, min_length=1)
    skip_duplicates: bool = False
    """Leave the row out of tasks in which an earlier row has the same settings; else these are an error."""

    def takes(self, task: str) -> bool:
        """Whether the row is about the task of this name."""
        return selected(task, self.tasks or ())


class Suite(_Strict):
    """A suite file's content."""

    name: Name
    title: str | None = None
    dataset: str
    prior: str
    images: Images
    samples: int = Field(1, ge=1, le=MOST_SAMPLES)
    """Reconstructions per image, each with its own sampling noise."""
    seed: int = Field(0, ge=0, lt=10**MOST_DIGITS)
    samples_per_problem: int | None = Field(None, ge=2, le=MOST_SAMPLES)
    """Samples per image that are solved together and scored as one set: by their distance to the exact
    posterior of a prior in closed form (`bench.exact.problems`), or to a network's score of it."""
    metrics: tuple[ImageMetric, ...] = Field(("psnr", "ssim", "lpips"), strict=False)
    """Metrics of each image, beside the data misfit, which is always there."""
    features: bool = False
    """Store Inception features of every reconstruction, for FID and KID."""
    fid_mode: Literal["legacy_pytorch", "clean"] = "legacy_pytorch"
    """How images become features."""
    fid_stats: str | None = None
    """The data set of which `bench fid-stats` made statistics, with which FID and KID compare; None compares
    with the rows' true images."""
    margins: dict[ImageMetric, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = {}
    """Differences below which two rows are equivalent, where they are not the usual ones
    (`bench.report.verdicts.MARGINS`)."""
    tasks: tuple[TaskRow, ...] = Field(min_length=1, strict=False)
    solvers: tuple[SolverRow, ...] = Field(min_length=1, strict=False)

    @property
    def most_images(self) -> int:
        """The images of the row that takes the most."""
        return max(self.images, max(row.images or 0 for row in self.solvers))


_MODELS: dict[str, type[BaseModel]] = {"tasks": TaskRow, "solvers": SolverRow}
Row = TypeVar("Row", TaskRow, SolverRow)


def list_suites() -> list[str]:
    """Names of the suites that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_suite(name: str) -> Suite:
    """The suite of a name, or of the path of a ``.yaml`` file.

    Raises:
        SuiteError: unknown name, or an invalid file; the message lists every error with its line.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
    if not os.path.isfile(path):  # noqa: PTH113 - unlike Path.is_file it takes any text
        raise SuiteError(
            f"unknown suite '{shortened(name)}'{nearest(name, list_suites())}, or the path of a .yaml file"
        )
    source = YamlSource(path)
    try:
        suite = Suite.model_validate(source.data)
    except ValidationError as error:
        raise SuiteError("\n".join(_messages(source, error.errors()))) from None
    suite = suite.model_copy(
        update={
            "tasks": tuple(_placed(task, source, ("tasks", i)) for i, task in enumerate(suite.tasks)),
            "solvers": tuple(_labelled(row, source, ("solvers", i)) for i, row in enumerate(suite.solvers)),
        }
    )
    problems = [f"{source.at(loc)}: {text}" for loc, text in _inconsistent(suite)]
    if problems:
        raise SuiteError("\n".join(problems))
    return suite


def _messages(source: YamlSource, errors: Sequence["ErrorDetails"]) -> Iterator[str]:
    """Errors in the order of the file.

    An error about a list that follows from errors in its entries is left out.
    """
    for error in sorted(errors, key=lambda e: source.line(e["loc"])):
        loc = error["loc"]
        if not any(_is_inside(other["loc"], loc) for other in errors):
            model: type[BaseModel] = _MODELS.get(str(loc[0]), Suite) if len(loc) > 2 else Suite
            yield f"{source.at(loc)}: {explain(error, list(model.model_fields))}"


def _is_inside(inner: Loc, outer: Loc) -> bool:
    """Whether a place lies below another one."""
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _placed(row: Row, source: YamlSource, loc: Loc) -> Row:
    """The row with the places of its parameters in the file."""
    places = {param: source.at((*loc, "params", param)) for param in row.params}
    return row.placed({**places, "": source.at(loc), "preset": source.at((*loc, "preset"))})


def _labelled(row: SolverRow, source: YamlSource, loc: Loc) -> SolverRow:
    """The row with places and a label."""
    label = row.label or default_label(row.solver)
    return _placed(row.model_copy(update={"label": label}), source, loc)


def default_label(solver: str) -> str:
    """Label of a row that gives none: the solver's name, or the class of a user's solver."""
    return Path(solver).stem if solver.endswith(".py") else solver.rpartition(":")[2]


def _inconsistent(suite: Suite) -> Iterator[tuple[Loc, str]]:
    """Place and reason of what does not fit together in a suite whose fields are right by themselves."""
    if suite.fid_stats and not suite.features:
        yield ("fid_stats",), "FID and KID need `features: true`"
    names = [task.name for task in suite.tasks]
    yield from _wrong_names(suite.tasks, names)
    for i in repeated_labels(suite.solvers, names):
        same = f"two rows of one task are labelled '{suite.solvers[i].label}'"
        yield ("solvers", i), f"{same}; give one another `label`, or other `tasks`"
    for i, row in enumerate(suite.solvers):
        for text in _wrong_tasks(row, names):
            yield ("solvers", i, "tasks"), text


def _wrong_names(tasks: Sequence[TaskRow], names: Sequence[str]) -> Iterator[tuple[Loc, str]]:
    """Place and reason of a name of a task that another one has, or that no task has."""
    for i, task in enumerate(tasks):
        if task.name in names[:i]:
            yield ("tasks", i, "name"), f"two tasks are called '{task.name}'"
        if task.draws_of and task.draws_of not in names:
            yield ("tasks", i, "draws_of"), f"unknown task '{task.draws_of}'{nearest(task.draws_of, names)}"


def _wrong_tasks(row: SolverRow, names: Sequence[str]) -> list[str]:
    """What is wrong with the tasks to which a row is restricted."""
    wrong = []
    for task in row.tasks or ():
        if not any(matches(name, task) for name in names):
            wrong.append(f"unknown task '{task}'{nearest(task, names)}")
    if not wrong and not any(map(row.takes, names)):
        wrong.append("no task is left")
    return wrong


def repeated_labels(rows: Sequence[SolverRow], tasks: Sequence[str]) -> list[int]:
    """Positions of the rows whose label an earlier one has in the same task.

    Rows of different tasks may share a label: they are one row of the tables.
    """
    known: set[tuple[str, str]] = set()
    repeated = []
    for i, row in enumerate(rows):
        places = {(row.label, task) for task in tasks if row.takes(task)}
        if known & places:
            repeated.append(i)
        known |= places
    return repeated
