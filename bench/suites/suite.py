"""Suite files, checked before anything runs."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from bench.names import matches, nearest, selected
from bench.suites.yamlfile import Loc, Source, SuiteError, explain

FOLDER = Path(__file__).parent
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=80)]
"""Becomes part of file names."""
ImageMetric = Literal["psnr", "ssim", "lpips", "lpips_vgg", "top1"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Row(_Strict):
    _where: dict[str, str] = PrivateAttr(default_factory=dict)

    def where(self, param: str = "") -> str:
        """Place of a parameter ("" for the row itself), for messages: "my.yaml:5: solvers.0.params.lr"."""
        return self._where.get(param) or self._where.get("", "")

    def placed(self, where: dict[str, str]) -> Self:
        """The same row, with more known places."""
        row = self.model_copy()
        row._where = {**self._where, **where}
        return row


class TaskRow(_Row):
    """An inverse problem: y = A(x) + noise."""

    name: Name
    operator: str
    params: dict[str, Any] = {}
    sigma: float = Field(ge=0, allow_inf_nan=False)
    sigma_unit: Literal["[-1,1]", "[0,1]"] = "[-1,1]"
    """Range of the images in which sigma is meant; papers differ, and 0.05 in one is 0.1 in the other."""
    title: str | None = None
    dataset: str | None = None
    prior: str | None = None
    """Where they are not the suite's."""
    images: int | None = Field(None, ge=1)
    """At most so many of the suite's images, where a task is costly."""
    samples_per_problem: int | None = Field(None, ge=2)
    """Where it is not the suite's."""

    @property
    def noise_std(self) -> float:
        """Standard deviation of the noise for images in [-1, 1]."""
        return self.sigma * (2 if self.sigma_unit == "[0,1]" else 1)


class SolverRow(_Row):
    """One row of the tables: a solver with its settings.

    ``solver`` is a name of ``solvers.SOLVERS``, ``pkg.mod:Class`` or ``file.py:Class``; ``images`` and
    ``tasks`` restrict a costly row to the suite's first images and to some tasks, whose names may be patterns
    ("d8-*", "!d800-*").
    """

    solver: str
    label: str = ""
    preset: str | None = None
    params: dict[str, Any] = {}
    images: int | None = Field(None, ge=1)
    tasks: list[str] | None = Field(None, min_length=1)
    skip_duplicates: bool = False
    """Leave the row out of the tasks where its settings are those of an earlier row, as a published default
    may be the best."""

    def takes(self, task: str) -> bool:
        """Whether the row is about the task of this name."""
        return selected(task, self.tasks or ())


class Suite(_Strict):
    """A suite file's content."""

    name: Name
    title: str | None = None
    dataset: str
    prior: str
    images: int = Field(ge=1)
    samples: int = Field(1, ge=1)
    """Reconstructions per image, each with its own sampling noise."""
    seed: int = Field(0, ge=0)
    samples_per_problem: int | None = Field(None, ge=2)
    """Samples per image that are solved together and scored as one set, by their distance to the exact
    posterior; needs a prior in closed form (`bench.exact.problems`)."""
    metrics: tuple[ImageMetric, ...] = ("psnr", "ssim", "lpips")
    """Of each image, beside the data misfit, which is always there."""
    features: bool = False
    """Store Inception features of every reconstruction, for FID and KID."""
    fid_mode: Literal["legacy_pytorch", "clean"] = "legacy_pytorch"
    """How images become features."""
    fid_stats: str | None = None
    """Data set of which `bench fid-stats` made statistics; FID and KID compare with these. None: with the
    rows' true images."""
    tasks: tuple[TaskRow, ...] = Field(min_length=1)
    solvers: tuple[SolverRow, ...] = Field(min_length=1)

    @property
    def most_images(self) -> int:
        """Of the row that takes the most."""
        return max([self.images, *(row.images or 0 for row in self.solvers)])


_MODELS = {"tasks": TaskRow, "solvers": SolverRow}


def list_suites() -> list[str]:
    """Names of the suites that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_suite(name: str) -> Suite:
    """A suite by name, or by the path of a ``.yaml`` file.

    Raises:
        SuiteError: unknown name, or an invalid file; the message lists every error with its line.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise SuiteError(f"unknown suite '{name}'{nearest(name, list_suites())}, or the path of a .yaml file")
    source = Source(path)
    try:
        suite = Suite.model_validate(source.data)
    except ValidationError as error:
        raise SuiteError("\n".join(_messages(source, error.errors()))) from None
    rows = [row.model_copy(update={"label": row.label or default_label(row.solver)}) for row in suite.solvers]
    lists = {"tasks": suite.tasks, "solvers": rows}
    suite = suite.model_copy(
        update={k: tuple(_placed(r, source, (k, i)) for i, r in enumerate(v)) for k, v in lists.items()}
    )
    problems = [f"{source.at(loc)}: {text}" for loc, text in _inconsistent(suite)]
    if problems:
        raise SuiteError("\n".join(problems))
    return suite


def _messages(source: Source, errors: Sequence[Any]) -> Iterator[str]:
    """In the order of the file; an error about a list that follows from errors in its entries is left out."""
    locs = [error["loc"] for error in errors]
    for error in sorted(errors, key=lambda e: source.line(e["loc"])):
        loc = error["loc"]
        if not any(other[: len(loc)] == loc and len(other) > len(loc) for other in locs):
            model = _MODELS.get(str(loc[0]), Suite) if len(loc) > 2 else Suite
            yield f"{source.at(loc)}: {explain(error, list(model.model_fields))}"


def _placed(row: TaskRow | SolverRow, source: Source, loc: Loc) -> TaskRow | SolverRow:
    places = {param: source.at((*loc, "params", param)) for param in row.params}
    return row.placed({**places, "": source.at(loc), "preset": source.at((*loc, "preset"))})


def default_label(solver: str) -> str:
    """Label of a row that gives none: the solver's name, or the class of a user's solver."""
    return Path(solver).stem if solver.endswith(".py") else solver.rpartition(":")[2]


def _inconsistent(suite: Suite) -> Iterator[tuple[Loc, str]]:
    if suite.fid_stats and not suite.features:
        yield ("fid_stats",), "FID and KID need `features: true`"
    names = [task.name for task in suite.tasks]
    for i, name in enumerate(names):
        if name in names[:i]:
            yield ("tasks", i, "name"), f"two tasks are called '{name}'"
    for i in repeated_labels(suite.solvers):
        yield ("solvers", i), f"two rows are labelled '{suite.solvers[i].label}'; give one another `label`"
    for i, row in enumerate(suite.solvers):
        unknown = [task for task in row.tasks or () if not any(matches(name, task) for name in names)]
        for task in unknown:
            yield ("solvers", i, "tasks"), f"unknown task '{task}'{nearest(task, names)}"
        if not unknown and not any(map(row.takes, names)):
            yield ("solvers", i, "tasks"), "no task is left"


def repeated_labels(rows: Sequence[SolverRow]) -> list[int]:
    """Positions of the rows whose label an earlier one has."""
    labels = [row.label for row in rows]
    return [i for i, label in enumerate(labels) if label in labels[:i]]
