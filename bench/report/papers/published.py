"""What papers print, from ``reports/published.toml``: every number with the conventions that it depends on.

The file says what its fields mean. It is checked when it is read, so that a typing error in it cannot become
a verdict.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.names import nearest
from bench.report.columns import KNOWN, Column

FILE = Path(__file__).resolve().parents[3] / "reports" / "published.toml"
COSTS = {"seconds": "s / image", "memory_gb": "GB"}
"""What papers print of their own machines, which is never compared."""
THEIRS = COSTS | {"consistency": "Cons.", "ksd": "KSD", "crps": "CRPS"}
"""Metrics that papers print and we do not compute, by name, with their labels."""
METRICS = {metric.name: metric for metric in KNOWN}
METRICS |= {name: Column(label, 2, False, name=name) for name, label in THEIRS.items()}
SECTIONS = {"papers", "solvers", "others", "priors", "table"}
Status = Literal["verbatim", "quoted", "third-party", "unverified"]


class PublishedError(ValueError):
    """The file of published numbers is absent or wrong, or knows no such paper."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Section = TypeVar("_Section", bound=_Strict)


class Paper(_Strict):
    """A paper whose tables can be laid out.

    Attributes:
        id: as `bench.report.text.citation` takes it.
        lacks: its tables and parts of them that are not in the file, and why.
    """

    title: str
    id: str
    lacks: tuple[str, ...] = ()


class PublishedSolver(_Strict):
    """A solver that we have too.

    Attributes:
        label: its name in print.
        steps: those of its row in our suites.
        backward: whether each evaluation is followed by a backward pass through the network.
    """

    label: str
    steps: int = Field(gt=0)
    backward: bool = False


class PublishedPrior(_Strict):
    """A network that papers use.

    Attributes:
        tflop: 10^12 operations of one evaluation on one image; None where we have no card of the network.
        sha256: hash of its weights, as in our card; None: any weights of that name are taken for them.
    """

    tflop: float | None = Field(None, gt=0)
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")


@dataclass(frozen=True)
class PrintedNumber:
    """A number as printed: the value, and half a unit of its last digit."""

    value: float
    half: float


class PublishedEntry(_Strict):
    """The part of a paper's table that is about one problem."""

    paper: str
    source: str
    title: str
    status: Status
    statuses: dict[str, Status] = {}
    images: str | None = None
    dataset: str | None = None
    n: int | None = Field(None, gt=0)
    prior: str
    operator: str
    params: dict[str, Any] = {}
    operator_differs: str | None = None
    sigma: float | None = Field(None, ge=0, allow_inf_nan=False)
    sigma_unit: Literal["[-1,1]", "[0,1]"] | None = None
    suite: str | None = None
    task: str | None = None
    preset: dict[str, Literal["official", "paper"]] = {}
    metrics: tuple[str, ...] = Field(min_length=1)
    variants: dict[str, str] = {}
    caveats: tuple[str, ...] = ()
    rows: dict[str, str] = Field(min_length=1)
    rows_differ: dict[str, str] = {}
    rows_skipped: dict[str, str] = {}

    @property
    def noise_std(self) -> float | None:
        """The noise's standard deviation for images in [-1, 1]; None where it is not known."""
        return self.sigma if self.sigma is None or self.sigma_unit == "[-1,1]" else 2 * self.sigma

    def printed(self, row: str) -> dict[str, str]:
        """Metric -> what the row prints, digit by digit; "-" where it prints nothing.

        Raises:
            ValueError: another number of columns than of metrics.
        """
        return dict(zip(self.metrics, self.rows[row].split(), strict=True))

    def numbers(self, row: str) -> dict[str, PrintedNumber]:
        """Metric -> the number that the row prints; empty places are left out."""
        found = {}
        for metric, text in self.printed(row).items():
            if text != "-":
                found[metric] = PrintedNumber(float(text), 0.5 * 10.0 ** -_decimals(text))
        return found

    def skipped(self, row: str) -> str | None:
        """Why no row of ours can be compared with it; None where one can."""
        none = f"no suite of ours has this problem with the network {self.prior}"
        return self.rows_skipped.get(row) if self.suite else none

    def status_of(self, row: str, metric: str) -> Status:
        """Where a number was read: as stated of the number itself, else of its row, its metric, its table."""
        for key in (f"{row} {metric}", row, metric):
            if key in self.statuses:
                return self.statuses[key]
        return self.status

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sigma is not None and self.sigma_unit is None:
            raise ValueError("sigma needs a sigma_unit")
        if (self.dataset is None) == (self.images is None):
            raise ValueError("give either the dataset, or in images what is known of them")
        for metric in (*self.metrics, *self.variants):
            _refuse_unknown("metric", metric, METRICS)
        for row in self.rows:
            self._refuse_unreadable(row)
        numbers = [f"{row} {metric}" for row in self.rows for metric in self.metrics]
        for key in self.statuses:
            _refuse_unknown("row or metric", key, (*self.rows, *self.metrics, *numbers))
        if (self.suite is None) != (self.task is None):
            raise ValueError("suite and task come together")
        for row in (*self.rows_differ, *self.rows_skipped):
            _refuse_unknown("row", row, self.rows)
        return self

    def _refuse_unreadable(self, row: str) -> None:
        try:
            self.numbers(row)
        except ValueError as error:
            raise ValueError(f"row '{row}': {len(self.metrics)} numbers or '-' expected ({error})") from None


@dataclass(frozen=True)
class Published:
    """The whole file."""

    papers: Mapping[str, Paper]
    solvers: Mapping[str, PublishedSolver]
    others: Mapping[str, str]
    priors: Mapping[str, PublishedPrior]
    entries: tuple[PublishedEntry, ...]

    def of(self, paper: str) -> list[PublishedEntry]:
        """The entries of a paper.

        Raises:
            PublishedError: there is no such paper.
        """
        if paper not in self.papers:
            raise PublishedError(f"unknown paper '{paper}'{nearest(paper, self.papers)}")
        return [entry for entry in self.entries if entry.paper == paper]

    def method(self, row: str) -> tuple[str | None, int | None]:
        """The solver of ours that a row names, None for other methods, and its steps, None if not known."""
        solver, _, steps = row.rpartition("-")
        if solver in self.solvers and steps.isdigit():
            return solver, int(steps)
        return (row, None) if row in self.solvers else (None, None)

    def label(self, row: str) -> str:
        """A row's name in print."""
        solver, steps = self.method(row)
        if solver is None:
            return self.others[row]
        return self.solvers[solver].label + (f" ({steps})" if steps else "")


def load_published(path: Path = FILE) -> Published:
    """Reads and checks the file.

    Raises:
        PublishedError: one line with the file, the entry and the reason.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PublishedError(
            f"no file {path}: published numbers come with the repository, "
            "not with the installed package; clone it"
        ) from None
    except (OSError, ValueError) as error:
        raise PublishedError(f"cannot read {path}: {error}") from None
    try:
        return _parse(data)
    except PublishedError as error:
        raise PublishedError(f"{path}: {error}") from None
    except KeyError as error:
        raise PublishedError(f"{path}: no section {error}") from None


def _parse(data: Mapping[str, Any]) -> Published:
    unknown = data.keys() - SECTIONS
    if unknown:
        raise PublishedError(f"unknown section '{min(unknown)}'")
    found = Published(
        papers=_section("papers", Paper, data),
        solvers=_section("solvers", PublishedSolver, data),
        priors=_section("priors", PublishedPrior, data),
        others=dict(data["others"]),
        entries=tuple(_entries(data["table"])),
    )
    for entry in found.entries:
        try:
            _refuse_unknown_names(found, entry)
        except ValueError as error:
            raise PublishedError(f"{entry.source}: {entry.title}: {error}") from None
    return found


def _section(name: str, kind: type[_Section], data: Mapping[str, Any]) -> dict[str, _Section]:
    return {key: _checked(f"{name}.{key}", kind, value) for key, value in data[name].items()}


def _entries(tables: Iterable[Mapping[str, Any]]) -> Iterator[PublishedEntry]:
    """Yields an entry per task of each table: what the table says, and on top of it what the task says."""
    for table in tables:
        shared = {name: value for name, value in table.items() if name != "task"}
        for task in table.get("task", ()):
            merged = shared | task
            for name in shared.keys() & task.keys():
                if isinstance(shared[name], dict):
                    merged[name] = shared[name] | task[name]
            merged["caveats"] = [*shared.get("caveats", ()), *task.get("caveats", ())]
            place = f"{merged.get('source', '(no source)')}: {merged.get('title', '(no title)')}"
            yield _checked(place, PublishedEntry, merged)


def _checked(place: str, kind: type[_Section], value: Any) -> _Section:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            reason = "unknown field"
        raise PublishedError(f"{place}: {field + ': ' if field else ''}{reason}") from None


def _refuse_unknown_names(found: Published, entry: PublishedEntry) -> None:
    """Refuses names in an entry that are in no other section.

    Raises:
        ValueError: what is unknown or missing.
    """
    _refuse_unknown("paper", entry.paper, found.papers)
    _refuse_unknown("prior", entry.prior, found.priors)
    if entry.suite and found.priors[entry.prior].tflop is None:
        raise ValueError(f"prior '{entry.prior}' has no tflop, which the plan needs")
    for solver in entry.preset:
        _refuse_unknown("solver", solver, found.solvers)
    ours = [f"{name}-{solver.steps}" for name, solver in found.solvers.items()]
    for row in entry.rows:
        if found.method(row)[0] is None:
            _refuse_unknown("row", row, (*found.others, *ours))


def _refuse_unknown(what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise ValueError(f"unknown {what} '{name}'{nearest(name, known)}")


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])
